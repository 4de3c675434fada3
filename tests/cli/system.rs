//! Debian's own store, in a mount namespace: azup, `update-ca-certificates`, curl and
//! OpenSSL see changed folders, and this machine's store stays what it is.

use crate::sandbox::{Done, Sandbox, azup};
use crate::tls::{BODY, Server};

/// The folders that the system's store is made of, and the one that its hooks write to.
const LAYERS: &str = r#"
set -e
mkdir -p "$ROOT"
mount -t tmpfs none "$ROOT"
for at in /etc /usr/local/share; do
    name=$(echo "$at" | tr / _)
    mkdir -p "$ROOT/$name/upper" "$ROOT/$name/work"
    mount -t overlay none -o "lowerdir=$at,upperdir=$ROOT/$name/upper,workdir=$ROOT/$name/work" "$at" ||
        { cp -a "$at/." "$ROOT/$name/upper/" && mount --bind "$ROOT/$name/upper" "$at"; }
done
"#;

/// Runs a shell program in which the system's folders may be changed at will. `$AZUP` is
/// azup.
fn inside(sandbox: &Sandbox, program: &str) -> Done {
    let mut command = sandbox.command("unshare");
    command
        .args(["--mount", "--propagation", "private", "sh", "-c"])
        .arg(format!("{LAYERS}\n{program}"))
        .env("AZUP", azup())
        .env("ROOT", sandbox.root().join("layers"));
    command.output().unwrap().into()
}

fn store_of_this_machine() -> Vec<u8> {
    std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap()
}

#[test]
fn curl_and_openssl_accept_after_trust_and_refuse_after_untrust() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    let before = store_of_this_machine();
    let program = format!(
        r#"
        get() {{ curl -sS --max-time 20 {url} || echo "curl: $?"; }}
        bundle=/etc/ssl/certs/ca-certificates.crt
        sha256sum < $bundle > "$ROOT/before"
        echo "before: $(get 2>/dev/null)"
        "$AZUP" trust --stores system
        echo "trusted: $(get)"
        openssl verify -CAfile $bundle {certs}/cert.pem
        ls /usr/local/share/ca-certificates | grep azup
        "$AZUP" trust --stores system
        "$AZUP" untrust --stores system
        sha256sum < $bundle | cmp - "$ROOT/before" && echo "the bundle is as it was"
        ls /usr/local/share/ca-certificates | grep azup || echo "no anchor is left"
        find /etc/ssl/certs -xtype l -name '*azup*'
        echo "after: $(get 2>/dev/null)"
        "$AZUP" untrust --stores system
        "#,
        url = server.url("127.0.0.1"),
        certs = sandbox.certs().display(),
    );
    let done = inside(&sandbox, &program);
    let shown = sandbox.shown(&done).replace(BODY, "[BODY]");
    insta::assert_snapshot!(shown);
    assert_eq!(
        store_of_this_machine(),
        before,
        "the real store was never touched"
    );
}

/// The CA of another project stays trusted when the anchor's fixed name goes to this one.
#[test]
fn two_cas_are_trusted_side_by_side() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let program = r#"
        "$AZUP" trust --stores system > /dev/null
        "$AZUP" renew --stores system > /dev/null
        ls /usr/local/share/ca-certificates | grep -c azup
        cmp /usr/local/share/ca-certificates/azup-local-ca.crt "$HOME/.local/share/azup/certs/ca.pem" && echo current
        "$AZUP" untrust --stores system > /dev/null
        ls /usr/local/share/ca-certificates | grep -c azup || true
    "#;
    let done = inside(&sandbox, program).ok();
    assert_eq!(done.stdout, "2\ncurrent\n0\n", "{done}");
}

/// Without root and without sudo: the commands for an administrator, and nothing done.
#[test]
fn an_ordinary_user_is_told_what_an_administrator_would_run() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let before = store_of_this_machine();
    let empty = sandbox.root().join("no-programs");
    std::fs::create_dir(&empty).unwrap();
    sandbox.set("PATH", empty);
    let done = sandbox.as_ordinary_user(["trust", "--stores", "system"]);
    assert_eq!(store_of_this_machine(), before);
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// sudo is a stand-in that records its words: a real one would change this machine.
#[test]
fn a_recording_stand_in_for_sudo_is_called_per_command_and_never_asks() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let log = sandbox.root().join("sudo.log");
    std::fs::write(&log, "").unwrap();
    let bin = sandbox.root().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let sudo = bin.join("sudo");
    std::fs::write(
        &sudo,
        format!(
            "#!/bin/sh\necho \"$*\" >> '{}'\necho 'sudo: a password is required' >&2\nexit 1\n",
            log.display()
        ),
    )
    .unwrap();
    for path in [&log, &sudo] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let done = sandbox.as_ordinary_user(["trust", "--stores", "system"]);
    assert_eq!(
        std::fs::read_to_string(&log).unwrap(),
        "-n install -m 0644 /dev/stdin /usr/local/share/ca-certificates/azup-local-ca.crt\n",
        "the first command is refused, so the second is not tried"
    );
    insta::assert_snapshot!(sandbox.shown(&done));
}
