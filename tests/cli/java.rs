//! Java's keystores: a real JDK's keytool reads what azup writes, and a real Java runtime trusts
//! it.
//!
//! azup runs in a mount namespace in which the machine's own JDKs are hidden, so that it finds only
//! those of the sandbox.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::sandbox::{Done, Sandbox, azup, public_roots};
use crate::system::inside;
use crate::tls::{BODY, Server};

/// The keystore that all JDKs of this machine share.
const OF_THIS_MACHINE: &str = "/etc/ssl/certs/java/cacerts";

fn of_this_machine() -> Vec<u8> {
    let keystore = std::fs::read(OF_THIS_MACHINE);
    needs!(keystore.is_ok(), "java");
    keystore.unwrap()
}

/// Where the machine's JDK can still be found when its usual place is hidden.
fn jdk(sandbox: &Sandbox) -> PathBuf {
    sandbox.root().join("machines-jdk")
}

/// Prefixes a command so that it runs without the machine's JDKs (one stays reachable, read-only,
/// so that tests cannot change it), and with `$2` read-only if it is not empty.
const HIDE: &str = r#"
set -e
/bin/mkdir -p "$0"
/bin/mount --bind "$1" "$0"
/bin/mount -o remount,bind,ro "$0"
/bin/mount -t tmpfs none /usr/lib/jvm
if [ -n "$2" ]; then
    /bin/mount --bind "$2" "$2"
    /bin/mount -o remount,bind,ro "$2"
fi
shift 2
exec "$@"
"#;

/// The JDK that `java` on PATH belongs to.
fn machines_jdk() -> PathBuf {
    let java = Path::new("/usr/bin/java").canonicalize();
    needs!(java.is_ok(), "java");
    java.unwrap().ancestors().nth(2).unwrap().to_owned()
}

/// Runs a program with only the sandbox's JDKs.
pub(crate) fn hidden<A: AsRef<std::ffi::OsStr>>(
    sandbox: &Sandbox,
    read_only: Option<&Path>,
    words: impl IntoIterator<Item = A>,
) -> Done {
    let before = of_this_machine();
    let mut command = sandbox.command("/usr/bin/unshare");
    command
        .args(["--mount", "--map-root-user", "/bin/sh", "-c", HIDE])
        .arg(jdk(sandbox))
        .arg(machines_jdk())
        .arg(read_only.unwrap_or(Path::new("")))
        .args(words);
    let done = Done::from(command.output().unwrap());
    let after = of_this_machine();
    assert!(before == after, "the machine's keystore was never touched");
    done
}

fn run(sandbox: &Sandbox, verb: &str) -> Done {
    let words = [azup().as_os_str(), verb.as_ref()];
    let java = ["--stores", "java"].map(std::ffi::OsStr::new);
    hidden(sandbox, None, words.into_iter().chain(java))
}

fn trust(sandbox: &Sandbox) -> Done {
    run(sandbox, "trust")
}

fn untrust(sandbox: &Sandbox) -> Done {
    run(sandbox, "untrust")
}

/// A folder with the parts of a JDK that matter here: this keystore, and keytool. It becomes
/// `JAVA_HOME`.
pub(crate) fn home_with(sandbox: &mut Sandbox, cacerts: &Path) -> PathBuf {
    let home = sandbox.home().join("jdk");
    let keystore = home.join("lib/security/cacerts");
    std::fs::create_dir_all(keystore.parent().unwrap()).unwrap();
    sandbox.needs("keytool");
    std::fs::copy(cacerts, &keystore).unwrap();
    std::fs::create_dir(home.join("bin")).unwrap();
    std::os::unix::fs::symlink(jdk(sandbox).join("bin/keytool"), home.join("bin/keytool")).unwrap();
    sandbox.set("JAVA_HOME", &home);
    keystore
}

fn keytool(sandbox: &Sandbox, words: &[&str]) -> Done {
    sandbox.run("keytool", words)
}

/// Aliases and kinds of entries, as keytool lists them with the usual password.
fn listed(sandbox: &Sandbox, keystore: &Path) -> Vec<String> {
    let words = ["-list", "-storepass", "changeit", "-keystore"];
    let done = keytool(
        sandbox,
        &[&words[..], &[keystore.to_str().unwrap()]].concat(),
    )
    .ok();
    let entries = done.stdout.lines().filter(|line| line.contains("Entry, "));
    let mut entries: Vec<String> = entries
        .map(|line| {
            let parts: Vec<&str> = line.split(", ").collect();
            format!("{} {}", parts[0], parts[parts.len() - 2])
        })
        .collect();
    entries.sort();
    entries
}

/// A certificate that azup has nothing to do with.
fn foreign(sandbox: &Sandbox) -> PathBuf {
    let path = sandbox.root().join("foreign.pem");
    sandbox.foreign_ca_at("Foreign", &path);
    path
}

/// A keystore made by keytool with a foreign certificate in it, using the options in `more`.
fn made(sandbox: &Sandbox, more: &[&str], password: &str) -> PathBuf {
    let path = sandbox.root().join("made.keystore");
    let foreign = foreign(sandbox);
    let words = [
        "-importcert",
        "-noprompt",
        "-alias",
        "foreign",
        "-storepass",
        password,
    ];
    let files = [
        "-keystore",
        path.to_str().unwrap(),
        "-file",
        foreign.to_str().unwrap(),
    ];
    keytool(sandbox, &[&words[..], &files[..], more].concat()).ok();
    path
}

/// Password-less PKCS12, like the cacerts of upstream builds of JDK 18 and later.
const WITHOUT_PASSWORD: [&str; 4] = [
    "-storetype",
    "PKCS12",
    "-J-Dkeystore.pkcs12.certProtectionAlgorithm=NONE",
    "-J-Dkeystore.pkcs12.macAlgorithm=NONE",
];

const CLIENT: &str = "
import java.net.URI;

public class Get {
    public static void main(String[] words) throws Exception {
        var answer = URI.create(words[0]).toURL().openStream();
        System.out.print(new String(answer.readAllBytes()));
    }
}
";

/// A client in Java, compiled into the project's folder.
pub fn client(sandbox: &Sandbox) {
    sandbox.write("Get.java", CLIENT);
    sandbox.run("javac", ["-d", ".", "Get.java"]).ok();
}

#[track_caller]
fn refused(done: &Done) {
    assert!(
        done.stderr
            .contains("unable to find valid certification path"),
        "{done}"
    );
}

/// A Java runtime made by jlink, with its own cacerts and no option that says where that is.
#[test]
fn java_accepts_the_certificate_after_trust_and_only_then() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    let runtime = sandbox.root().join("runtime");
    let modules = ["--add-modules", "java.base,jdk.crypto.ec", "--output"];
    sandbox
        .run(
            machines_jdk().join("bin/jlink"),
            modules.into_iter().chain([runtime.to_str().unwrap()]),
        )
        .ok();
    client(&sandbox);
    let get = |sandbox: &Sandbox| {
        let words = ["-cp", ".", "Get", &server.url("127.0.0.1")];
        sandbox.run(runtime.join("bin/java"), words)
    };
    sandbox.set("JAVA_HOME", &runtime);
    let keystore = runtime.join("lib/security/cacerts");
    let before = std::fs::read(&keystore).unwrap();

    refused(&get(&sandbox));
    let done = trust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    java     added  [ROOT]/runtime/lib/security/cacerts
    azup local CA [ID] (valid until [DATE]): trusted
    --- stderr
    ");
    assert_eq!(get(&sandbox).ok().stdout, BODY);
    let done = untrust(&sandbox);
    insta::assert_snapshot!(sandbox.shown(&done), @r"
    exit: 0
    --- stdout
    java     removed  [ROOT]/runtime/lib/security/cacerts
    removed from 1 store
    --- stderr
    ");
    refused(&get(&sandbox));
    assert!(std::fs::read(&keystore).unwrap() == before);
}

#[test]
fn keytool_reads_what_azup_wrote() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_NOW", "1800000000");
    let keystore = home_with(&mut sandbox, Path::new(OF_THIS_MACHINE));
    std::fs::set_permissions(&keystore, std::fs::Permissions::from_mode(0o640)).unwrap();
    let before = listed(&sandbox, &keystore);
    trust(&sandbox).ok();
    let mut after = listed(&sandbox, &keystore);
    let ours = after.iter().position(|line| line.starts_with("azup"));
    assert_eq!(
        after.remove(ours.unwrap()),
        "azup-local-ca trustedCertEntry"
    );
    assert_eq!(after, before);
    assert_eq!(keystore.metadata().unwrap().mode() & 0o7777, 0o640);
    let words = [
        "-list",
        "-v",
        "-alias",
        "azup-local-ca",
        "-storepass",
        "changeit",
    ];
    let at = ["-keystore", keystore.to_str().unwrap()];
    let shown = keytool(&sandbox, &[&words[..], &at[..]].concat())
        .ok()
        .stdout;
    assert!(shown.contains("Creation date: Jan 15, 2027"), "{shown}");
}

/// A private key, a certificate, and an entry that already has azup's usual name.
#[test]
fn foreign_entries_of_every_kind_survive_byte_for_byte() {
    let mut sandbox = Sandbox::new();
    let made = made(&sandbox, &["-storetype", "JKS"], "changeit");
    let at = made.to_str().unwrap();
    let store = ["-keystore", at, "-storepass", "changeit"];
    let key = [
        "-genkeypair",
        "-alias",
        "my key ü",
        "-keyalg",
        "EC",
        "-dname",
        "CN=me",
    ];
    keytool(
        &sandbox,
        &[&key[..], &store[..], &["-keypass", "changeit"]].concat(),
    )
    .ok();
    let foreign = sandbox.root().join("foreign.pem");
    let same = [
        "-importcert",
        "-noprompt",
        "-alias",
        "AZUP-local-ca",
        "-file",
    ];
    keytool(
        &sandbox,
        &[&same[..], &[foreign.to_str().unwrap()], &store[..]].concat(),
    )
    .ok();
    let keystore = home_with(&mut sandbox, &made);
    let before = std::fs::read(&keystore).unwrap();

    trust(&sandbox).ok();
    let json = sandbox.azup(["trust", "--stores", "none", "--json"]).json();
    let sha256 = json["ca"]["sha256"].as_str().unwrap().to_owned();
    let after = std::fs::read(&keystore).unwrap();
    assert_eq!(after[12..before.len() - 20], before[12..before.len() - 20]);
    let entries = listed(&sandbox, &keystore);
    assert_eq!(entries.len(), 4, "{entries:?}");
    let alias = format!("azup-{} trustedCertEntry", &sha256[..8]);
    assert!(entries.contains(&alias), "{entries:?}");
    untrust(&sandbox).ok();
    assert!(std::fs::read(&keystore).unwrap() == before);
}

/// Neither keytool nor any other program is needed, and the bytes come back.
#[test]
fn a_keystore_without_password_is_edited_natively() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    client(&sandbox);
    let made = made(&sandbox, &WITHOUT_PASSWORD, "changeit");
    let keystore = home_with(&mut sandbox, &made);
    std::fs::remove_file(sandbox.home().join("jdk/bin/keytool")).unwrap();
    let before = std::fs::read(&keystore).unwrap();
    let option = format!("-Djavax.net.ssl.trustStore={}", keystore.display());
    let url = server.url("127.0.0.1");
    let get = |sandbox: &Sandbox| sandbox.run("java", [&option, "-cp", ".", "Get", &url]);

    refused(&get(&sandbox));
    trust(&sandbox).ok();
    let entries = listed(&sandbox, &keystore);
    assert_eq!(
        entries,
        ["azup-local-ca trustedCertEntry", "foreign trustedCertEntry"]
    );
    assert_eq!(get(&sandbox).ok().stdout, BODY);
    let once = std::fs::read(&keystore).unwrap();
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("java     trusted"), "{done}");
    assert!(std::fs::read(&keystore).unwrap() == once);
    untrust(&sandbox).ok();
    assert!(std::fs::read(&keystore).unwrap() == before);
    refused(&get(&sandbox));
}

#[test]
fn an_encrypted_keystore_goes_through_keytool() {
    let mut sandbox = Sandbox::new();
    let made = made(&sandbox, &["-storetype", "PKCS12"], "changeit");
    let keystore = home_with(&mut sandbox, &made);
    let before = std::fs::read(&keystore).unwrap();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let words = [
        azup().to_str().unwrap(),
        "trust",
        "--stores",
        "java",
        "--dry-run",
    ];
    let done = hidden(&sandbox, None, words);
    insta::assert_snapshot!(sandbox.shown(&done));
    assert!(std::fs::read(&keystore).unwrap() == before);

    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("java     added"), "{done}");
    let both = ["azup-local-ca trustedCertEntry", "foreign trustedCertEntry"];
    assert_eq!(listed(&sandbox, &keystore), both);
    let once = std::fs::read(&keystore).unwrap();
    let done = trust(&sandbox).ok();
    assert!(done.stdout.starts_with("java     trusted"), "{done}");
    assert!(std::fs::read(&keystore).unwrap() == once);
    let done = untrust(&sandbox).ok();
    assert!(done.stdout.starts_with("java     removed"), "{done}");
    assert_eq!(listed(&sandbox, &keystore), ["foreign trustedCertEntry"]);
    let done = untrust(&sandbox).ok();
    assert!(done.stdout.starts_with("java     absent"), "{done}");
}

/// keytool truncates the keystore before it writes. A stand-in that dies in between leaves nothing
/// half done.
#[test]
fn a_keytool_that_dies_half_way_leaves_the_old_bytes() {
    let mut sandbox = Sandbox::new();
    let made = made(&sandbox, &["-storetype", "PKCS12"], "changeit");
    let keystore = home_with(&mut sandbox, &made);
    let before = std::fs::read(&keystore).unwrap();
    let stand_in = sandbox.home().join("jdk/bin/keytool");
    std::fs::remove_file(&stand_in).unwrap();
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in *-list*) exec '{}' \"$@\" ;; esac\nhead -c 40 '{keystore}' > '{keystore}.cut'\ncat '{keystore}.cut' > '{keystore}'; rm '{keystore}.cut'\nkill -9 $$\n",
        jdk(&sandbox).join("bin/keytool").display(),
        keystore = keystore.display(),
    );
    crate::sandbox::write_program(&stand_in, &script);
    let done = trust(&sandbox);
    assert_eq!(done.code, 1, "{done}");
    assert!(std::fs::read(&keystore).unwrap() == before);
}

/// What azup says about a faulty keystore; nothing is changed.
#[track_caller]
fn left_alone(sandbox: &Sandbox, keystore: &Path) -> String {
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let before = std::fs::read(keystore).unwrap();
    let done = trust(sandbox);
    assert_eq!(done.code, 1, "{done}");
    assert!(std::fs::read(keystore).unwrap() == before);
    sandbox.shown(&done)
}

#[test]
fn another_password_is_named_with_the_command_that_asks_for_it() {
    let mut sandbox = Sandbox::new();
    let made = made(&sandbox, &["-storetype", "JKS"], "correct horse");
    let keystore = home_with(&mut sandbox, &made);
    insta::assert_snapshot!(left_alone(&sandbox, &keystore));
}

#[test]
fn another_password_of_an_encrypted_keystore() {
    let mut sandbox = Sandbox::new();
    let made = made(&sandbox, &["-storetype", "PKCS12"], "correct horse");
    let keystore = home_with(&mut sandbox, &made);
    insta::assert_snapshot!(left_alone(&sandbox, &keystore));
}

#[test]
fn a_truncated_keystore() {
    let mut sandbox = Sandbox::new();
    let keystore = home_with(&mut sandbox, Path::new(OF_THIS_MACHINE));
    let bytes = std::fs::read(&keystore).unwrap();
    std::fs::write(&keystore, &bytes[..bytes.len() / 2]).unwrap();
    insta::assert_snapshot!(left_alone(&sandbox, &keystore));
}

#[test]
fn files_that_are_no_keystores() {
    let mut sandbox = Sandbox::new();
    let empty = sandbox.write("empty", "");
    let keystore = home_with(&mut sandbox, &empty);
    let mut all = left_alone(&sandbox, &keystore);
    std::fs::write(&keystore, public_roots()).unwrap();
    all.push_str(&left_alone(&sandbox, &keystore));
    std::fs::write(&keystore, b"\x30\x03\x02\x01\x03").unwrap();
    all.push_str(&left_alone(&sandbox, &keystore));
    insta::assert_snapshot!(all);
}

#[test]
fn a_java_home_that_is_none_has_its_own_message() {
    let mut sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let mut all = String::new();
    for home in ["gone", "project"] {
        sandbox.set("JAVA_HOME", sandbox.root().join(home));
        all.push_str(&sandbox.shown(&trust(&sandbox)));
    }
    sandbox.unset("JAVA_HOME");
    all.push_str(&sandbox.shown(&trust(&sandbox)));
    insta::assert_snapshot!(all);
}

/// Every place where version managers and packages put JDKs; one that several of them link to is
/// edited once, at its real path, and the links stay.
#[test]
fn every_jdk_is_found_once() {
    let sandbox = Sandbox::new();
    let home = sandbox.home();
    let shared = home.join("shared-cacerts");
    std::fs::write(&shared, of_this_machine()).unwrap();
    let own = [
        ".sdkman/candidates/java/21.0.2-tem/lib/security/cacerts",
        ".asdf/installs/java/temurin-17/lib/security/cacerts",
        ".local/share/mise/installs/java/21/lib/security/cacerts",
        ".jdks/corretto-8/jre/lib/security/cacerts",
        ".gradle/jdks/one/Contents/Home/lib/security/cacerts",
        "Library/Java/JavaVirtualMachines/zulu/Contents/Home/lib/security/jssecacerts",
    ];
    let linked = [
        ".sdkman/candidates/java/debian/lib/security/cacerts",
        ".jdks/debian/lib/security/cacerts",
    ];
    for place in own.iter().chain(&linked) {
        std::fs::create_dir_all(home.join(place).parent().unwrap()).unwrap();
    }
    for place in own {
        std::fs::copy(OF_THIS_MACHINE, home.join(place)).unwrap();
    }
    for place in linked {
        std::os::unix::fs::symlink(&shared, home.join(place)).unwrap();
    }
    std::os::unix::fs::symlink("21.0.2-tem", home.join(".sdkman/candidates/java/current")).unwrap();
    let before = Sandbox::files(&home);

    let words = [
        azup().to_str().unwrap(),
        "trust",
        "--stores",
        "java",
        "--json",
    ];
    let json = hidden(&sandbox, None, words).ok().json();
    let stores = json["stores"].as_array().unwrap();
    let mut paths: Vec<&str> = stores
        .iter()
        .map(|store| store["path"].as_str().unwrap())
        .collect();
    paths.sort_unstable();
    let mut expected: Vec<PathBuf> = own.iter().map(|place| home.join(place)).collect();
    expected.push(shared);
    expected.sort();
    assert_eq!(
        paths,
        expected
            .iter()
            .map(|path| path.to_str().unwrap())
            .collect::<Vec<_>>()
    );
    assert!(
        stores.iter().all(|store| store["status"] == "added"),
        "{json}"
    );

    untrust(&sandbox).ok();
    let own = sandbox.own();
    let mut after = Sandbox::files(&home);
    after.retain(|(path, _)| !path.starts_with(&own));
    assert!(after == before);
}

/// An administrator's keystore: an ordinary user is told the command. sudo is a stand-in that
/// records its arguments.
#[test]
fn an_administrators_keystore_takes_keytool_under_sudo() {
    let mut sandbox = Sandbox::new();
    let keystore = home_with(&mut sandbox, Path::new(OF_THIS_MACHINE));
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let before = std::fs::read(&keystore).unwrap();
    let bin = sandbox.root().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let log = sandbox.root().join("sudo.log");
    let sudo = bin.join("sudo");
    let script = format!(
        "#!/bin/sh\necho \"$*\" >> '{}'\necho 'sudo: a password is required' >&2\nexit 1\n",
        log.display()
    );
    crate::sandbox::write_program(&sudo, &script);
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", bin.display()));
    let copy = sandbox.root().join("azup");
    crate::sandbox::copy_program(azup(), &copy);
    let everything = format!(
        r#"chown 65534:65534 "{root}" && chown -R 65534:65534 "{home}" "{project}" && chown -R 0:0 "{home}/jdk" && exec setpriv --reuid=65534 --regid=65534 --clear-groups "{azup}" "$@""#,
        root = sandbox.root().display(),
        home = sandbox.home().display(),
        project = sandbox.project().display(),
        azup = copy.display(),
    );
    let words = |verb| ["sh", "-c", &everything, "sh", verb, "--stores", "java"].map(str::to_owned);
    let done = as_root(&sandbox, &words("trust"));
    assert!(std::fs::read(&keystore).unwrap() == before);
    let log = std::fs::read_to_string(&log).unwrap();
    insta::assert_snapshot!(log.replace(sandbox.root().to_str().unwrap(), "[ROOT]"));
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// [`hidden`] without a user namespace, in which no other user would exist.
fn as_root(sandbox: &Sandbox, words: &[String]) -> Done {
    let before = of_this_machine();
    let mut command = sandbox.command("/usr/bin/unshare");
    command
        .args(["--mount", "--propagation", "private", "/bin/sh", "-c", HIDE])
        .arg(jdk(sandbox))
        .arg(machines_jdk())
        .arg("")
        .args(words);
    let done = Done::from(command.output().unwrap());
    assert!(of_this_machine() == before);
    done
}

/// Debian's hook puts the system's CAs into the keystore that all JDKs share, and does not take
/// them out again. Here the real JDK and the real hook work on changed folders.
#[test]
fn on_debian_the_hooks_entry_counts_and_goes() {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let server = Server::of(&sandbox.certs());
    client(&sandbox);
    let before = of_this_machine();
    let program = format!(
        r#"
        # Whatever another run of the hook has left undone on this machine.
        dpkg --configure ca-certificates-java > /dev/null 2>&1 || true
        get() {{ java -cp . Get {url} 2>&1 | grep -o "served by azup's leaf\|unable to find valid" | head -1; }}
        list() {{ keytool -list -keystore {OF_THIS_MACHINE} -storepass changeit 2>/dev/null | grep Entry | cut -d, -f1 | grep azup || echo "no entry"; }}
        get
        "$AZUP" trust --stores system,java
        list
        get
        "$AZUP" untrust --stores system,java
        list
        get
        sha256sum < {OF_THIS_MACHINE} > "$ROOT/before"
        "$AZUP" trust --stores java
        list
        get
        "$AZUP" untrust --stores java
        sha256sum < {OF_THIS_MACHINE} | cmp - "$ROOT/before" && echo "the bytes before"
        "#,
        url = server.url("127.0.0.1"),
    );
    let done = inside(&sandbox, &program);
    insta::assert_snapshot!(sandbox.shown(&done));
    assert!(of_this_machine() == before);
}
