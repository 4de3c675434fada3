//! Every hint that azup gives in any test, pasted: in a private copy of the test's machine, without
//! a network and with no process but its own. Then the command that gave the hint runs once more,
//! and must not give it again, unless the hint was the same command in another form and that has
//! worked.

use std::ffi::OsString;
use std::process::Stdio;

use crate::sandbox::{Done, Sandbox, azup};

/// What is not pasted, and why.
const LEFT_OUT: [(&str, &str); 13] = [
    ("sudo ", "it changes the machine that runs the tests"),
    ("azup up", "it needs a Node.js, and waits for a long time"),
    ("azup run", "the same"),
    ("azup down", "what it ends is not in that copy"),
    (
        "install ",
        "it is a sentence: azup installs no program of others",
    ),
    (
        "${EDITOR",
        "what stands in the file, a person has to put right",
    ),
    (
        "ls -l",
        "it shows whose file that is, and a person has to decide",
    ),
    ("cat ", "it shows why a program of others has ended"),
    ("close the browser", "it is a sentence"),
    (
        "certutil ",
        "it asks for the primary password, which only the user knows",
    ),
    ("uv pip install", "it needs a network"),
    (
        "deactivate",
        "a function of the shell that an environment was activated in",
    ),
    (
        "keytool -list",
        "it asks for a password, which only the user knows",
    ),
];

/// A message and the command below it.
fn hints(stderr: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut message = "";
    for line in stderr.lines() {
        if let Some(hint) = line.strip_prefix("hint: ") {
            found.push((message, hint));
        } else if ["error: ", "warning: "]
            .iter()
            .any(|start| line.starts_with(start))
        {
            message = line;
        }
    }
    found
}

/// A hint may name no store, and then means every store of this machine, so only the copy is
/// writable. `$1` is the sandbox, `$2` a folder for what changes in it, `$3` the project, `$4`
/// azup, `$5` the hint; then come the words of the command that gave it.
const PASTE: &str = r#"
root=$1 changed=$2 project=$3 program=$4 hint=$5
shift 5
/bin/mount -t tmpfs tmpfs "$changed" && /bin/mkdir "$changed/upper" "$changed/work" &&
    /bin/mount -t overlay overlay -o "lowerdir=$root,upperdir=$changed/upper,workdir=$changed/work" "$root" &&
    /bin/mount -o remount,bind,ro / && ! /usr/bin/touch /usr/azup-test 2> /dev/null && cd "$project" || exit 125
azup() { "$program" "$@"; }
eval "$hint" > /dev/null < /dev/null
echo "pasted: $?"
# What then serves has nothing to say any more.
/usr/bin/timeout -s KILL 15 "$program" "$@" 2>&1 > /dev/null < /dev/null
"#;

/// Only in `tests/run --all`: it makes the suite take half as long again, and needs namespaces.
#[track_caller]
pub fn check(sandbox: &Sandbox, words: &[OsString], done: &Done) {
    if std::env::var_os("AZUP_TEST_PASTE").is_none() {
        return;
    }
    for (message, hint) in hints(&done.stderr) {
        if LEFT_OUT.iter().any(|(start, _)| hint.starts_with(start)) {
            continue;
        }
        let changed = tempfile::tempdir().unwrap();
        let mut command = sandbox.command("/usr/bin/timeout");
        command
            .args([
                "-s",
                "KILL",
                "60",
                "/usr/bin/unshare",
                "--map-root-user",
                "--mount",
                "--net",
                "--pid",
                "--fork",
                "--kill-child",
            ])
            .args(["/bin/sh", "-c", PASTE, "sh"])
            .args([sandbox.root(), changed.path(), &sandbox.project(), azup()])
            .arg(hint)
            .args(words)
            .stdin(Stdio::null());
        let after = Done::from(command.output().unwrap());
        assert_ne!(
            after.code, 125,
            "no copy of the machine to paste in: {after}"
        );
        let verb = words
            .first()
            .map(|word| word.to_string_lossy())
            .unwrap_or_default();
        let is_same = hint.contains(&format!("azup {verb}"));
        let has_worked = after.stdout.contains("pasted: 0\n");
        let is_gone = !after.stdout.contains(message);
        // A renewal never replaces somebody else's key: a person has to say what happens to it.
        let is_theirs = after
            .stderr
            .contains("azup did not make the certificate set");
        assert!(
            is_gone || is_same && has_worked || is_theirs,
            "{words:?}\n{message}\nhint: {hint}\ndoes not fix it: {after}"
        );
    }
}
