//! Several projects on one machine, each with its own data and Azurite. In a separate network, so
//! that the usual ports are free.

use super::site::Site;
use crate::sandbox::{Done, azup, part};

/// Makes the given containers, then prints Azurite's containers and its port.
const CONTAINERS: &str = "\
import os, sys
from azure.identity import DefaultAzureCredential
from azure.storage.blob import BlobServiceClient
url = os.environ['AZURE_STORAGE_BLOB_ENDPOINT']
service = BlobServiceClient(url, DefaultAzureCredential())
for name in sys.argv[1:]:
    service.create_container(name)
usual = 'usual port' if ':10000/' in url else 'another port'
print(usual, *(each.name for each in service.list_containers()))
";

/// Two sibling projects, in each of which `containers NAME…` does the above with `azup run`.
fn site() -> Site {
    let site = Site::new();
    for project in ["one", "two"] {
        site.sandbox.write(format!("{project}/pyproject.toml"), "");
    }
    site.sandbox.write("containers.py", CONTAINERS);
    site
}

/// Runs these lines with all ports free; everything that they start has ended afterwards.
fn alone(site: &Site, lines: &str) -> Done {
    let azup = azup();
    let bin = azup.parent().unwrap().display();
    let python = part("venv/bin/python");
    let python = python.display();
    let project = site.sandbox.project();
    let project = project.display();
    let line = format!(
        "set -e; ip link set lo up; PATH={bin}:$PATH; cd '{project}'\n\
         containers() {{ azup run $options -- '{python}' '{project}/containers.py' \"$@\"; }}\n\
         trap 'azup down --all > /dev/null' EXIT\n{lines}"
    );
    let words = ["--user", "--map-root-user", "--net", "sh", "-c", &line];
    site.sandbox.run("/usr/bin/unshare", words)
}

#[test]
fn two_projects_run_at_once_and_see_nothing_of_each_other() {
    let done = alone(
        &site(),
        "cd one; azup up -d > /dev/null; containers of-one\n\
         cd ../two; containers of-two; containers\n\
         cd ../one; containers",
    )
    .ok();
    assert_eq!(
        done.stdout,
        "usual port of-one\nanother port of-two\nanother port of-two\nusual port of-one\n"
    );
}

#[test]
fn who_uses_the_ports_is_said_and_the_hint_starts_a_second_azurite() {
    let site = site();
    let done = alone(
        &site,
        "cd one; azup up -d > /dev/null\n\
         cd ../two; azup up -d 2> said && exit 9; cat said >&2\n\
         $(sed -n 's/^hint: //p' said) -d > /dev/null; containers of-two\n\
         azup status | sed -n 's/^project  *//p'\n\
         azup down; azup down; azup status | sed -n 's/^project  *//p'",
    )
    .ok();
    let project = site.sandbox.project().canonicalize().unwrap();
    let project = project.display();
    assert!(
        done.stderr.contains(&format!(
            "error: port 10000 for the blob service is in use by the Azurite of {project}/one (pid "
        )),
        "{done}"
    );
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "another port of-two",
            &format!("{project}/one"),
            &format!("{project}/two")
        ],
        "{done}"
    );
    assert!(
        lines[3].starts_with("stopped the Azurite with its data in "),
        "{done}"
    );
    assert_eq!(
        lines[4..],
        [
            "nothing to stop",
            "Azurites of other projects are running: azup status lists them, azup down --all stops them",
            &format!("{project}/one"),
        ],
        "{done}"
    );
}

#[test]
fn data_of_its_own_is_never_that_of_the_azurite_that_runs() {
    let site = site();
    let done = alone(
        &site,
        "cd one; azup up -d > /dev/null; containers kept\n\
         options=--in-memory containers passing\n\
         options='--location ../elsewhere' containers elsewhere\n\
         containers; options='--location ../elsewhere' containers\n\
         azup run --blob-port 10000 --in-memory -- true 2>&1 && exit 9; true",
    )
    .ok();
    let (lists, refusal) = done.stdout.split_once("error: ").unwrap();
    assert_eq!(
        lists,
        "usual port kept\nanother port passing\nanother port elsewhere\nusual port kept\n\
         another port elsewhere\n"
    );
    assert!(
        refusal.starts_with("the Azurite on port 10000 keeps its data in /"),
        "{done}"
    );
    assert!(refusal.contains("\nhint: azup down\n"), "{done}");
}

#[test]
fn two_that_start_in_memory_at_once_are_two() {
    let done = alone(
        &site(),
        "export options=--in-memory; cd one\n\
         containers first > ../first & containers second > ../second; wait\n\
         cut -d ' ' -f 3- ../first; cut -d ' ' -f 3- ../second",
    )
    .ok();
    assert_eq!(done.stdout, "first\nsecond\n");
}

#[test]
fn two_that_start_in_one_project_at_once_share_it() {
    let done = alone(
        &site(),
        "cd one; azup run -- sh -c 'until [ -e go ]; do sleep 0.1; done' &\n\
         containers first; containers second | cut -d ' ' -f 3-; touch go; wait",
    )
    .ok();
    assert!(done.stdout.ends_with("\nfirst second\n"), "{done}");
}

#[test]
fn reset_empties_this_projects_data_and_nothing_else() {
    let site = site();
    let done = alone(
        &site,
        "cd two; containers of-two; cd ../one; containers of-one\n\
         azup reset 2>&1 && exit 9; azup up -d > /dev/null; azup reset --yes 2>&1 && exit 9\n\
         azup down > /dev/null; azup reset --dry-run; azup reset --yes; azup reset --yes\n\
         containers; cd ../two; containers",
    )
    .ok();
    let text = site.shown(&done);
    assert!(
        text.contains(": there is no terminal\nhint: azup reset --yes\n"),
        "{text}"
    );
    assert!(text.contains("is in use by the azup with pid"), "{text}");
    for what in [
        "\nwould empty ",
        "\nemptied ",
        "\nAzurite has stored nothing in ",
    ] {
        assert_eq!(text.matches(what).count(), 1, "{what}: {text}");
    }
    assert!(
        done.stdout.ends_with("usual port\nusual port of-two\n"),
        "{done}"
    );
}

#[test]
fn reset_leaves_what_is_not_azurites_and_follows_no_link() {
    let site = Site::bare();
    let folder = site.sandbox.project().join("data");
    for name in [
        "data/mine.txt",
        "data/__azurite_db_blob__.json",
        "kept/blob",
        "data/__blobstorage__/x",
    ] {
        site.sandbox.write(name, "x");
    }
    std::os::unix::fs::symlink("../kept", folder.join("__queuestorage__")).unwrap();
    site.sandbox
        .azup(["reset", "--yes", "--location", "data"])
        .ok();
    let left = std::fs::read_dir(&folder).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["mine.txt"]);
    assert!(site.sandbox.project().join("kept/blob").exists());
}

#[test]
fn data_that_all_projects_shared_are_named_where_a_project_begins_without() {
    let site = site();
    let done = alone(
        &site,
        // The first folder is not a project.
        "containers of-all; cd one; azup up -d 2>&1 > /dev/null | sed -n 's/.*all projects shared before: //p' > said\n\
         azup down > /dev/null; azup up -d 2>&1 | grep -c 'all have shared' && exit 9\n\
         azup down > /dev/null; containers; $(cat said) -d > /dev/null 2>&1\n\
         options=\"--location $(sed 's/.*--location //' said)\" containers",
    )
    .ok();
    assert_eq!(
        done.stdout,
        "usual port of-all\n0\nusual port\nusual port of-all\n"
    );
}

/// Two users, or one with two homes, do not see each other's claims. The slower one gets other
/// ports, or the same ones after the first.
#[test]
fn run_chooses_again_if_another_user_was_faster() {
    let mut site = Site::new();
    site.sandbox.set("AZUP_AZURITE", part("azurite-3.37.0"));
    let done = alone(
        &site,
        r#"
        mkdir "$HOME/other"
        HOME="$HOME/other" azup run -- sleep 3 &
        azup run -- sleep 3
        echo "here $?"
        wait $!
        echo "there $?"
        "#,
    );
    let codes: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(codes, ["here 0", "there 0"], "{done}");
}

/// A program that takes connections and says nothing: how many of them were given up, and how many
/// were still there when its patience had ended.
const SILENT: &str = "\
import socket, sys, threading
listener = socket.create_server(('127.0.0.1', 10000))
open('listens', 'w').close()
def listen(connection):
    connection.settimeout(5)
    try:
        while connection.recv(4096):
            pass
        print('given up', flush=True)
    except TimeoutError:
        print('waited for', flush=True)
while True:
    threading.Thread(target=listen, args=[listener.accept()[0]], daemon=True).start()
";

#[test]
fn nobody_waits_long_for_a_silent_program_on_the_usual_port() {
    let site = site();
    site.sandbox.write("silent.py", SILENT);
    let done = alone(
        &site,
        "python3 silent.py > one/seen & silent=$!\n\
         until [ -e listens ]; do sleep 0.1; done\n\
         cd one; containers of-one; kill $silent; cat seen",
    )
    .ok();
    assert_eq!(done.stdout, "another port of-one\ngiven up\n", "{done}");
}
