//! What a repository brings besides certificates: environments with their own roots, an index that
//! hides what it tracks, a folder in which `git add` would add the key.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use super::repo::{Author, Shape, folder, repository};
use super::{healthy, paste};
use crate::sandbox::{Done, Sandbox, free_ports, public_roots, until};

/// A virtual environment whose certifi has the author's CA.
fn environment(at: &Path, author: &Author) -> PathBuf {
    let certifi = at.join("lib/python3.11/site-packages/certifi");
    fs::create_dir_all(&certifi).unwrap();
    fs::create_dir_all(at.join("bin")).unwrap();
    fs::write(at.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
    symlink("/usr/bin/python3", at.join("bin/python")).unwrap();
    fs::write(certifi.join("__init__.py"), "").unwrap();
    let mut roots = public_roots();
    roots.extend(fs::read(author.ca()).unwrap());
    let bundle = certifi.join("cacert.pem");
    fs::write(&bundle, roots).unwrap();
    bundle
}

fn variables(done: &Done) -> serde_json::Value {
    done.json()
}

#[test]
fn no_root_of_an_environment_in_the_project_is_in_a_bundle_that_variables_name() {
    for (below, tracked, active) in [
        (".venv", false, false),
        (".venv", true, false),
        ("deep/env", true, true),
        ("../.venv", false, false),
    ] {
        let mut sandbox = healthy();
        sandbox.unset("SSL_CERT_FILE");
        let author = Author::new(&sandbox, "a CA of the author", &[]);
        let at = sandbox.project().join(below);
        environment(&at, &author);
        if tracked {
            repository(&sandbox, true);
        }
        if active {
            sandbox.set("VIRTUAL_ENV", &at);
        }
        let system = [PathBuf::from("/etc/ssl/certs/ca-certificates.crt")];
        for done in [
            sandbox.azup(["env", "--format", "json"]).ok(),
            sandbox.without(&system, ["env", "--format", "json"]).ok(),
        ] {
            for name in ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
                if let Some(path) = variables(&done)[name].as_str() {
                    assert!(
                        !author.is_believed(&sandbox, Path::new(path)),
                        "{below}: {done}"
                    );
                }
            }
        }
        author.believed_nowhere(&sandbox, &[]);
        let with = sandbox.azup(["env", "--format", "json"]).ok();
        assert!(variables(&with)["REQUESTS_CA_BUNDLE"].is_string(), "{with}");
    }
}

/// The shell has the variables of an azup that used the project's certifi.
#[test]
fn an_earlier_bundle_is_not_made_from_the_projects_environment_again() {
    let mut sandbox = healthy();
    sandbox.unset("SSL_CERT_FILE");
    let author = Author::new(&sandbox, "a CA of the author", &[]);
    let certifi = environment(&sandbox.project().join(".venv"), &author);
    let then = sandbox.own().join("bundles/0123456789abcdef.pem");
    fs::create_dir_all(then.parent().unwrap()).unwrap();
    let mut text = format!("# azup: made from {}\n", certifi.display()).into_bytes();
    text.extend(public_roots());
    fs::write(&then, text).unwrap();
    for name in ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"] {
        sandbox.set(name, &then);
    }
    sandbox.azup(["env"]).ok();
    author.believed_nowhere(&sandbox, &[]);
}

#[test]
fn a_link_in_git_leads_an_active_environment_nowhere() {
    for tracked in [false, true] {
        let mut sandbox = healthy();
        let author = Author::new(&sandbox, "a CA of the user", &[]);
        let other = sandbox.home().join("other");
        let bundle = environment(&other, &author);
        let before = fs::read(&bundle).unwrap();
        let link = sandbox.project().join("env");
        symlink(&other, &link).unwrap();
        repository(&sandbox, tracked);
        sandbox.set("VIRTUAL_ENV", &link);
        sandbox.azup(["trust", "--stores", "certifi"]);
        assert_eq!(fs::read(&bundle).unwrap() == before, tracked);
    }
}

#[test]
fn variables_name_the_machines_own_file_and_never_the_projects() {
    let mut sandbox = healthy();
    fs::create_dir_all(folder(&sandbox)).unwrap();
    sandbox.azup(["trust"]).ok();
    let own = sandbox.certs().join("ca.pem");
    let named = |sandbox: &Sandbox| {
        let done = sandbox.azup(["env", "--format", "json"]).ok();
        variables(&done)["NODE_EXTRA_CA_CERTS"]
            .as_str()
            .map(PathBuf::from)
    };
    assert_eq!(named(&sandbox), Some(own.clone()));
    // As an older azup set it.
    sandbox.set("NODE_EXTRA_CA_CERTS", folder(&sandbox).join("ca.pem"));
    assert_eq!(named(&sandbox), Some(own));
    sandbox.unset("NODE_EXTRA_CA_CERTS");
    // The machine has a newer set: the project's CA is in one of azup's own bundles.
    let mut renew = sandbox.azup_command(["renew"]);
    renew.current_dir(sandbox.root().join("elsewhere"));
    Done::from(renew.output().unwrap()).ok();
    let named = named(&sandbox).unwrap();
    assert!(
        named.starts_with(sandbox.own().join("bundles")),
        "{}",
        named.display()
    );
}

/// The keys that `git add` would add.
fn addable(sandbox: &Sandbox) -> Vec<String> {
    sandbox.run("git", ["add", "-A"]).ok();
    let done = sandbox.run("git", ["ls-files"]).ok();
    let keys = done.stdout.lines().filter(|line| line.ends_with("key.pem"));
    keys.map(str::to_owned).collect()
}

#[test]
fn git_never_takes_up_a_key_that_azup_wrote() {
    for words in [&["trust"][..], &["renew"], &["init", "--yes"]] {
        let sandbox = healthy();
        fs::create_dir_all(folder(&sandbox)).unwrap();
        repository(&sandbox, false);
        sandbox.azup(words).ok();
        assert!(folder(&sandbox).join("key.pem").exists());
        assert_eq!(addable(&sandbox), [""; 0], "{words:?}");
    }
}

#[test]
fn no_key_goes_beside_a_gitignore_that_does_not_ignore_it() {
    for text in ["", "*.log\n", "*\n!key.pem\n", "*\t\n", "link"] {
        let sandbox = healthy();
        fs::create_dir_all(folder(&sandbox)).unwrap();
        let file = folder(&sandbox).join(".gitignore");
        if text == "link" {
            fs::write(folder(&sandbox).join("rules"), "*\n").unwrap();
            symlink("rules", &file).unwrap();
        } else {
            fs::write(&file, text).unwrap();
        }
        repository(&sandbox, true);
        for words in ["trust", "renew"] {
            let done = sandbox.azup([words]);
            assert_eq!(done.code, 4, "{text:?}: {done}");
            assert!(!folder(&sandbox).join("key.pem").exists());
            assert!(!folder(&sandbox).join("next-key.pem").exists());
        }
        let done = sandbox.azup(["trust"]);
        let hint = done
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "));
        paste(&sandbox, hint.unwrap()).ok();
        assert!(folder(&sandbox).join("key.pem").exists());
        assert_eq!(addable(&sandbox), [""; 0], "{text:?}");
    }
    for text in [
        "*\n",
        "*\r\n!.gitignore\r\n",
        "*.pem\n",
        "# keys\n/* \n!/.gitignore\n",
    ] {
        let sandbox = healthy();
        fs::create_dir_all(folder(&sandbox)).unwrap();
        fs::write(folder(&sandbox).join(".gitignore"), text).unwrap();
        repository(&sandbox, false);
        sandbox.azup(["trust"]).ok();
        assert_eq!(addable(&sandbox), [""; 0], "{text:?}");
    }
}

/// A project whose set azup made and git tracks.
fn tracked() -> Sandbox {
    let sandbox = healthy();
    fs::create_dir_all(folder(&sandbox)).unwrap();
    sandbox.azup(["trust"]).ok();
    repository(&sandbox, true);
    sandbox
}

fn git(sandbox: &Sandbox, words: &[&str]) {
    let who = [
        "-c",
        "user.name=a",
        "-c",
        "user.email=a@b",
        "-c",
        "commit.gpgsign=false",
    ];
    sandbox.run("git", who.iter().chain(words)).ok();
}

fn refused(sandbox: &Sandbox, why: &str) -> Done {
    let done = sandbox.azup(["trust"]);
    assert_eq!(done.code, 4, "{why}: {done}");
    assert!(done.stderr.contains(why), "{why}: {done}");
    done
}

#[test]
fn a_repository_in_between_does_not_hide_what_the_outer_one_tracks() {
    let sandbox = tracked();
    for inner in [folder(&sandbox), sandbox.project().join(".devcontainer")] {
        let inner = inner.join(".git");
        fs::create_dir(&inner).unwrap();
        refused(&sandbox, "git tracks the certificate set");
    }
}

#[test]
fn an_index_of_any_kind_is_read_and_one_that_is_not_whole_is_refused() {
    let sandbox = tracked();
    let index = sandbox.project().join(".git/index");
    for version in ["2", "3", "4"] {
        git(&sandbox, &["update-index", "--index-version", version]);
        refused(&sandbox, "git tracks the certificate set");
        let whole = fs::read(&index).unwrap();
        // The data after the entries may say that there are more elsewhere.
        fs::write(&index, &whole[..whole.len() - 21]).unwrap();
        refused(&sandbox, "is not a complete git index");
        fs::write(&index, whole).unwrap();
    }
    git(&sandbox, &["update-index", "--split-index"]);
    refused(&sandbox, "git tracks the certificate set");
    let shared = fs::read_dir(sandbox.project().join(".git"))
        .unwrap()
        .flatten();
    let shared = shared.map(|entry| entry.path()).find(|path| {
        path.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("sharedindex.")
    });
    fs::remove_file(shared.unwrap()).unwrap();
    let done = refused(&sandbox, "which is missing");
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    paste(&sandbox, hint.unwrap()).ok();
    // Nothing was ever committed here, so nothing is tracked now.
    sandbox.azup(["trust"]).ok();
}

#[test]
fn a_folder_that_a_sparse_index_names_as_a_whole_may_hold_the_set() {
    let sandbox = tracked();
    fs::create_dir(sandbox.project().join("src")).unwrap();
    fs::write(sandbox.project().join("src/a"), "").unwrap();
    git(&sandbox, &["add", "-Af", "."]);
    git(&sandbox, &["commit", "-qm", "all"]);
    git(
        &sandbox,
        &["sparse-checkout", "set", "--cone", "--sparse-index", "src"],
    );
    fs::create_dir_all(folder(&sandbox)).unwrap();
    let done = refused(&sandbox, "names a folder around it");
    let hint = done
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("hint: "));
    paste(&sandbox, hint.unwrap()).ok();
    fs::create_dir_all(folder(&sandbox)).unwrap();
    refused(&sandbox, "git tracks the certificate set");
}

/// As in `/tmp`: only root can make a folder that another user owns.
#[test]
fn what_another_user_puts_into_a_shared_folder_makes_no_project_of_it() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    let shared = sandbox.root().join("shared");
    let work = shared.join("work");
    fs::create_dir_all(&work).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    author.plant(&shared.join(".devcontainer/azurite-certs"), Shape::Current);
    for mark in [".git", ".vscode"] {
        fs::create_dir(shared.join(mark)).unwrap();
    }
    for mark in [".git", ".vscode", ".devcontainer"] {
        let mark = shared.join(mark);
        sandbox
            .run("chown", ["-R".as_ref(), "65534".as_ref(), mark.as_os_str()])
            .ok();
    }
    let mut trust = sandbox.azup_command(["trust", "--verbose"]);
    Done::from(trust.current_dir(&work).output().unwrap()).ok();
    author.believed_nowhere(&sandbox, &[&sandbox.root().join("corp.pem")]);
}

/// A container that may write to the project swaps the folder for a link, again and again.
#[test]
fn a_renewal_follows_no_link_that_replaced_a_folder() {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::sync::atomic::{AtomicBool, Ordering};

    let sandbox = healthy();
    let certs = folder(&sandbox);
    fs::create_dir_all(&certs).unwrap();
    sandbox.azup(["trust"]).ok();
    let outside = sandbox.root().join("outside");
    fs::create_dir(&outside).unwrap();
    let link = certs.with_file_name("link");
    symlink(&outside, &link).unwrap();
    let stop = AtomicBool::new(false);
    let (mut done, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let swap = || renameat_with(CWD, &certs, CWD, &link, RenameFlags::EXCHANGE);
                swap().unwrap();
                std::thread::sleep(std::time::Duration::from_micros(300));
                swap().unwrap();
                std::thread::sleep(std::time::Duration::from_micros(300));
            }
        });
        for _ in 0..60 {
            match sandbox.azup(["renew"]).code {
                0 => done += 1,
                _ => refused += 1,
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let written: Vec<_> = fs::read_dir(&outside).unwrap().flatten().collect();
    assert!(written.is_empty(), "{written:?}");
    assert!(
        refused > 0,
        "it was never exchanged at a bad moment ({done} renewals)"
    );
}

/// Prints what it receives, and answers as azup's endpoint would.
const LISTENER: &str = r#"
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    client, _ = server.accept()
    try:
        print(client.recv(4096).decode(), flush=True)
        client.sendall(b'HTTP/1.1 200 OK\r\nServer: azup/0\r\n\r\n{"access_token":""}')
    except OSError:
        pass
    client.close()
"#;

/// Every user may listen on a free port.
#[test]
fn another_user_on_the_port_of_the_endpoint_gets_no_secret() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for (uid, hears) in [("65534", true), ("12345", false)] {
        let sandbox = healthy();
        sandbox.as_ordinary_user(["env"]).ok();
        let [port, ..] = free_ports();
        let heard = sandbox.root().join("heard");
        let mut listener = sandbox.command("/usr/bin/setpriv");
        let uid = format!("--reuid={uid}");
        listener
            .args([
                &*uid,
                "--regid=65534",
                "--clear-groups",
                "/usr/bin/python3",
                "-c",
                LISTENER,
            ])
            .arg(port.to_string())
            .stdout(fs::File::create(&heard).unwrap());
        let mut listener = listener.spawn().unwrap();
        until(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        let port = format!("--port={port}");
        let is_found = || {
            let done = sandbox
                .as_ordinary_user(["identity", "--dry-run", &port])
                .ok();
            done.stdout.contains("another azup already answers at")
        };
        // It has a second to answer, which is short on a busy machine.
        if hears {
            until(is_found);
        } else {
            assert!(!is_found());
        }
        listener.kill().unwrap();
        listener.wait().unwrap();
        let heard = fs::read_to_string(&heard).unwrap();
        assert_eq!(heard.contains("X-IDENTITY-HEADER: "), hears, "{heard}");
    }
}
