//! In a dev container the project set is trusted unchecked, since only the container's own stores
//! are at stake; and nothing that the container writes is trusted on the host.

use std::path::Path;

use super::healthy;
use super::repo::{Author, Shape, folder};
use crate::sandbox::{Done, Sandbox, azup, public_roots};

/// Runs azup in the presence of its Feature's mark, with a home of the container's.
fn in_container(sandbox: &Sandbox, words: &[&str]) -> Done {
    const MARK: &str = "mount -t tmpfs -o mode=0755 tmpfs /usr/local/share && \
        mkdir -m 0755 /usr/local/share/azup && : > /usr/local/share/azup/dev-container && \
        chmod 0644 /usr/local/share/azup/dev-container && exec \"$@\"";
    let home = sandbox.root().join("container-home");
    std::fs::create_dir_all(&home).unwrap();
    let mut command = sandbox.command("unshare");
    command
        .env("HOME", &home)
        .env_remove("SSL_CERT_FILE")
        .args(["--mount", "--map-root-user", "sh", "-c", MARK, "sh"])
        .arg(azup())
        .args(words);
    Done::from(command.output().unwrap())
}

/// `trust`, on a bundle that stands for the container's stores.
fn trust(sandbox: &Sandbox) -> Done {
    let bundle = sandbox.root().join("container.pem");
    if !bundle.exists() {
        std::fs::write(&bundle, public_roots()).unwrap();
    }
    in_container(
        sandbox,
        &[
            "trust",
            "--stores",
            "none",
            "--bundle",
            bundle.to_str().unwrap(),
        ],
    )
}

fn ca(folder: &Path) -> Vec<u8> {
    std::fs::read(folder.join("ca.pem")).unwrap()
}

#[test]
fn host_and_container_share_the_ca_that_the_host_made() {
    let sandbox = healthy();
    std::fs::create_dir_all(folder(&sandbox)).unwrap();
    sandbox.azup(["trust"]).ok();
    let hosts = ca(&folder(&sandbox));
    trust(&sandbox).ok();
    assert_eq!(ca(&folder(&sandbox)), hosts);
    sandbox.azup(["trust"]).ok();
    assert_eq!(ca(&sandbox.certs()), hosts);
}

#[test]
fn a_container_alone_makes_its_own_set_and_gains_nothing_on_the_host() {
    let sandbox = healthy();
    let hosts = Sandbox::files(&sandbox.certs());
    std::fs::create_dir_all(folder(&sandbox)).unwrap();
    trust(&sandbox).ok();
    let containers = ca(&folder(&sandbox));
    trust(&sandbox).ok();
    assert_eq!(ca(&folder(&sandbox)), containers);
    let done = sandbox.azup(["trust"]);
    assert_eq!(done.code, 4, "{done}");
    assert_eq!(Sandbox::files(&sandbox.certs()), hosts);
    // The way out that the refusal names; the container follows.
    sandbox.azup(["renew"]).ok();
    trust(&sandbox).ok();
    assert_eq!(ca(&folder(&sandbox)), ca(&sandbox.certs()));
}

#[test]
fn a_set_that_a_process_of_the_container_planted_stays_in_the_container() {
    for shape in [Shape::Current, Shape::Staged] {
        let sandbox = healthy();
        let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
        author.plant(&folder(&sandbox), shape);
        trust(&sandbox).ok();
        sandbox.azup(["trust"]);
        sandbox.azup(["env"]);
        let hosts = sandbox.root().join("corp.pem");
        author.believed_nowhere(&sandbox, &[&hosts]);
        let home = sandbox
            .root()
            .join("container-home/.local/share/azup/certs/ca.pem");
        if home.exists() {
            assert!(
                !author.is_believed(&sandbox, &home),
                "nothing goes from project to machine"
            );
        }
    }
}

/// A mark that somebody other than root could have made does not count.
#[test]
fn a_mark_in_the_workspace_or_of_another_user_is_not_believed() {
    let sandbox = healthy();
    let author = Author::new(&sandbox, "azup local CA deadbeef", &[]);
    author.plant(&folder(&sandbox), Shape::Current);
    sandbox.write(".devcontainer/azurite/dev-container", "");
    sandbox.write("usr/local/share/azup/dev-container", "");
    assert_eq!(sandbox.azup(["trust"]).code, 4);
    let script = "mount -t tmpfs -o mode=0755 tmpfs /usr/local/share && mkdir -m 0777 /usr/local/share/azup && \
        : > /usr/local/share/azup/dev-container && chmod 0666 /usr/local/share/azup/dev-container && exec \"$@\"";
    let mut command = sandbox.command("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
        .arg(azup())
        .arg("trust");
    let done = Done::from(command.output().unwrap());
    assert_eq!(done.code, 4, "{done}");
}
