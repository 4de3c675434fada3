//! Sets that azup made, in places where somebody else can reach them.

use super::repo::{Author, Shape, folder, repository};
use super::{healthy, paste};
use crate::sandbox::{Done, Sandbox};

/// A project that has a copy of the machine set.
fn with_set() -> Sandbox {
    let sandbox = healthy();
    std::fs::create_dir_all(folder(&sandbox)).unwrap();
    sandbox.azup(["trust"]).ok();
    assert!(folder(&sandbox).join("cert.pem").exists());
    sandbox
}

/// Refused, with a hint that fixes it.
fn refused(sandbox: &Sandbox, why: &str) {
    let done = sandbox.azup(["trust"]);
    assert_eq!(done.code, 4, "{done}");
    assert!(done.stderr.contains(why), "{done}");
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "))
        .unwrap();
    let pasted = paste(sandbox, hint);
    assert_eq!(pasted.code, 0, "{hint}: {pasted}");
    sandbox.azup(["trust"]).ok();
}

#[test]
fn a_set_that_git_tracks_is_refused_though_azup_made_it() {
    let sandbox = with_set();
    repository(&sandbox, true);
    refused(&sandbox, "git tracks the certificate set");
}

#[test]
fn a_set_that_others_may_write_is_refused() {
    let sandbox = with_set();
    for path in [folder(&sandbox), folder(&sandbox).join("ca.pem")] {
        sandbox
            .run("chmod", ["o+w".as_ref(), path.as_os_str()])
            .ok();
        refused(&sandbox, "other users may write to");
    }
}

/// In a user namespace the file is seen as another user's, whoever runs this.
#[test]
fn a_set_that_another_user_owns_is_refused() {
    let sandbox = with_set();
    if rustix::process::geteuid().is_root() {
        let key = folder(&sandbox).join("key.pem");
        sandbox
            .run("chown", ["65534".as_ref(), key.as_os_str()])
            .ok();
        refused(&sandbox, "belongs to another user");
        return;
    }
    // The files still belong to this user, and azup runs as another one.
    let mut command = sandbox.command("unshare");
    command
        .args(["--user", "--map-user=1", "--"])
        .arg(crate::sandbox::azup())
        .arg("env");
    let done = Done::from(command.output().unwrap());
    assert_ne!(done.code, 0, "{done}");
}

#[test]
fn a_link_that_leads_out_of_the_project_is_neither_read_nor_written() {
    let sandbox = healthy();
    let docker = sandbox.home().join(".docker");
    let author = Author::new(&sandbox, "a CA for the engine", &[]);
    author.plant(&docker, Shape::Current);
    let before = Sandbox::files(&docker);
    std::fs::create_dir_all(sandbox.project().join(".devcontainer")).unwrap();
    for link in [folder(&sandbox), sandbox.project().join(".devcontainer")] {
        if link.ends_with(".devcontainer") {
            std::fs::remove_dir_all(&link).unwrap();
            std::fs::create_dir(docker.join("azurite-certs")).unwrap();
        }
        std::os::unix::fs::symlink(&docker, &link).unwrap();
        for words in [
            &["trust"][..],
            &["renew"],
            &["env"],
            &["up"],
            &["init", "--yes"],
        ] {
            let done = sandbox.azup(words);
            assert_eq!(done.code, 4, "{words:?}: {done}");
        }
        assert_eq!(Sandbox::files(&docker), before);
        if link == folder(&sandbox) {
            refused(&sandbox, "is a link that leads out of the project");
            assert_eq!(Sandbox::files(&docker), before);
            let _ = std::fs::remove_file(&link);
        }
    }
}

#[test]
fn a_folder_named_inside_of_the_repository_is_judged_like_the_projects_own() {
    let mut sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    let planted = sandbox.project().join("certs");
    author.plant(&planted, Shape::Current);
    repository(&sandbox, false);
    let done = sandbox.azup(["trust", "--certs", "certs"]);
    assert_eq!(done.code, 4, "{done}");
    sandbox.set("AZUP_CERTS", &planted);
    let done = sandbox.azup(["env"]);
    assert_eq!(done.code, 4, "{done}");
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
}

#[test]
fn a_folder_of_another_project_is_judged_like_this_ones() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    let clone = sandbox.root().join("clone");
    for below in [".devcontainer/azurite-certs", "certs"] {
        let planted = clone.join(below);
        author.plant(&planted, Shape::Current);
        std::fs::create_dir_all(clone.join(".git")).unwrap();
        for words in ["trust", "env"] {
            let done = sandbox.azup([words, "--certs", planted.to_str().unwrap()]);
            assert_eq!(done.code, 4, "{done}");
        }
    }
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
}

#[test]
fn what_is_in_the_way_of_a_file_is_named_and_the_hint_works() {
    let sandbox = with_set();
    let staged = folder(&sandbox).join("next-key.pem");
    std::os::unix::fs::symlink(sandbox.home().join("gone"), &staged).unwrap();
    refused(&sandbox, "is a link that leads nowhere");
    for name in ["next-ca.pem", "ca.pem"] {
        let path = folder(&sandbox).join(name);
        let _ = std::fs::remove_file(&path);
        std::fs::create_dir(&path).unwrap();
        refused(&sandbox, "is a folder");
        std::fs::remove_dir(path.with_extension("pem.before")).unwrap();
    }
    let key = folder(&sandbox).join("key.pem");
    std::fs::remove_file(&key).unwrap();
    sandbox.run("mkfifo", [&key]).ok();
    refused(&sandbox, "is not a regular file");
    assert!(!sandbox.home().join("gone").exists());
}

#[test]
fn what_is_refused_leaves_nothing_behind() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    let before = Sandbox::files(&sandbox.own());
    for words in [&["up", "-d"][..], &["up"], &["run", "--", "true"]] {
        assert_eq!(sandbox.azup(words).code, 4);
        assert_eq!(Sandbox::files(&sandbox.own()), before, "{words:?}");
    }
}

/// Only root can make a folder that another user owns.
#[test]
fn azups_folder_is_not_one_of_another_users() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let sandbox = healthy();
    sandbox.as_ordinary_user(["env"]).ok();
    let own = sandbox.own();
    sandbox
        .run("chown", ["12345".as_ref(), own.as_os_str()])
        .ok();
    sandbox.run("chmod", ["777".as_ref(), own.as_os_str()]).ok();
    let mut command = sandbox.command("/usr/bin/setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(sandbox.root().join("azup"))
        .arg("env");
    let done = Done::from(command.output().unwrap());
    assert_eq!(done.code, 1, "{done}");
    assert!(done.stderr.contains("belongs to another user"), "{done}");
    assert!(done.stderr.contains("hint: "), "{done}");
}

#[test]
fn a_set_from_the_future_is_renewed_and_its_ca_goes() {
    let mut sandbox = healthy();
    let bundle = sandbox.root().join("corp.pem");
    let words = [
        "trust",
        "--stores",
        "none",
        "--bundle",
        bundle.to_str().unwrap(),
    ];
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    sandbox.set("AZUP_NOW", (now + 400 * 86_400).to_string());
    sandbox.azup(words).ok();
    let future = std::fs::read(sandbox.certs().join("ca.pem")).unwrap();
    sandbox.set("AZUP_NOW", now.to_string());
    // A command that only reads the set names the command that fixes it.
    let done = sandbox.azup(["env"]);
    assert!(done.stderr.contains("hint: azup renew"), "{done}");
    let done = sandbox.azup(words).ok();
    assert!(done.stderr.contains("renewed the certificate"), "{done}");
    assert_ne!(
        std::fs::read(sandbox.certs().join("ca.pem")).unwrap(),
        future
    );
    let der = |pem: &[u8]| {
        let text = String::from_utf8_lossy(pem).into_owned();
        text.lines()
            .filter(|line| !line.starts_with("---"))
            .collect::<String>()
    };
    let trusted = std::fs::read_to_string(&bundle).unwrap().replace('\n', "");
    assert!(!trusted.contains(&der(&future)), "the future CA is gone");
    Done::from(
        sandbox
            .azup_command(["doctor", "certificate-dates"])
            .output()
            .unwrap(),
    )
    .ok();
}
