//! Debian's own store, in a mount namespace: azup, `update-ca-certificates`, curl and OpenSSL see
//! changed folders, and this machine's store stays as it is.

use crate::sandbox::{Done, Sandbox, azup};
use crate::tls::{BODY, Server};

/// The folders of the system's store, and those that its hooks write to: the one for Java goes
/// through dpkg's triggers.
const LAYERS: &str = r#"
set -e
mkdir -p "$ROOT"
mount -t tmpfs none "$ROOT"
for at in /etc /usr/local/share /var/lib/dpkg /var/lib/ca-certificates-java /var/log; do
    [ -d "$at" ] || continue
    name=$(echo "$at" | tr / _)
    mkdir -p "$ROOT/$name/upper" "$ROOT/$name/work"
    mount -t overlay none -o "lowerdir=$at,upperdir=$ROOT/$name/upper,workdir=$ROOT/$name/work" "$at" ||
        { cp -a "$at/." "$ROOT/$name/upper/" && mount --bind "$ROOT/$name/upper" "$at"; }
done
"#;

/// Runs a shell program that may change the system's folders freely. `$AZUP` is azup.
pub fn inside(sandbox: &Sandbox, program: &str) -> Done {
    needs!(rustix::process::geteuid().is_root(), "root");
    for program in ["update-ca-certificates", "openssl", "curl"] {
        sandbox.needs(program);
    }
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

/// The hook for Java adds an alias and never removes one; keytool checks it.
#[test]
fn nothing_is_left_in_debians_store_for_java_nor_among_its_links() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let program = r#"
        store=/etc/ssl/certs/java/cacerts
        ours() { keytool -list -keystore $store -storepass changeit 2>/dev/null | grep -c "^debian:azup-local-ca$1"; }
        everything() { find /etc/ssl/certs /usr/local/share/ca-certificates | sort; cat /etc/ssl/certs/ca-certificates.crt; }
        aliases() { keytool -list -keystore $store -storepass changeit 2>/dev/null | grep , | sort; }
        # What an interrupted run of the hook left behind would keep it from its work.
        rm -f /var/lib/ca-certificates-java/pending
        dpkg --configure ca-certificates-java > /dev/null 2>&1 || true
        update-ca-certificates --fresh > /dev/null 2>&1
        everything > "$ROOT/before"; aliases > "$ROOT/aliases"
        "$AZUP" trust --stores system > /dev/null
        "$AZUP" renew --stores system > /dev/null
        echo "trusted: $(ours)"
        "$AZUP" untrust --stores system --dry-run
        "$AZUP" untrust --stores system
        echo "after: $(ours)"
        everything | cmp - "$ROOT/before" && echo "links and bundle are as they were"
        aliases | cmp - "$ROOT/aliases" && echo "Java's store is as it was"
        sha256sum $store > "$ROOT/store"
        "$AZUP" untrust --stores system --json | grep status
        sha256sum --quiet -c "$ROOT/store" && echo "the second time changes nothing"
    "#;
    let done = inside(&sandbox, program).ok();
    let hidden = regex_lite::Regex::new(r"azup-local-ca-[0-9a-f]{8}").unwrap();
    let shown = sandbox.shown(&done);
    insta::assert_snapshot!(hidden.replace_all(&shown, "azup-local-ca-[ID]"));
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

/// As in the shell of Debian's `su`.
#[test]
fn root_without_sbin_on_its_path_finds_the_program() {
    let mut sandbox = Sandbox::new();
    sandbox.set("PATH", "/usr/bin:/bin");
    let done = inside(
        &sandbox,
        r#""$AZUP" trust --stores system -q && ls /etc/ssl/certs/azup-local-ca.pem"#,
    );
    assert_eq!(done.code, 0, "{done}");
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

/// `azup trust` leaves the system's store to an administrator, so doctor does not send anybody back
/// and forth: it gives information, and its fix is what an administrator would run.
#[test]
fn doctor_does_not_send_an_ordinary_user_in_a_circle() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    std::fs::copy(azup(), sandbox.root().join("azup")).unwrap();
    let program = r#"
        chown -R 65534:65534 "$HOME" .
        chmod a+x "$ROOT/.."
        set +e
        as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$ROOT/../azup" "$@"; }
        as_user doctor store-system client-curl
        echo "exit code $?"
        fix=$(as_user doctor store-system | sed -n 's/^ *fix: //p')
        sh -c "$fix" > /dev/null 2>&1
        as_user doctor store-system
        echo "exit code $?"
    "#;
    let done = inside(&sandbox, program).ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert!(
        lines[3].starts_with("      fix: s") && lines[3].contains("update-ca-certificates"),
        "{done}"
    );
    assert_eq!(
        lines[0],
        "warn  store-system  the operating system trusts the CA (curl, OpenSSL, Go)"
    );
    assert_eq!(lines[2], "      only an administrator can add it");
    assert_eq!(
        lines[4],
        "skip  client-curl   curl accepts the certificate (see store-system)"
    );
    assert_eq!(lines[5..7], ["1 to look at, 1 skipped", "exit code 0"]);
    // As an administrator pasted it.
    assert_eq!(lines[8..], ["1 ok", "exit code 0"], "{done}");
}

/// A dev container whose image was built as root, and whose user cannot become root.
#[test]
fn an_ordinary_user_of_a_dev_container_is_told_what_untrust_cannot_undo() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    std::fs::copy(azup(), sandbox.root().join("azup")).unwrap();
    let program = r#"
        mkdir -m 0755 /usr/local/share/azup && : > /usr/local/share/azup/dev-container
        "$AZUP" trust --stores system > /dev/null
        chown -R 65534:65534 "$HOME" .
        chmod a+x "$ROOT/.."
        set +e
        as_user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$ROOT/../azup" "$@"; }
        as_user untrust --stores system
        echo "exit code $?"
        as_user untrust --scope project --stores certifi
        echo "exit code $?"
    "#;
    let done = inside(&sandbox, program).ok();
    let lines: Vec<&str> = done
        .stdout
        .lines()
        .filter(|line| !line.starts_with("certifi"))
        .collect();
    assert_eq!(
        lines,
        [
            "system   failed  /etc/ssl/certs/ca-certificates.crt",
            "removed from no store; 1 could not be changed",
            "exit code 3",
            "no store has a CA to remove",
            "exit code 0",
        ],
        "{done}"
    );
    let error =
        "error: system, /etc/ssl/certs/ca-certificates.crt: only an administrator can do this";
    assert!(done.stderr.contains(error), "{done}");
    let hint = "rm -f /usr/local/share/ca-certificates/azup-local-ca.crt";
    assert!(
        done.stderr.contains(hint) && done.stderr.contains("update-ca-certificates --fresh"),
        "{done}"
    );
}

/// Before every debug session: a store that only an administrator can write is no reason to stop.
#[test]
fn an_ordinary_user_debugs_without_the_systems_store() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let empty = sandbox.root().join("no-programs");
    std::fs::create_dir(&empty).unwrap();
    sandbox.set("PATH", empty);
    let done = sandbox.as_ordinary_user(["trust"]).ok();
    let row = "skipped  /etc/ssl/certs/ca-certificates.crt (it needs an administrator: su -l -c 'install ";
    assert!(done.stdout.contains(row), "{done}");
    assert_eq!(done.stderr, "");
    let strict = sandbox.as_ordinary_user(["trust", "--strict"]);
    assert_eq!(strict.code, 3, "{strict}");
    let named = sandbox.as_ordinary_user(["trust", "--stores", "system"]);
    assert_eq!(named.code, 3, "{named}");
}

/// sudo is a stand-in that records its arguments: a real one would change this machine.
#[test]
fn a_recording_stand_in_for_sudo_is_called_per_command_and_never_asks() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let log = sandbox.root().join("sudo.log");
    std::fs::write(&log, "").unwrap();
    let bin = sandbox.root().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let sudo = bin.join("sudo");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\necho 'sudo: a password is required' >&2\nexit 1\n",
        log.display()
    );
    crate::sandbox::write_program(&sudo, &script);
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let done = sandbox.as_ordinary_user(["trust", "--stores", "system"]);
    assert_eq!(
        std::fs::read_to_string(&log).unwrap(),
        "-n install -m 0644 /dev/stdin /usr/local/share/ca-certificates/azup-local-ca.crt\n",
        "the first command is refused, so the second is not tried"
    );
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// Runs a shell program as root, with a user 12345 in a copy of the user database, and the
/// environment that sudo leaves. sudo itself is not part of the test.
fn with_sudo(sandbox: &mut Sandbox, program: &str) -> Done {
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let user = format!(
        "anna:x:12345:12346:Anna:{}:/bin/sh\n",
        sandbox.home().display()
    );
    let copy = sandbox.root().join("passwd");
    std::fs::write(&copy, passwd + &user).unwrap();
    // Root's home, which may contain azup, is hidden.
    let program_of_all = sandbox.root().join("azup");
    std::fs::copy(azup(), &program_of_all).unwrap();
    // Only its owner can enter the sandbox, and azup may be where this user cannot go.
    let own = ["-R", "12345:12346", &sandbox.root().to_string_lossy()];
    sandbox.run("/bin/chown", own).ok();
    for (name, value) in [
        ("SUDO_USER", "anna"),
        ("SUDO_UID", "12345"),
        ("SUDO_GID", "12346"),
    ] {
        sandbox.set(name, value);
    }
    let home = sandbox.home();
    sandbox.set("HOME", "/root");
    sandbox.set("USERS_HOME", &home);
    inside(
        sandbox,
        &format!(
            "mount --bind '{}' /etc/passwd\nmount -t tmpfs none /root\nAZUP='{}'\n{program}",
            copy.display(),
            program_of_all.display()
        ),
    )
}

/// Afterwards the user's files belong to the user, and the system's to root: its store, and a
/// bundle of a tool that came with the system.
#[test]
fn run_as_root_by_sudo_everything_belongs_to_the_user_who_typed_it() {
    let mut sandbox = Sandbox::new();
    let done = with_sudo(
        &mut sandbox,
        r#"
        "$AZUP" trust --stores system
        find "$USERS_HOME" -mindepth 1 -printf '%P %U:%G %m\n' | sort
        echo "in root's home: $(find /root -mindepth 1)"
        stat -c '%n %u:%g %a' /usr/local/share/ca-certificates/azup-local-ca.crt
        mkdir /usr/local/share/tool
        cp /etc/ssl/certs/ca-certificates.crt /usr/local/share/tool/bundle.pem
        "$AZUP" untrust --stores system -q
        "$AZUP" trust --stores none --bundle /usr/local/share/tool/bundle.pem -q
        find /usr/local/share/tool -printf '%p %U:%G %m\n'
        ls /usr/local/share/ca-certificates | grep azup || echo "no anchor is left"
        "#,
    );
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// A link in the user's home leads root nowhere: the user follows it.
#[test]
fn run_as_root_by_sudo_a_link_in_the_users_home_does_not_lead_to_roots_folders() {
    let mut sandbox = Sandbox::new();
    let share = sandbox.home().join(".local/share");
    std::fs::create_dir_all(&share).unwrap();
    std::os::unix::fs::symlink("/etc/azup-test", share.join("azup")).unwrap();
    let done = with_sudo(
        &mut sandbox,
        r#"
        mkdir /etc/azup-test
        "$AZUP" trust --stores none || echo "exit $?"
        find /etc/azup-test
        "#,
    );
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// A CA that azup did not make never gets the anchor's fixed name, which a dev container's
/// `NODE_EXTRA_CA_CERTS` points to.
#[test]
fn a_foreign_ca_has_an_anchor_of_its_own() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    sandbox.foreign_ca("proxy");
    let program = r#"
        anchors() { ls /usr/local/share/ca-certificates | grep -c azup || true; }
        "$AZUP" trust --stores system --ca proxy.pem > /dev/null
        test ! -e /usr/local/share/ca-certificates/azup-local-ca.crt
        openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt proxy.pem
        "$AZUP" trust --stores system > /dev/null
        anchors
        "$AZUP" untrust --stores system > /dev/null
        anchors
        "$AZUP" untrust --stores system --ca proxy.pem > /dev/null
        anchors
    "#;
    let done = inside(&sandbox, program).ok();
    assert_eq!(done.stdout, "proxy.pem: OK\n2\n1\n0\n", "{done}");
}

/// A read-only folder, and then a full disk: the reason is named, and the store is byte for byte
/// what it was.
#[test]
fn a_store_that_cannot_be_written_stays_as_it_is() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let program = r#"
        everything() { find /etc/ssl/certs /usr/local/share/ca-certificates | sort; cat /etc/ssl/certs/ca-certificates.crt; }
        everything | sha256sum > "$ROOT/before"
        anchors=/usr/local/share/ca-certificates
        mount --bind $anchors $anchors
        mount -o remount,bind,ro $anchors
        "$AZUP" trust --stores system 2>&1 || echo "exit: $?"
        umount $anchors
        mount -t tmpfs -o size=4k,nr_inodes=1 none $anchors
        "$AZUP" trust --stores system 2>&1 || echo "exit: $?"
        umount $anchors
        everything | sha256sum | cmp - "$ROOT/before" && echo "as before"
    "#;
    let done = inside(&sandbox, program);
    insta::assert_snapshot!(sandbox.shown(&done));
}

#[test]
fn without_the_package_there_is_no_store_and_the_package_is_named() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let program = r#"
        for program in /usr/sbin/update-ca-certificates /sbin/update-ca-certificates; do
            test -e $program && mount --bind /dev/null $program
        done
        "$AZUP" trust --stores system 2>&1 || echo "exit: $?"
    "#;
    let done = inside(&sandbox, program);
    insta::assert_snapshot!(sandbox.shown(&done));
}
