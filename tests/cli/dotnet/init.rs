//! What `azup init` does to C# projects: F5 stays as it was, and nothing unused is added.

use super::{PROJECT, project};
use crate::merge::tree;
use crate::sandbox::{Done, Sandbox};

const NET: &str = "{ \"image\": \"mcr.microsoft.com/devcontainers/dotnet:10.0\" }\n";
const CONFIGURATION: &str = ".devcontainer/devcontainer.json";

fn read(sandbox: &Sandbox, path: &str) -> String {
    std::fs::read_to_string(sandbox.project().join(path)).unwrap()
}

fn init(sandbox: &Sandbox) -> Done {
    sandbox.azup(["init", "--yes"]).ok()
}

fn has_editor_files(sandbox: &Sandbox) -> bool {
    sandbox.project().join(".vscode").exists()
}

/// The container gives endpoint and identity to whatever F5 starts, in a debugger of either type.
#[test]
fn f5_in_the_container_has_endpoint_and_identity_and_the_editors_files_stay() {
    let tasks = "{ \"version\": \"2.0.0\", \"tasks\": [ { \"label\": \"build\", \"type\": \"process\", \"command\": \"dotnet\", \"args\": [\"build\"] } ] }\n";
    let launch = "{ \"version\": \"0.2.0\", \"configurations\": [\n  { \"name\": \"old\", \"type\": \"coreclr\", \"request\": \"launch\", \"preLaunchTask\": \"build\", \"program\": \"app.dll\" },\n  { \"name\": \"new\", \"type\": \"dotnet\", \"request\": \"launch\", \"projectPath\": \"app.csproj\" },\n  { \"name\": \"aspire\", \"type\": \"aspire\", \"request\": \"launch\" },\n  { \"name\": \"pwsh\", \"type\": \"PowerShell\", \"request\": \"launch\" },\n  { \"name\": \"attach\", \"type\": \"coreclr\", \"request\": \"attach\" },\n  { \"name\": \"kit\", \"type\": \"coreclr\", \"request\": \"launch\", \"preLaunchTask\": \"dotnet: build\" } ] }\n";
    let sandbox = project(&[
        ("app.csproj", PROJECT),
        (CONFIGURATION, NET),
        (".vscode/tasks.json", tasks),
        (".vscode/launch.json", launch),
    ]);
    let done = init(&sandbox);
    assert_eq!(read(&sandbox, ".vscode/tasks.json"), tasks);
    assert_eq!(read(&sandbox, ".vscode/launch.json"), launch);
    assert!(!done.stdout.contains("azup: trust"), "{done}");
    let feature = read(&sandbox, ".devcontainer/azurite/devcontainer-feature.json");
    let feature: serde_json::Value = serde_json::from_str(&feature).unwrap();
    for (name, value) in [
        (
            "AZURE_STORAGE_BLOB_ENDPOINT",
            "https://127.0.0.1:10000/devstoreaccount1",
        ),
        (
            "AZURE_STORAGE_QUEUE_ENDPOINT",
            "https://127.0.0.1:10001/devstoreaccount1",
        ),
        (
            "AZURE_STORAGE_TABLE_ENDPOINT",
            "https://127.0.0.1:10002/devstoreaccount1",
        ),
        ("IDENTITY_ENDPOINT", "http://127.0.0.1:10003/msi/token"),
        ("IDENTITY_HEADER", "azup"),
    ] {
        assert_eq!(feature["containerEnv"][name], value);
    }
    assert_eq!(feature["containerEnv"].get("AzureWebJobsStorage"), None);
}

#[test]
fn a_program_in_a_container_of_its_own_is_named_and_nothing_is_written_for_it() {
    let launch = "{ \"configurations\": [\n  { \"name\": \"in docker\", \"type\": \"docker\", \"request\": \"launch\", \"preLaunchTask\": \"docker-run: debug\" },\n  { \"name\": \"wasm\", \"type\": \"blazorwasm\", \"request\": \"launch\" } ] }\n";
    let tasks = "{ \"version\": \"2.0.0\", \"tasks\": [ { \"label\": \"docker-run: debug\", \"type\": \"docker-run\" } ] }\n";
    let sandbox = project(&[
        ("shop.vbproj", PROJECT),
        (CONFIGURATION, NET),
        (".vscode/launch.json", launch),
        (".vscode/tasks.json", tasks),
    ]);
    let done = init(&sandbox);
    let note = "note: .vscode/launch.json: \"in docker\" runs the program in a container of its own, which knows neither this CA nor 127.0.0.1:10000\n";
    assert!(done.stdout.contains(note), "{done}");
    assert_eq!(read(&sandbox, ".vscode/launch.json"), launch);
    assert_eq!(read(&sandbox, ".vscode/tasks.json"), tasks);
}

/// C# Dev Kit starts a project that has no launch.json, but not one that has.
#[test]
fn without_editor_files_none_are_made() {
    for files in [
        &[("shop.csproj", PROJECT), ("Program.cs", "")][..],
        &[("tool.cs", "#:package X@1\nConsole.WriteLine();\n")],
        &[("src/Shop.fsproj", PROJECT), ("shop.slnx", "<Solution />")],
    ] {
        let sandbox = project(files);
        init(&sandbox);
        assert!(!has_editor_files(&sandbox), "{files:?}");
        let made = read(&sandbox, CONFIGURATION);
        assert!(made.contains("ms-dotnettools.csdevkit"), "{made}");
        assert!(
            !made.contains("python") && !made.contains("debugpy"),
            "{made}"
        );
        let fsharp = files[0].0.ends_with("fsproj");
        assert_eq!(made.contains("ionide.ionide-fsharp"), fsharp, "{made}");
    }
}

/// The framework is found wherever `MSBuild` finds it.
#[test]
fn the_image_is_the_one_of_the_framework_wherever_that_is_said() {
    let framework =
        |said: &str| format!("<Project><PropertyGroup>{said}</PropertyGroup></Project>");
    let old = framework(
        "<!-- <TargetFramework>net5.0</TargetFramework> -->\n<TargetFramework Condition=\"'$(CI)' == ''\">net8.0</TargetFramework>",
    );
    let variable = framework("<TargetFramework>$(ShopFramework)</TargetFramework>");
    let shared = framework("<ShopFramework>net9.0</ShopFramework>");
    let several =
        framework("<TargetFrameworks>net8.0;net9.0;netstandard2.0;net48</TargetFrameworks>");
    for (files, image, because, runtimes) in [
        (
            vec![("a.csproj", old.as_str())],
            "dotnet:8.0",
            "a.csproj",
            None,
        ),
        (
            vec![
                ("src/a.csproj", variable.as_str()),
                ("eng/Versions.props", &shared),
            ],
            "dotnet:9.0",
            "src/a.csproj and eng/Versions.props",
            None,
        ),
        (
            vec![("a.csproj", several.as_str())],
            "dotnet:9.0",
            "a.csproj",
            Some("8.0"),
        ),
        (
            vec![
                ("global.json", "{\"sdk\": {\"version\": \"10.0.100\"}}"),
                ("a.csproj", &several),
            ],
            "dotnet:10.0",
            "a.csproj and global.json",
            Some("8.0, 9.0"),
        ),
        (
            vec![(
                "a.cs",
                "#!/usr/bin/env dotnet\n#:property TargetFramework=net11.0\n",
            )],
            "dotnet:11.0",
            "a.cs",
            None,
        ),
    ] {
        let sandbox = project(&files);
        let done = init(&sandbox);
        let note = format!("devcontainers/{image}, because of {because} (");
        assert!(done.stdout.contains(&note), "{note}: {done}");
        let made: serde_json::Value = serde_json::from_str(&read(&sandbox, CONFIGURATION)).unwrap();
        let feature = &made["features"]["ghcr.io/devcontainers/features/dotnet:2"];
        assert_eq!(
            feature["dotnetRuntimeVersions"].as_str(),
            runtimes,
            "{made}"
        );
    }
}

#[test]
fn ports_that_are_labelled_already_are_opened_by_https_and_given_back() {
    let compose = "services:\n  app:\n    image: mcr.microsoft.com/devcontainers/dotnet:9.0\n    command: sleep infinity\n    environment: { AZURE_STORAGE_CONNECTION_STRING: \"x\" }\n  storage:\n    image: mcr.microsoft.com/azure-storage/azurite\n    network_mode: service:app\n";
    let configuration = "{\n  \"dockerComposeFile\": \"compose.yml\",\n  \"service\": \"app\",\n  \"forwardPorts\": [10000, 10001, 10002],\n  \"portsAttributes\": {\n    // ours\n    \"10000\": { \"label\": \"Blob store\" },\n    \"10001-10002\": {\n      \"label\": \"Queues and tables\"\n    }\n  }\n}\n";
    let sandbox = project(&[
        ("Fn.csproj", PROJECT),
        (CONFIGURATION, configuration),
        (".devcontainer/compose.yml", compose),
    ]);
    let before = tree(&sandbox.project());
    let done = init(&sandbox);
    let made = read(&sandbox, CONFIGURATION);
    assert!(
        made.contains("\"10000\": { \"label\": \"Blob store\", \"protocol\": \"https\" }"),
        "{made}"
    );
    assert_eq!(made.matches("\"protocol\": \"https\"").count(), 2, "{made}");
    assert!(
        !done.stderr.contains("give one of the two another port"),
        "{done}"
    );
    assert!(
        done.stdout
            .contains("the service app sets AZURE_STORAGE_CONNECTION_STRING: it stays"),
        "{done}"
    );
    let after = tree(&sandbox.project());
    init(&sandbox);
    assert_eq!(tree(&sandbox.project()), after);
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(tree(&sandbox.project()), before);
    // Without the record, anything that could be the user's own stays, and is named.
    init(&sandbox);
    std::fs::remove_file(sandbox.project().join(".devcontainer/azurite/edits.json")).unwrap();
    let done = sandbox.azup(["remove", "--yes"]).ok();
    assert!(
        done.stdout
            .contains("portsAttributes 10000 keeps \"protocol\": \"https\""),
        "{done}"
    );
}

const HOST: &str = "<Project Sdk=\"Aspire.AppHost.Sdk/13.0.0\">\n</Project>\n";
const STARTS: &str = "var builder = DistributedApplication.CreateBuilder(args);\n\nvar storage = builder\n    .AddAzureStorage(\"storage\")\n    .RunAsEmulator(azurite => azurite.WithLifetime(ContainerLifetime.Persistent));\nvar docs = storage.AddBlobs(\"docs\");\nvar work = storage.AddQueues(\"work\");\n";

#[test]
fn what_aspire_starts_is_left_alone_unless_the_user_says_otherwise() {
    let sandbox = project(&[
        ("src/Shop.AppHost/Shop.AppHost.csproj", HOST),
        ("src/Shop.AppHost/Program.cs", STARTS),
        ("src/Shop.Api/Shop.Api.csproj", PROJECT),
    ]);
    let before = tree(&sandbox.project());
    for words in [&["init", "--yes"][..], &["init", "--dry-run"]] {
        let done = sandbox.azup(words);
        assert_eq!(done.code, 4, "{done}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(sandbox.shown(&done), @r#"
            exit: 4
            --- stdout
            --- stderr
            error: src/Shop.AppHost/Program.cs:4 starts Aspire's own Azurite, over HTTP, without tokens and on other ports: programs that F5 starts would not use azup's, so nothing was written
            to use azup's Azurite, replace the storage in the AppHost's code by:
            var docs = builder.AddConnectionString("docs");
            var work = builder.AddConnectionString("work");
            in src/Shop.AppHost/appsettings.Development.json:
            "ConnectionStrings": { "docs": "https://127.0.0.1:10000/devstoreaccount1", "work": "https://127.0.0.1:10001/devstoreaccount1" }
            and then:
            azup run -- dotnet run --project src/Shop.AppHost
            hint: azup init --force [PROJECT]
            "#);
        }
    }
    assert_eq!(tree(&sandbox.project()), before, "not a byte");
    assert!(!sandbox.own().exists(), "no certificates either");

    sandbox.azup(["init", "--yes", "--force"]).ok();
    // What is set up was intended.
    init(&sandbox);
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(tree(&sandbox.project()), before);
}

#[test]
fn an_apphost_of_any_form_is_seen() {
    let inside = "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><IsAspireHost>true</IsAspireHost></PropertyGroup></Project>";
    let package = "<Project><ItemGroup><PackageReference Include=\"Aspire.Hosting.AppHost\" Version=\"9.5.0\" /></ItemGroup></Project>";
    for (path, text) in [
        ("Host/Host.csproj", inside),
        ("Host.csproj", package),
        ("apphost.cs", "#:sdk Aspire.AppHost.Sdk@13.0.0\n"),
    ] {
        let sandbox = project(&[(path, text)]);
        let done = sandbox.azup(["init", "--yes"]);
        assert_eq!(done.code, 4, "{path}: {done}");
        assert!(
            done.stderr
                .contains(&format!("{path} is an Aspire AppHost")),
            "{done}"
        );
    }
    // Packages for its clients do not make an AppHost.
    let client = "<Project Sdk=\"Microsoft.NET.Sdk.Web\"><ItemGroup><PackageReference Include=\"Aspire.Azure.Storage.Blobs\" /></ItemGroup></Project>";
    init(&project(&[("Api.csproj", client)]));
}

/// The Feature that brings Node.js refuses it.
#[test]
fn an_alpine_image_gets_no_feature_that_refuses_it() {
    for image in [
        "mcr.microsoft.com/dotnet/sdk:9.0-alpine",
        "mcr.microsoft.com/dotnet/sdk:8.0-alpine3.20",
    ] {
        let text = format!("{{ \"image\": \"{image}\" }}\n");
        let sandbox = project(&[("app.csproj", PROJECT), (CONFIGURATION, &text)]);
        let done = init(&sandbox);
        assert!(
            !read(&sandbox, CONFIGURATION).contains("features/node"),
            "{done}"
        );
        assert!(
            done.stdout.contains("apk add --no-cache nodejs npm"),
            "{done}"
        );
    }
}

/// Only if asked for; after the existing entries, so that nobody's F5 changes.
#[test]
fn a_launch_profile_is_added_where_it_is_asked_for_and_taken_out_again() {
    let web = PROJECT.replace("Microsoft.NET.Sdk", "Microsoft.NET.Sdk.Web");
    let profiles = "\u{feff}{\r\n  \"profiles\": {\r\n    \"https\": {\r\n      \"commandName\": \"Project\",\r\n      \"launchBrowser\": true,\r\n      \"applicationUrl\": \"https://localhost:7001\" // ours\r\n    }\r\n  }\r\n}\r\n";
    let tests = "<Project Sdk=\"Microsoft.NET.Sdk\"><PropertyGroup><OutputType>Exe</OutputType></PropertyGroup><PackageReference Include=\"Microsoft.NET.Test.Sdk\" /></Project>";
    let sandbox = project(&[
        ("src/Web/Web.csproj", &web),
        ("src/Web/Properties/launchSettings.json", profiles),
        ("src/Job/Job.csproj", PROJECT),
        (
            "src/Lib/Lib.csproj",
            "<Project Sdk=\"Microsoft.NET.Sdk\" />",
        ),
        ("test/Tests.csproj", tests),
    ]);
    let before = tree(&sandbox.project());
    init(&sandbox);
    let old = "src/Web/Properties/launchSettings.json";
    let new = "src/Job/Properties/launchSettings.json";
    assert_eq!(read(&sandbox, old), profiles, "not asked for");
    sandbox.azup(["init", "--yes", "--launch-profile"]).ok();
    let made = read(&sandbox, old);
    assert!(
        made.starts_with(profiles.split("\r\n    }").next().unwrap()),
        "{made}"
    );
    let text = made.trim_start_matches('\u{feff}').replace(" // ours", "");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    insta::assert_snapshot!(format!("{:#}", value["profiles"]["azurite"]), @r#"
    {
      "commandName": "Project",
      "launchBrowser": true,
      "applicationUrl": "https://localhost:7001",
      "environmentVariables": {
        "ASPNETCORE_ENVIRONMENT": "Development",
        "AZURE_STORAGE_BLOB_ENDPOINT": "https://127.0.0.1:10000/devstoreaccount1",
        "AZURE_STORAGE_QUEUE_ENDPOINT": "https://127.0.0.1:10001/devstoreaccount1",
        "AZURE_STORAGE_TABLE_ENDPOINT": "https://127.0.0.1:10002/devstoreaccount1",
        "IDENTITY_ENDPOINT": "http://127.0.0.1:10003/msi/token",
        "IDENTITY_HEADER": "azup"
      }
    }
    "#);
    let job: serde_json::Value = serde_json::from_str(&read(&sandbox, new)).unwrap();
    let names: Vec<&String> = job["profiles"].as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        ["Job", "azurite"],
        "the first is what dotnet run takes"
    );
    assert!(!sandbox.project().join("src/Lib/Properties").exists());
    assert!(!sandbox.project().join("test/Properties").exists());
    let after = tree(&sandbox.project());
    for words in [
        &["init", "--yes"][..],
        &["init", "--yes", "--launch-profile"],
    ] {
        sandbox.azup(words).ok();
        assert_eq!(tree(&sandbox.project()), after);
    }
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(tree(&sandbox.project()), before);

    // Without the record, and after a person has edited the file that azup made.
    sandbox.azup(["init", "--yes", "--launch-profile"]).ok();
    std::fs::remove_file(sandbox.project().join(".devcontainer/azurite/edits.json")).unwrap();
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(tree(&sandbox.project()), before);
    sandbox.azup(["init", "--yes", "--launch-profile"]).ok();
    let text = read(&sandbox, new).replace(
        "\"Job\": {",
        "\"Nightly\": { \"commandName\": \"Project\" },\n    \"Job\": {",
    );
    sandbox.write(new, text);
    sandbox.azup(["remove", "--yes"]).ok();
    let left = read(&sandbox, new);
    assert!(
        left.contains("Nightly") && !left.contains("azurite"),
        "{left}"
    );
}
