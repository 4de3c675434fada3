//! Where .NET keeps its settings: init and doctor name each that does not lead to Azurite over
//! HTTPS, with its file and line.

use super::{PROJECT, project, said};
use crate::sandbox::{Done, Sandbox};

fn notes(done: &Done) -> Vec<&str> {
    let lines = done.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix("note: "))
        .collect()
}

fn doctor(sandbox: &Sandbox) -> serde_json::Value {
    let document = sandbox.azup(["doctor", "settings", "--json"]).ok().json();
    document["checks"][0].clone()
}

#[test]
fn every_place_of_net_settings_is_named_by_init_and_doctor() {
    let sandbox = project(&[
        ("src/Api/Api.csproj", PROJECT),
        (
            "src/Api/appsettings.Development.json",
            "{\n  \"Storage\": {\n    \"Orders\": { \"Connection\": \"UseDevelopmentStorage=true\" }\n  }\n}\n",
        ),
        (
            "src/Api/Properties/launchSettings.json",
            "{\n \"profiles\": { \"a\": { \"environmentVariables\": {\n  \"Blobs__ServiceUri\": \"http://localhost:10000/devstoreaccount1\" } } }\n}",
        ),
        (
            "tests/ci.runsettings",
            "<RunSettings><RunConfiguration><EnvironmentVariables>\n<STORE>UseDevelopmentStorage=true</STORE>\n</EnvironmentVariables></RunConfiguration></RunSettings>",
        ),
        (
            ".vscode/launch.json",
            "{\n  \"configurations\": [\n    { \"type\": \"coreclr\", \"env\": { \"Tables\": \"UseDevelopmentStorage=true\" } }\n  ]\n}",
        ),
        (
            "src/Api/Store.cs",
            "// \"UseDevelopmentStorage=true\" was here\nclass Store {\n  // UseDevelopmentStorage=true\n  const string At = \"UseDevelopmentStorage=true\";\n}\n",
        ),
    ]);
    let check = doctor(&sandbox);
    assert_eq!(check["status"], "warn");
    assert_eq!(
        check["title"],
        "some settings use plain http, over which tokens do not work, or leave this machine"
    );
    let detail = check["detail"].as_str().unwrap();
    let done = sandbox.azup(["init", "--yes"]).ok();
    let init = notes(&done).join("\n");
    for place in [
        "src/Api/appsettings.Development.json:3: Storage:Orders:Connection says UseDevelopmentStorage=true",
        "src/Api/Properties/launchSettings.json:3: Blobs__ServiceUri says http://localhost:10000",
        "tests/ci.runsettings:2: STORE says UseDevelopmentStorage=true",
        ".vscode/launch.json:3: Tables says UseDevelopmentStorage=true",
        "src/Api/Store.cs:4: At says UseDevelopmentStorage=true",
    ] {
        assert!(detail.contains(place), "{place}: {detail}");
        assert!(init.contains(place), "{place}: {init}");
    }
    assert_eq!(detail.lines().count(), 5, "{detail}");
    // For one that a variable can override, that variable is named.
    let variable =
        "the variable Storage__Orders__Connection overrides it, so that no file has to change";
    assert!(
        detail.contains(variable) && init.contains(variable),
        "{detail}"
    );
    assert!(
        detail.contains("this file overrides the environment"),
        "{detail}"
    );
}

#[test]
fn a_row_without_a_fault_says_what_was_found() {
    let sandbox = project(&[
        ("Api.csproj", PROJECT),
        (
            "appsettings.json",
            "{ \"Blobs\": { \"serviceUri\": \"https://127.0.0.1:10000/devstoreaccount1\" }, \"user\": { \"accountName\": \"x\" } }",
        ),
        (
            "Program.cs",
            "Log(\"http://localhost:8080\"); // http://127.0.0.1:10000\n",
        ),
    ]);
    let check = doctor(&sandbox);
    assert_eq!(check["status"], "ok", "{check}");
    assert_eq!(check["title"], "settings that name Azurite use https");
}

/// The cloud's host name is made from it, whatever else azup sets.
#[test]
fn an_account_without_a_url_is_named_wherever_it_is() {
    let mut sandbox = project(&[
        ("Fn.csproj", PROJECT),
        ("host.json", "{}"),
        (
            "local.settings.json",
            "{ \"Values\": {\n \"Orders__accountName\": \"shop\" } }",
        ),
        (
            "appsettings.json",
            "{\n \"AzureWebJobsStorage\": {\n  \"accountName\": \"shop\" } }",
        ),
        // The cloud's own.
        (
            "infra/main.bicep",
            "  AzureWebJobsStorage__accountName: storage.name\n",
        ),
    ]);
    let check = doctor(&sandbox);
    let detail = check["detail"].as_str().unwrap();
    assert!(
        detail.contains("local.settings.json:2: Orders__accountName is an account without a URL"),
        "{detail}"
    );
    assert!(
        detail.contains("appsettings.json:3: AzureWebJobsStorage__accountName is"),
        "{detail}"
    );
    assert!(detail.contains("Orders__blobServiceUri"), "{detail}");
    assert_eq!(detail.lines().count(), 2, "{detail}");

    sandbox.set("Orders__accountName", "shop");
    let done = sandbox.azup(["env"]).ok();
    let expected = "warning: Orders__accountName is set: programs that read it send requests to ACCOUNT.blob.core.windows.net, not to Azurite\nhint: unset Orders__accountName";
    assert!(said(&done).contains(expected), "{done}");

    // Only in the environment.
    let mut sandbox = project(&[("Fn.csproj", PROJECT)]);
    for name in ["Orders__accountName", "AZURE_STORAGE_ACCOUNT"] {
        sandbox.set(name, "shop");
        let check = doctor(&sandbox);
        let detail = check["detail"].as_str().unwrap();
        let expected = format!(
            "{name} is set: programs that read it send requests to ACCOUNT.blob.core.windows.net"
        );
        assert!(detail.contains(&expected), "{detail}");
        assert_eq!(check["fix"], format!("unset {name}"), "{check}");
        sandbox.unset(name);
    }
}
