//! `.env`, by which programs that F5 starts on this machine find Azurite: azup's own file, for this
//! machine alone, and never somebody else's.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;

use crate::sandbox::{OnDrop, Sandbox, azup, free_ports};

use super::{initialised, read, sandbox};

fn value(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(line.trim_matches('\'').to_owned())
}

#[test]
fn it_says_where_azurite_is_and_who_gives_the_tokens() {
    let sandbox = initialised();
    let text = read(&sandbox, ".env");
    let blob = value(&text, "AZURE_STORAGE_BLOB_ENDPOINT");
    assert_eq!(blob.unwrap(), "https://127.0.0.1:10000/devstoreaccount1");
    let header = std::fs::read_to_string(sandbox.own().join("identity-header")).unwrap();
    assert_eq!(value(&text, "IDENTITY_HEADER").unwrap(), header.trim_end());
    let about = sandbox.project().join(".env").metadata().unwrap();
    assert_eq!(
        about.permissions().mode() & 0o777,
        0o600,
        "it holds a secret"
    );

    // The same again does nothing, and restores it if it is lost.
    let before = Sandbox::files(&sandbox.project());
    sandbox.azup(["trust"]).ok();
    assert!(Sandbox::files(&sandbox.project()) == before);
    std::fs::remove_file(sandbox.project().join(".env")).unwrap();
    sandbox.azup(["trust", "--quiet"]).ok();
    assert_eq!(read(&sandbox, ".env"), text);
}

#[test]
fn launch_json_neither_names_it_nor_holds_a_secret() {
    let sandbox = initialised();
    let launch = read(&sandbox, ".vscode/launch.json");
    let header = value(&read(&sandbox, ".env"), "IDENTITY_HEADER").unwrap();
    for word in ["envFile", ".env", "IDENTITY", &header] {
        assert!(!launch.contains(word), "{word}: {launch}");
    }
}

#[test]
fn git_never_takes_it_up_and_remove_leaves_no_trace() {
    for (repository, ignored) in [(false, ""), (true, ""), (true, "*.log\n.env\n")] {
        let sandbox = sandbox();
        sandbox.write("app.py", "");
        if repository {
            sandbox.run("git", ["init", "-q"]).ok();
        }
        if !ignored.is_empty() {
            sandbox.write(".gitignore", ignored);
        }
        let before = Sandbox::files(&sandbox.project());
        sandbox.azup(["init"]).ok();
        if repository {
            sandbox.run("git", ["add", "-A"]).ok();
            let tracked = sandbox.run("git", ["ls-files"]).ok().stdout;
            assert!(!tracked.lines().any(|line| line == ".env"), "{tracked}");
            assert_eq!(
                sandbox.project().join(".gitignore").exists(),
                !ignored.is_empty()
            );
            std::fs::remove_file(sandbox.project().join(".git/index")).unwrap();
            std::fs::remove_dir_all(sandbox.project().join(".git/objects")).unwrap();
            std::fs::create_dir(sandbox.project().join(".git/objects")).unwrap();
        }
        sandbox.azup(["remove", "--yes"]).ok();
        assert!(
            Sandbox::files(&sandbox.project()) == before,
            "{repository} {ignored:?}"
        );
    }
}

/// Rules that look as if git ignored it, or that undo this; as git itself reads them.
#[test]
fn no_rule_of_a_repository_makes_git_take_it_up() {
    let long = format!("{}\n!.env\n", "#".repeat(2 << 20));
    let rules = [
        ".env\n!*\n",
        "!.env\n",
        ".env\n!.en[v]\n",
        ".env\n!.e*\n",
        ".env\n!/*\n",
        ".env\n!**/.env\n",
        ".env\n!\\.env\n",
        ".env\n!.env\0x\n",
        ".env\t\n",
        ".env/\n",
        &long,
        "link",
        ".env\n",
        "*\n!*.py\n",
        "/.env\n!*.py\n",
        "**/.env\n",
    ];
    for (number, rule) in rules.into_iter().enumerate() {
        let sandbox = sandbox();
        sandbox.write("app.py", "");
        sandbox.run("git", ["init", "-q"]).ok();
        if rule == "link" {
            sandbox.write("rules", ".env\n");
            std::os::unix::fs::symlink("rules", sandbox.project().join(".gitignore")).unwrap();
        } else {
            sandbox.write(".gitignore", rule);
        }
        sandbox.azup(["init"]).ok();
        sandbox.azup(["trust"]).ok();
        let is_there = sandbox.project().join(".env").exists();
        sandbox.run("git", ["add", "-A"]).ok();
        let tracked = sandbox.run("git", ["ls-files", ".env"]).ok().stdout;
        assert_eq!(tracked, "", "{rule:.40?}");
        // A rule that undoes it wins over the clone's own rules.
        let may_be = number >= 8 && number != 10;
        assert_eq!(is_there, may_be, "{rule:.40?}");
    }
}

/// The rules may come with the next fetched commit.
#[test]
fn it_goes_as_soon_as_git_would_take_it_up() {
    let sandbox = initialised();
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox.azup(["trust"]).ok();
    assert!(sandbox.project().join(".env").exists());
    sandbox.write(".gitignore", "!.e*\n");
    let done = sandbox.azup(["trust"]).ok();
    assert!(!sandbox.project().join(".env").exists());
    assert!(
        done.stdout
            .contains("wrote .env without azup's variables: .env is left alone"),
        "{done}"
    );
    // If it has lines of the user's, only azup's go.
    sandbox.write(".gitignore", "");
    sandbox.azup(["trust"]).ok();
    let text = read(&sandbox, ".env");
    sandbox.write(".env", format!("DEBUG=1\n{text}"));
    sandbox.write(".gitignore", "!.e*\n");
    sandbox.azup(["trust"]).ok();
    assert_eq!(read(&sandbox, ".env"), "DEBUG=1\n");
}

/// A link may lead to the rules of another project.
#[test]
fn remove_touches_no_rules_behind_a_link() {
    let sandbox = initialised();
    let own = sandbox.project().join(".gitignore");
    let rules = std::fs::read_to_string(&own).unwrap();
    std::fs::remove_file(&own).unwrap();
    sandbox.write("../other.rules", &rules);
    std::os::unix::fs::symlink("../other.rules", &own).unwrap();
    sandbox.azup(["remove", "--yes"]).ok();
    assert!(own.is_symlink());
    assert_eq!(std::fs::read_to_string(&own).unwrap(), rules);
}

/// Unknown names would break a pydantic program; a link may lead anywhere.
#[test]
fn the_users_own_is_left_alone_and_so_is_a_project_that_would_refuse_it() {
    let own = "DEBUG=1\n";
    let with_file: fn(&Sandbox) = |sandbox| {
        sandbox.write(".env", "DEBUG=1\n");
    };
    let with_link: fn(&Sandbox) = |sandbox| {
        sandbox.write("../shared.env", "DEBUG=1\n");
        std::os::unix::fs::symlink("../shared.env", sandbox.project().join(".env")).unwrap();
    };
    for put in [with_file, with_link] {
        let sandbox = sandbox();
        sandbox.write("app.py", "");
        put(&sandbox);
        let done = sandbox.azup(["init"]).ok();
        assert_eq!(read(&sandbox, ".env"), own);
        assert!(done.stdout.contains("note: .env is left alone: "), "{done}");
    }
    let strict = sandbox();
    strict.write("requirements.txt", "pydantic-settings==2.11\n");
    let done = strict.azup(["init"]).ok();
    assert!(!strict.project().join(".env").exists());
    assert!(done.stdout.contains("pydantic-settings"), "{done}");
}

#[test]
fn one_that_git_tracks_gets_no_secret() {
    let sandbox = initialised();
    let text = read(&sandbox, ".env");
    sandbox.write(".env", text.replace("10000", "20000"));
    sandbox.run("git", ["init", "-q"]).ok();
    sandbox.run("git", ["add", "-f", ".env"]).ok();
    sandbox.azup(["trust"]).ok();
    assert_eq!(read(&sandbox, ".env"), text.replace("10000", "20000"));
}

/// The program gets what the user has exported.
#[test]
fn another_account_in_the_environment_stays() {
    let mut sandbox = sandbox();
    sandbox.write("app.py", "");
    sandbox.set(
        "AZURE_STORAGE_BLOB_ENDPOINT",
        "https://mine.blob.core.windows.net",
    );
    sandbox.azup(["init"]).ok();
    let text = read(&sandbox, ".env");
    assert_eq!(value(&text, "AZURE_STORAGE_BLOB_ENDPOINT"), None);
    assert!(value(&text, "AZURE_STORAGE_QUEUE_ENDPOINT").is_some());
}

/// The endpoint starts with the container. If it has died, F5 starts it again.
#[test]
fn in_the_dev_container_the_endpoint_for_tokens_is_started_again() {
    let mut sandbox = initialised();
    let [port, ..] = free_ports();
    sandbox.set(
        "IDENTITY_ENDPOINT",
        format!("http://127.0.0.1:{port}/msi/token"),
    );
    sandbox.set("IDENTITY_HEADER", "azup");
    let answers = || TcpStream::connect(("127.0.0.1", port)).is_ok();
    sandbox.azup(["trust"]).ok();
    assert!(!answers(), "on the host there is `azup up` for that");
    let done = sandbox
        .in_dev_container([azup().as_os_str(), "trust".as_ref()])
        .ok();
    let number = regex_lite::Regex::new("restarted the token endpoint: kill ([0-9]+) ");
    let pid = number.unwrap().captures(&done.stdout);
    let pid = pid.unwrap_or_else(|| panic!("{done}"))[1].to_owned();
    assert!(answers());
    let _end = OnDrop(|| {
        sandbox.run("kill", [&pid]);
    });
    let done = sandbox
        .in_dev_container([azup().as_os_str(), "trust".as_ref()])
        .ok();
    assert!(!done.stdout.contains("started"), "{done}");
}

/// The folder is mounted there, and other variables apply.
#[test]
fn in_the_dev_container_it_says_nothing() {
    let sandbox = initialised();
    let hosts = read(&sandbox, ".env");
    sandbox
        .in_dev_container([azup().as_os_str(), "trust".as_ref()])
        .ok();
    assert!(
        read(&sandbox, ".env")
            .lines()
            .all(|line| line.starts_with('#'))
    );
    sandbox.azup(["trust"]).ok();
    assert_eq!(read(&sandbox, ".env"), hosts);
}
