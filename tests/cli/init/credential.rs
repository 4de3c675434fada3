//! `azup init --credential az`: in the dev container `az login` provides the tokens, as before azup
//! had an endpoint.

use serde_json::Value;

use super::{json, program, read, sandbox};
use crate::sandbox::Sandbox;

const FEATURE: &str = ".devcontainer/azurite/devcontainer-feature.json";
const ENTRYPOINT: &str = ".devcontainer/azurite/entrypoint.sh";

/// The names of the variables that every process in the container has.
fn variables(sandbox: &Sandbox) -> Vec<String> {
    let feature = json(sandbox, FEATURE);
    let variables = feature["containerEnv"].as_object().unwrap();
    variables.keys().cloned().collect()
}

/// The part of the hook that azup runs, with the word that the Feature passes to it.
fn hook(sandbox: &mut Sandbox) -> String {
    let programs = sandbox.root().join("programs");
    let log = sandbox.root().join("calls");
    let _ = std::fs::remove_file(&log);
    let line = format!("echo azup \"$@\" >>'{}'", log.display());
    program(&programs, "azup", &line);
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", programs.display()));
    let feature = json(sandbox, FEATURE);
    let words = feature["postStartCommand"].as_str().unwrap();
    let script = sandbox.project().join(".devcontainer/azurite/start.sh");
    let more = words.split_once(' ').map(|(_, data)| data.to_owned());
    let words = std::iter::once(script.to_str().unwrap().to_owned()).chain(more);
    sandbox.run("/bin/sh", words).ok();
    std::fs::read_to_string(log).unwrap()
}

#[test]
fn az_login_gives_the_tokens_where_that_is_wanted_until_it_no_longer_is() {
    let mut sandbox = sandbox();
    sandbox.azup(["init"]).ok();
    let of_tokens = |name: &String| name.contains("IDENTITY") || name.contains("MSI");
    assert!(variables(&sandbox).iter().any(of_tokens));
    let local: Vec<String> = [FEATURE, ENTRYPOINT]
        .map(|file| read(&sandbox, file))
        .into();

    sandbox.azup(["init", "--credential", "az"]).ok();
    assert!(!variables(&sandbox).iter().any(of_tokens));
    assert_eq!(json(&sandbox, FEATURE)["entrypoint"], Value::Null);
    assert!(!sandbox.project().join(ENTRYPOINT).exists());
    assert_eq!(hook(&mut sandbox), "azup trust\n");

    // It is remembered, for everybody who has the project.
    let before = Sandbox::files(&sandbox.project());
    sandbox.azup(["init"]).ok();
    assert!(Sandbox::files(&sandbox.project()) == before);
    let doctor = sandbox.azup(["doctor", "devcontainer-files"]).ok();
    assert!(doctor.stdout.starts_with("ok"), "{doctor}");

    sandbox.azup(["init", "--credential", "local"]).ok();
    let again: Vec<String> = [FEATURE, ENTRYPOINT]
        .map(|file| read(&sandbox, file))
        .into();
    assert_eq!(again, local);
    assert_eq!(hook(&mut sandbox), "azup trust\nazup identity --detach\n");
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(Sandbox::files(&sandbox.project()), []);
}

/// If Azurite runs inside the dev container, azup runs it and does nothing else.
#[test]
fn an_azurite_inside_is_started_without_the_endpoint() {
    let mut sandbox = sandbox();
    sandbox.write(".devcontainer.json", "{\"image\": \"debian:12\"}");
    sandbox
        .azup(["init", "--yes", "--credential=az", "--no-node-feature"])
        .ok();
    assert_eq!(
        hook(&mut sandbox),
        "azup trust\nazup up --detach --location /var/lib/azurite --no-identity\n"
    );
}

/// The hint repeats the options that were given.
#[test]
fn a_question_that_nobody_answers_names_the_same_command() {
    let sandbox = sandbox();
    sandbox.write(".devcontainer.json", "{\"image\": \"debian:12\"}");
    let done = sandbox.azup(["init", "--credential", "az"]);
    assert_eq!(done.code, 2, "{done}");
    assert!(
        done.stderr
            .contains("hint: azup init --credential az --yes"),
        "{done}"
    );
}
