//! Azure Functions in C#, and the user's own HTTPS: what `run`, `env` and the Feature set.

use std::fs;

use super::{PROJECT, project, said};
use crate::sandbox::Sandbox;

/// Core Tools and VS Code's extension prefer the variable to local.settings.json, which each
/// colleague has a copy of and nobody commits.
#[test]
fn one_variable_is_enough_and_the_settings_file_stays() {
    let settings = "{\n  \"IsEncrypted\": false,\n  \"Values\": {\n    \"AzureWebJobsStorage\": \"UseDevelopmentStorage=true\",\n    \"FUNCTIONS_WORKER_RUNTIME\": \"dotnet\"\n  }\n}\n";
    let sandbox = project(&[
        ("Shop.Functions.csproj", PROJECT),
        ("host.json", "{ \"version\": \"2.0\" }"),
        ("local.settings.json", settings),
    ]);
    let connection = sandbox.azup(["env", "AzureWebJobsStorage"]).ok().stdout;
    assert!(
        connection.starts_with("DefaultEndpointsProtocol=https;AccountName=devstoreaccount1;"),
        "{connection}"
    );
    sandbox.azup(["init", "--yes"]).ok();
    let feature = feature(&sandbox);
    assert_eq!(
        feature["containerEnv"]["AzureWebJobsStorage"],
        connection.trim()
    );
    let kept = fs::read_to_string(sandbox.project().join("local.settings.json")).unwrap();
    assert_eq!(kept, settings);
    // The runtime is the one in the file, in-process.
    let values = sandbox.azup(["env", "--format", "functions"]).ok().json();
    assert_eq!(values["Values"]["FUNCTIONS_WORKER_RUNTIME"], "dotnet");
    assert!(values["Values"]["IDENTITY_ENDPOINT"].is_string());
}

/// A binding that names its own connection does not start without a setting of that name.
#[test]
fn the_connection_that_a_trigger_names_is_among_the_settings() {
    let attribute = "public class Orders {\n  [Function(\"Orders\")]\n  public void Run(\n    [QueueTrigger(\"orders\", Connection = \"Orders\")] string order,\n    [ServiceBusTrigger(\"x\", Connection = \"Bus\")] string other) {}\n}\n";
    let decorator = "@app.blob_trigger(arg_name=\"blob\", path=\"in/{name}\",\n                  connection=\"Orders\")\n";
    let call = "app.storageQueue('orders', {\n  queueName: 'orders',\n  connection: 'Orders',\n  handler: async () => { open('(') },\n});\n";
    let annotation = "void run(@QueueTrigger(name = \"message\", queueName = \"orders\", connection = \"Orders\") String message) {}\n";
    let bindings = "{ \"bindings\": [\n  { \"type\": \"queueTrigger\", \"connection\": \"Orders\" }, // the shop's\n  { \"type\": \"cosmosDB\", \"connection\": \"Bus\" } ] }";
    for (file, text) in [
        ("Orders.cs", attribute),
        (
            "Web.cs",
            "[StorageAccount(\"Orders\")]\npublic class Web {}\n",
        ),
        ("function_app.py", decorator),
        ("src/functions/orders.ts", call),
        ("src/main/java/Orders.java", annotation),
        ("Orders/function.json", bindings),
    ] {
        let sandbox = project(&[("host.json", "{}"), (file, text)]);
        let values = sandbox.azup(["env", "--format", "functions"]).ok().json()["Values"].clone();
        assert!(
            values["AzureWebJobsStorage"]
                .as_str()
                .unwrap()
                .contains("https://127.0.0.1:"),
            "{file}"
        );
        assert_eq!(values["Orders"], values["AzureWebJobsStorage"], "{file}");
        assert_eq!(
            values.get("Bus"),
            None,
            "{file}: not a connection to Storage"
        );
    }
}

/// Settings that replace a cloud account are reported.
#[test]
fn a_connection_that_leads_to_the_cloud_is_named() {
    let sandbox = project(&[
        ("host.json", "{}"),
        (
            "Orders.cs",
            "[QueueTrigger(\"orders\", Connection = \"Orders\"), Table(\"t\", Connection = \"Log\")]\n",
        ),
        (
            "local.settings.json",
            "{ \"Values\": { \"Orders\": \"DefaultEndpointsProtocol=https;AccountName=shop;AccountKey=x\",\n \"Log\": \"UseDevelopmentStorage=true\" } }",
        ),
    ]);
    let done = sandbox.azup(["env", "--format", "functions"]).ok();
    assert!(
        said(&done).contains(
            "Orders in local.settings.json points to another account; with these, it points to Azurite"
        ),
        "{done}"
    );
    assert!(
        !said(&done).contains("Log in local.settings.json"),
        "{done}"
    );
}

/// What `init` writes for the container.
fn feature(sandbox: &Sandbox) -> serde_json::Value {
    let path = ".devcontainer/azurite/devcontainer-feature.json";
    let bytes = fs::read(sandbox.project().join(path)).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// A solution has its host wherever its projects are.
#[test]
fn a_host_in_a_subfolder_has_its_storage_in_the_container() {
    let sandbox = project(&[
        ("Shop.sln", ""),
        ("src/backend/Orders/Orders.csproj", PROJECT),
        ("src/backend/Orders/host.json", "{ \"version\": \"2.0\" }"),
        ("src/backend/Orders/bin/Debug/host.json", "{}"),
    ]);
    sandbox.azup(["init", "--yes"]).ok();
    let feature = feature(&sandbox);
    assert!(
        feature["containerEnv"]["AzureWebJobsStorage"].is_string(),
        "{feature}"
    );
    assert!(
        !sandbox.project().join(".vscode").exists(),
        "F5 is the extension's"
    );
}

#[test]
fn kestrel_gets_the_certificate_only_where_it_is_asked_for() {
    let mut sandbox = project(&[("Api.csproj", PROJECT)]);
    let env = |sandbox: &crate::sandbox::Sandbox, more: &[&str]| {
        let words = [&["env", "--json"], more].concat();
        sandbox.azup(words).ok()
    };
    let path = "ASPNETCORE_Kestrel__Certificates__Default__Path";
    let key = "ASPNETCORE_Kestrel__Certificates__Default__KeyPath";
    assert_eq!(env(&sandbox, &[]).json()["variables"].get(path), None);
    let variables = env(&sandbox, &["--kestrel"]).json()["variables"].clone();
    for (name, file) in [(path, "cert.pem"), (key, "key.pem")] {
        let named = variables[name].as_str().unwrap().to_owned();
        assert_eq!(named, sandbox.certs().join(file).display().to_string());
        assert!(fs::metadata(&named).is_ok(), "{named}");
        sandbox.set(name, named);
    }
    // In the shell that has them: the same again.
    assert_eq!(
        env(&sandbox, &["--kestrel"]).json()["variables"][path],
        variables[path]
    );
    sandbox.unset(path);
    sandbox.unset(key);

    // A choice of the project or the user is never replaced.
    for (file, text, place) in [
        (
            "src/Web/appsettings.json",
            "{\n \"Kestrel\": { \"Endpoints\": { \"Https\": {\n  \"Certificate\": { \"Path\": \"own.pfx\" } } } } }",
            "src/Web/appsettings.json:3",
        ),
        (
            "src/Web/Properties/launchSettings.json",
            "{ \"profiles\": { \"web\": { \"environmentVariables\": {\n  \"Kestrel__Certificates__Default__Path\": \"own.pem\" } } } }",
            "src/Web/Properties/launchSettings.json:2",
        ),
    ] {
        let written = sandbox.write(file, text);
        // The top folder of a project is marked.
        fs::create_dir_all(sandbox.project().join(".vscode")).unwrap();
        let done = env(&sandbox, &["--kestrel"]);
        assert_eq!(done.json()["variables"].get(path), None, "{done}");
        let expected = format!("{place} configures a certificate for Kestrel, which stays");
        assert!(said(&done).contains(&expected), "{done}");
        fs::remove_file(written).unwrap();
    }
    sandbox.set("ASPNETCORE_Kestrel__Certificates__Default__Password", "x");
    let done = env(&sandbox, &["--kestrel"]);
    assert_eq!(done.json()["variables"].get(path), None, "{done}");
    sandbox.unset("ASPNETCORE_Kestrel__Certificates__Default__Password");
    // A setting that only says where it listens is not a choice.
    sandbox.write(
        "appsettings.json",
        "{ \"Kestrel\": { \"Endpoints\": { \"Https\": { \"Url\": \"https://*:5001\" } } } }",
    );
    assert!(
        env(&sandbox, &["--kestrel"]).json()["variables"]
            .get(path)
            .is_some()
    );
}

/// The variables name a certificate and a key that work: OpenSSL's server serves with them.
#[test]
fn the_certificate_for_kestrel_serves() {
    let sandbox = project(&[]);
    let done = sandbox.azup(["env", "--kestrel", "--json"]).ok().json();
    let file = |name: &str| done["variables"][name].as_str().unwrap().to_owned();
    let certificate = file("ASPNETCORE_Kestrel__Certificates__Default__Path");
    let key = file("ASPNETCORE_Kestrel__Certificates__Default__KeyPath");
    let ca = sandbox.certs().join("ca.pem");
    let verified = sandbox.run(
        "openssl",
        [
            "verify",
            "-CAfile",
            ca.to_str().unwrap(),
            "-verify_hostname",
            "localhost",
            &certificate,
        ],
    );
    assert_eq!(verified.code, 0, "{verified}");
    let of_certificate = sandbox
        .run(
            "openssl",
            ["x509", "-noout", "-pubkey", "-in", &certificate],
        )
        .ok();
    let of_key = sandbox
        .run("openssl", ["pkey", "-pubout", "-in", &key])
        .ok();
    assert_eq!(of_certificate.stdout, of_key.stdout);
}

#[test]
fn powershell_is_told_where_its_own_trust_comes_from() {
    let sandbox = project(&[]);
    let done = sandbox.azup(["env", "--format", "powershell"]).ok();
    let note = "note: these variables apply to the programs that this pwsh starts";
    assert!(
        done.stderr.contains(note) && done.stderr.contains("azup trust --stores dotnet"),
        "{done}"
    );
    assert!(
        !done.stdout.contains("note:"),
        "what is evaluated is variables alone"
    );
    let done = sandbox.azup(["env", "--format", "fish"]).ok();
    assert!(!done.stderr.contains("pwsh"), "{done}");
}
