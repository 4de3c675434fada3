//! Private keys that git tracks.

use super::project;
use crate::sandbox::Sandbox;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";

fn git(sandbox: &Sandbox, words: &[&str]) {
    sandbox.run("git", words).ok();
}

#[test]
fn a_tracked_key_is_named_with_the_command_that_takes_it_out() {
    // Each version of the index that git writes, and a repository with the other hash.
    for (number, setting) in ["2", "3", "4", "sha256"].into_iter().enumerate() {
        let sandbox = project(&[
            (".devcontainer/certs/key.pem", KEY),
            (
                ".devcontainer/certs/cert.pem",
                "-----BEGIN CERTIFICATE-----\n",
            ),
            ("a/b.key", "no key\n"),
            ("large.pem", &"x".repeat(100_000)),
            ("untracked/key.pem", KEY),
            ("zz/last.key", KEY),
        ]);
        match setting {
            "sha256" => git(&sandbox, &["init", "-q", "--object-format=sha256"]),
            _ => git(&sandbox, &["init", "-q"]),
        }
        if setting == "4" {
            git(&sandbox, &["config", "index.version", "4"]);
        }
        git(&sandbox, &["add", ".devcontainer", "a", "large.pem", "zz"]);
        if setting == "3" {
            git(&sandbox, &["add", "--intent-to-add", "untracked/key.pem"]);
            git(&sandbox, &["reset", "-q", "zz"]);
        }
        let done = sandbox.azup(["init", "--dry-run"]).ok();
        let expected = if setting == "3" {
            ".devcontainer/certs/key.pem, untracked/key.pem."
        } else {
            ".devcontainer/certs/key.pem, zz/last.key."
        };
        assert!(
            done.stderr
                .contains(&format!("git tracks a private key: {expected}")),
            "{number}: {done}"
        );
        assert!(
            done.stderr
                .contains(" rm --cached -- .devcontainer/certs/key.pem"),
            "{done}"
        );
    }
}

/// After the command of the hint, azup is silent; also in a subfolder of the repository, in a
/// worktree, and without git.
#[test]
fn only_keys_of_this_project_count_wherever_its_repository_is() {
    let sandbox = project(&[("api/key.pem", KEY), ("web/key.pem", KEY)]);
    assert_eq!(sandbox.azup(["init", "--dry-run", "api"]).ok().stderr, "");
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "."]);
    let done = sandbox.azup(["init", "--dry-run", "api"]).ok();
    assert!(done.stderr.contains("private key: key.pem."), "{done}");
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
        .unwrap();
    let hint = hint.split(" && ").next().unwrap();

    let identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
    let commit: Vec<&str> = identity
        .into_iter()
        .chain(["commit", "-qm", "keys"])
        .collect();
    git(&sandbox, &commit);
    git(&sandbox, &["worktree", "add", "-q", "../other"]);
    let done = sandbox.azup(["init", "--dry-run", "../other/web"]).ok();
    assert!(done.stderr.contains("private key: key.pem."), "{done}");

    sandbox.run("/bin/sh", ["-c", hint]).ok();
    assert_eq!(sandbox.azup(["init", "--dry-run", "api"]).ok().stderr, "");
    // A damaged index is for git to report.
    sandbox.write(".git/index", "DIRC\0\0\0\x02\0\0\0\x09");
    assert_eq!(sandbox.azup(["init", "--dry-run", "web"]).ok().stderr, "");
}
