//! The Feature of a dev container that is made from an image: Azurite runs inside.

use super::{jsonc, project};
use crate::sandbox::write_program;

#[test]
fn the_hooks_trust_and_then_start_azurite_on_the_volume() {
    let mut sandbox = project(&[(".devcontainer.json", "{\"image\": \"debian:12\"}")]);
    sandbox.azup(["init", "--yes"]).ok();
    let own = sandbox.project().join(".devcontainer/azurite");
    let feature = jsonc(&std::fs::read(own.join("devcontainer-feature.json")).unwrap());
    let volume = &feature["mounts"][0];
    assert_eq!(volume["source"], "azurite-data-${devcontainerId}");
    let data = volume["target"].as_str().unwrap();
    for event in ["onCreateCommand", "postStartCommand"] {
        let hook = feature[event].as_str().unwrap();
        assert_eq!(hook, format!("/usr/local/share/azup/start.sh {data}"));
    }
    let install = std::fs::read_to_string(own.join("install.sh")).unwrap();
    assert!(install.contains(&format!("\ndata={data}\n")), "{install}");

    let programs = sandbox.root().join("programs");
    std::fs::create_dir(&programs).unwrap();
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    let log = sandbox.root().join("calls");
    let hook = |script: &str| {
        let line = format!(
            "#!/bin/sh\necho azup \"$@\" >>'{}'\n{script}\n",
            log.display()
        );
        write_program(&programs.join("azup"), &line);
        let _ = std::fs::remove_file(&log);
        let done = sandbox
            .run("/bin/sh", [own.join("start.sh").to_str().unwrap(), data])
            .ok();
        (std::fs::read_to_string(&log).unwrap(), done.stderr)
    };
    let both = format!("azup trust\nazup up --detach --location {data}\n");
    assert_eq!(hook("exit 0"), (both.clone(), String::new()));
    // It never makes a container fail.
    let (calls, said) = hook("exit 1");
    assert_eq!(calls, both);
    assert!(said.contains("Azurite is not running"), "{said}");
}

/// The folder is made while the image is built, so that a new volume inherits its mode.
#[test]
fn everybody_may_write_to_the_folder_of_the_data() {
    let mut sandbox = project(&[(".devcontainer.json", "{\"image\": \"debian:12\"}")]);
    sandbox.azup(["init", "--yes"]).ok();
    let programs = sandbox.root().join("programs");
    std::fs::create_dir(&programs).unwrap();
    let log = sandbox.root().join("calls");
    for name in [
        "install",
        "azup",
        "update-ca-certificates",
        "certutil",
        "apt-get",
    ] {
        let line = format!("#!/bin/sh\necho {name} \"$@\" >>'{}'\n", log.display());
        write_program(&programs.join(name), &line);
    }
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    let script = sandbox.project().join(".devcontainer/azurite/install.sh");
    sandbox.run("/bin/sh", [script]).ok();
    let calls = std::fs::read_to_string(&log).unwrap();
    assert!(
        calls.contains("install -d -m 0777 /var/lib/azurite\n"),
        "{calls}"
    );
    // In compose mode, Azurite's data is in its own container.
    let compose = project(&[]);
    compose.azup(["init"]).ok();
    let text = std::fs::read_to_string(compose.project().join(".devcontainer/azurite/install.sh"));
    assert!(text.unwrap().contains("\ndata=\n"));
}
