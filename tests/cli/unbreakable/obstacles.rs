//! Things in a project or in azup's own folder that are not files, or not the expected ones: azup
//! neither waits forever nor fills the memory, and says what they are.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::sandbox::{Done, Sandbox, public_roots};
use crate::unbreakable::hostile::limited;

/// A project in which no trust store is touched.
fn sandbox() -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    sandbox
}

fn fifo(sandbox: &Sandbox, path: impl AsRef<Path>) {
    let path = sandbox.project().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    sandbox.run("mkfifo", [path]).ok();
}

/// It ended by itself, in time, and without a panic.
#[track_caller]
fn ended(done: &Done, codes: &[i32]) {
    assert!(codes.contains(&done.code), "{done}");
    let all = format!("{}{}", done.stdout, done.stderr);
    assert!(
        !all.contains("panicked") && !all.contains("os error"),
        "{done}"
    );
}

#[test]
fn a_fifo_where_a_file_of_the_project_should_be_is_named_and_not_waited_for() {
    for path in [
        ".devcontainer/devcontainer.json",
        ".devcontainer.json",
        ".vscode/tasks.json",
        ".vscode/launch.json",
        ".devcontainer/azurite/.gitignore",
        ".devcontainer/azurite/edits.json",
        ".devcontainer/azurite/devcontainer-feature.json",
        ".devcontainer/azurite-certs/key.pem",
        ".devcontainer/azurite-certs/ca.pem",
    ] {
        let sandbox = sandbox();
        sandbox.write("app.py", "");
        fifo(&sandbox, path);
        let before: Vec<_> = std::fs::read_dir(sandbox.project()).unwrap().collect();
        let done = limited(&sandbox, &["init", "--yes"]);
        ended(&done, &[1, 4]);
        let name = Path::new(path).file_name().unwrap().to_str().unwrap();
        assert!(done.stderr.contains(name), "{path}: {done}");
        let after: Vec<_> = std::fs::read_dir(sandbox.project()).unwrap().collect();
        assert_eq!(before.len(), after.len(), "{path}: nothing is made");
        for words in [&["remove", "--yes"][..], &["trust"], &["doctor"], &["env"]] {
            ended(&limited(&sandbox, words), &[0, 1, 4]);
        }
    }
}

#[test]
fn a_fifo_in_azups_own_folder_is_named_and_not_waited_for() {
    for name in [
        "lock",
        "stores.json",
        "identity-header",
        "accounts.json",
        "certs/ca.pem",
        "certs/cert.pem",
        "certs/key.pem",
    ] {
        let sandbox = sandbox();
        let bundle = sandbox.write("bundle.pem", public_roots());
        sandbox.azup(["trust"]).ok();
        let path = sandbox.own().join(name);
        let _ = std::fs::remove_file(&path);
        fifo(&sandbox, &path);
        let mut named = 0;
        for words in [
            &["trust", "--bundle", "bundle.pem"][..],
            &["untrust", "--bundle", "bundle.pem"],
            &["renew"],
            &["env"],
            &["env", "--account", "mine"],
            &["up", "--dry-run", "--account", "mine"],
            &["doctor"],
            &["init", "--yes"],
            &["remove", "--yes"],
        ] {
            let done = limited(&sandbox, words);
            ended(&done, &[0, 1, 3]);
            named += usize::from(format!("{done}").contains(name));
        }
        assert!(named > 0, "{name} is never named");
        let now = std::fs::read(&bundle).unwrap();
        assert!(now.starts_with(&public_roots()), "{name}");
    }
}

/// Password managers provide a `.env` that is a FIFO: reading it prompts the user.
#[test]
fn a_dotenv_that_is_a_fifo_is_no_fault() {
    let sandbox = sandbox();
    fifo(&sandbox, ".env");
    let done = limited(&sandbox, &["doctor", "settings", "-v"]).ok();
    assert!(done.stdout.starts_with("skip  settings"), "{done}");
    assert!(
        done.stdout.contains("/.env is not a regular file"),
        "{done}"
    );
    // The contents of the other file are still used.
    sandbox.write(
        "local.settings.json",
        r#"{"Values": {"AzureWebJobsStorage": "UseDevelopmentStorage=true"}}"#,
    );
    let done = limited(&sandbox, &["doctor", "settings"]);
    assert!(done.stdout.starts_with("warn  settings"), "{done}");
    limited(&sandbox, &["init", "--yes"]).ok();
}

#[test]
fn a_linux_binary_without_an_end_is_refused() {
    let sandbox = sandbox();
    fifo(&sandbox, "fifo");
    for file in ["fifo", "/dev/zero", "."] {
        let done = limited(&sandbox, &["init", "--linux-binary", file]);
        ended(&done, &[1]);
        let why = "is not an azup for a container: it is not a regular file";
        assert!(done.stderr.contains(why), "{done}");
    }
    assert!(!sandbox.project().join(".devcontainer").exists());
}

/// Far more than a person writes, in bytes, in depth and in expanded aliases.
#[test]
fn an_enormous_configuration_is_refused_quickly() {
    let text = "a".repeat(60 << 20);
    let nested = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    for (text, why) in [
        (
            format!("{{\"x\": \"{text}\"}}"),
            "too large (60 MB) to be edited",
        ),
        (
            format!("{}1{text}", " ".repeat(60 << 20)),
            "is too large (120 MB)",
        ),
        (nested("[", "]"), "nested too deeply"),
        (nested("{\"a\":", "}"), "nested too deeply"),
    ] {
        for path in [
            ".devcontainer/devcontainer.json",
            ".vscode/tasks.json",
            ".vscode/launch.json",
        ] {
            let sandbox = sandbox();
            sandbox.write(path, &text);
            let done = limited(&sandbox, &["init", "--yes"]);
            ended(&done, &[1, 4]);
            assert!(done.stderr.contains(why), "{path}: {done}");
            ended(&limited(&sandbox, &["doctor"]), &[0, 1]);
            assert_eq!(Sandbox::files(&sandbox.project()).len(), 1, "{path}");
        }
    }
}

#[test]
fn a_compose_file_of_aliases_does_not_unfold() {
    let mut bomb = "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for (name, of) in "bcdefghij".chars().zip("abcdefghi".chars()) {
        let aliases = vec![format!("*{of}"); 10].join(", ");
        bomb.push_str(&format!("{name}: &{name} [{aliases}]\n"));
    }
    bomb.push_str("services:\n  app:\n    image: debian:12\n    labels: *j\n");
    let circle = "services:\n  app: &app\n    image: debian:12\n    labels: *app\n";
    let nested = "[".repeat(100_000);
    let unfolded = "limit exceeded";
    for (text, why) in [
        (bomb.as_str(), unfolded),
        (circle, unfolded),
        (&nested, "nested more than 128 levels"),
    ] {
        let sandbox = sandbox();
        let configuration = r#"{"dockerComposeFile": "compose.yml", "service": "app"}"#;
        sandbox.write(".devcontainer/devcontainer.json", configuration);
        sandbox.write(".devcontainer/compose.yml", text);
        let done = limited(&sandbox, &["init", "--yes"]);
        ended(&done, &[4]);
        assert!(done.stderr.contains(why), "{done}");
        ended(&limited(&sandbox, &["doctor"]), &[0, 1]);
    }
}

/// The command to paste moves what is really there: a file in the place of a folder.
#[test]
fn a_file_where_a_folder_belongs_is_put_aside_by_the_hint() {
    let sandbox = sandbox();
    let file = sandbox.write(".devcontainer", "mine");
    let done = sandbox.azup(["init", "--yes"]);
    ended(&done, &[4]);
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    let hint = hint.unwrap();
    assert_eq!(hint.matches("mv -n").count(), 1, "{hint}");
    let azup = crate::sandbox::azup().to_str().unwrap();
    let hint = hint.replace("azup init", &format!("{azup} init"));
    sandbox.run("sh", ["-c", &hint]).ok();
    let aside = file.with_file_name(".devcontainer.before");
    assert_eq!(std::fs::read(aside).unwrap(), b"mine");
    assert!(file.join("devcontainer.json").is_file());
}

/// A file that only shows which language the project has is not worth a failure.
#[test]
fn a_fifo_where_the_language_is_looked_for_is_passed_over() {
    let sandbox = sandbox();
    fifo(&sandbox, "pyproject.toml");
    let done = limited(&sandbox, &["init", "--yes"]).ok();
    assert!(
        done.stdout.contains("no language was recognised here"),
        "{done}"
    );
}

/// Links that lead to themselves, and a current folder that is gone.
#[test]
fn folders_that_lead_nowhere_are_named() {
    for name in [".devcontainer", ".vscode"] {
        let sandbox = sandbox();
        sandbox.write("app.py", "");
        symlink(name, sandbox.project().join(name)).unwrap();
        let done = limited(&sandbox, &["init", "--yes"]);
        ended(&done, &[1, 4]);
        assert!(done.stderr.contains(name), "{done}");
        for words in [&["remove", "--yes"][..], &["trust"], &["doctor"]] {
            ended(&limited(&sandbox, words), &[0, 1, 4]);
        }
        let left = std::fs::read_dir(sandbox.project()).unwrap().count();
        assert_eq!(left, 2, "{name}: it and app.py");
    }
    let sandbox = sandbox();
    for words in [
        "init --yes",
        "trust",
        "doctor",
        "env",
        "token",
        "man -o pages",
        "completions bash",
    ] {
        let script = format!("mkdir gone && cd gone && rmdir ../gone && exec \"$0\" {words}");
        let azup = crate::sandbox::azup().to_str().unwrap();
        let done = sandbox.run("sh", ["-c", &script, azup]);
        ended(&done, &[1]);
        assert!(
            done.stderr.contains("the current folder is gone"),
            "{words}: {done}"
        );
    }
}

/// What a shell's variables name instead of a bundle: each is reported, not read without end, and
/// the public roots take its place.
#[test]
fn variables_that_name_no_bundle_are_told_and_not_waited_for() {
    let mut sandbox = sandbox();
    sandbox.azup(["trust"]).ok();
    fifo(&sandbox, "fifo");
    fifo(&sandbox, "folder/0123abcd.0");
    let sparse = std::fs::File::create(sandbox.project().join("sparse")).unwrap();
    sparse.set_len(5 << 30).unwrap();
    symlink("loop", sandbox.project().join("loop")).unwrap();
    let ca = sandbox.certs().join("ca.pem");
    let words = ["x509", "-outform", "der", "-out", "der", "-in"].map(OsStr::new);
    let words = words.into_iter().chain([ca.as_os_str()]);
    sandbox.run("openssl", words).ok();
    for name in [
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
    ] {
        for (path, why) in [
            ("fifo", "is not a regular file"),
            ("/dev/zero", "is not a regular file"),
            ("sparse", "is too large (5120 MB)"),
            ("loop", "Too many levels of symbolic links"),
            ("folder", "a folder in which OpenSSL finds no certificate"),
            ("der", "which contains no PEM certificate"),
        ] {
            sandbox.set(name, path);
            let done = limited(&sandbox, &["env", "--format", "json"]).ok();
            ended(&done, &[0]);
            assert!(done.stderr.contains(why), "{name}: {done}");
            assert!(
                done.stderr.contains(&format!("hint: unset {name}\n")),
                "{done}"
            );
            let value = &done.json()[name];
            assert_ne!(value, path, "{name}");
            ended(
                &limited(&sandbox, &["run", "--dry-run", "--", "true"]),
                &[0],
            );
            ended(&limited(&sandbox, &["trust"]), &[0, 1, 3]);
        }
        sandbox.set(name, "fifo");
        ended(&limited(&sandbox, &["doctor"]), &[0, 1]);
        sandbox.unset(name);
    }
}
