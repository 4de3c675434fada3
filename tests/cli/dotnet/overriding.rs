//! .NET's files that win over the variables of `azup run`: they are named before the command
//! starts, with the command that leaves them out this time.

use super::{PROJECT, project, said, would_run};

const PROFILES: &str = "\u{feff}{\r\n  // two of them\r\n  \"profiles\": {\r\n    \"IIS Express\": {\r\n      \"commandName\": \"IISExpress\",\r\n      \"environmentVariables\": { \"AZURE_STORAGE_QUEUE_ENDPOINT\": \"http://127.0.0.1:10001/devstoreaccount1\" }\r\n    },\r\n    \"web\": {\r\n      \"commandName\": \"Project\",\r\n      \"environmentVariables\": {\r\n        \"ASPNETCORE_ENVIRONMENT\": \"Development\",\r\n        \"AZURE_STORAGE_BLOB_ENDPOINT\": \"http://127.0.0.1:10000/devstoreaccount1\",\r\n        \"IDENTITY_ENDPOINT\": \"http://127.0.0.1:1/\"\r\n      }\r\n    },\r\n    \"other\": { \"commandName\": \"Project\" },\r\n  }\r\n}\r\n";

const SETTINGS: &str = "<RunSettings>\n  <RunConfiguration>\n    <EnvironmentVariables>\n      <!-- <IDENTITY_ENDPOINT>x</IDENTITY_ENDPOINT> -->\n      <AZURE_STORAGE_TABLE_ENDPOINT>http://127.0.0.1:10002/devstoreaccount1</AZURE_STORAGE_TABLE_ENDPOINT>\n    </EnvironmentVariables>\n  </RunConfiguration>\n</RunSettings>\n";

#[test]
fn a_launch_profile_that_wins_is_named_with_its_line_and_the_way_round_it() {
    let sandbox = project(&[
        ("src/Api/Api.csproj", PROJECT),
        ("src/Api/Properties/launchSettings.json", PROFILES),
    ]);
    let told = |words: &str| said(&would_run(&sandbox, words));
    insta::assert_snapshot!(told("dotnet run --project src/Api -- --port 80"), @"
    warning: src/Api/Properties/launchSettings.json:12 sets AZURE_STORAGE_BLOB_ENDPOINT and overrides azup, as it does with IDENTITY_ENDPOINT in line 13
    hint: azup run -- dotnet run --no-launch-profile --project src/Api -- --port 80
    ");
    assert!(told("dotnet watch --project src/Api/Api.csproj").contains(":12 sets"));
    // The command in the hint is silent, and so is any that starts no profile with variables.
    for words in [
        "dotnet run --no-launch-profile --project src/Api",
        "dotnet run --project src/Api --launch-profile other",
        "dotnet build src/Api",
        "dotnet run",
        "sh -c true",
    ] {
        assert_eq!(told(words), "", "{words}");
    }
}

#[test]
fn settings_of_a_test_run_that_win_are_named() {
    let sandbox = project(&[
        ("tests/Tests.csproj", PROJECT),
        ("tests/local.runsettings", SETTINGS),
        ("tests/Properties/launchSettings.json", PROFILES),
    ]);
    let told = |words: &str| said(&would_run(&sandbox, words));
    insta::assert_snapshot!(told("dotnet test tests -s tests/local.runsettings --no-build"), @"
    warning: tests/local.runsettings:5 sets AZURE_STORAGE_TABLE_ENDPOINT and overrides azup
    hint: azup run -- dotnet test tests --no-build
    ");
    assert_eq!(told("dotnet test tests"), "", "no settings, and no profile");

    // The project names them itself.
    let named = PROJECT.replace(
        "<OutputType>Exe</OutputType>",
        "<RunSettingsFilePath>$(MSBuildProjectDirectory)\\local.runsettings</RunSettingsFilePath>",
    );
    sandbox.write("tests/Tests.csproj", named);
    insta::assert_snapshot!(told("dotnet watch --project tests test"), @"
    warning: tests/local.runsettings:5 sets AZURE_STORAGE_TABLE_ENDPOINT and overrides azup
    hint: azup run -- dotnet watch --project tests test -p:RunSettingsFilePath=
    ");

    // The runner that starts tests as programs.
    sandbox.write("tests/Tests.csproj", PROJECT);
    sandbox.write(
        "global.json",
        "{\"test\": {\"runner\": \"Microsoft.Testing.Platform\"}}",
    );
    assert!(told("dotnet test tests").contains("launchSettings.json:12 sets"));
}

#[test]
fn a_single_file_program_has_its_profiles_next_to_it() {
    let sandbox = project(&[("tool.cs", "#:package X@1\n"), ("tool.run.json", PROFILES)]);
    let done = would_run(&sandbox, "dotnet run tool.cs");
    assert!(
        said(&done).starts_with("warning: tool.run.json:12 sets"),
        "{done}"
    );
}

/// The file is somebody else's: whatever it contains, the command runs.
#[test]
fn an_unreadable_file_stops_nothing() {
    for text in [
        "",
        "{",
        "[]",
        "{\"profiles\": 3}",
        "{\"profiles\": {\"a\": {\"commandName\": \"Project\", \"environmentVariables\": []}}}",
    ] {
        let sandbox = project(&[("Properties/launchSettings.json", text)]);
        let done = would_run(&sandbox, "dotnet run").ok();
        assert_eq!(said(&done), "", "{text}");
    }
}
