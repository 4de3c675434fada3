//! What `azup init` says about obstacles: before it writes, with file and line.

use super::{named, sandbox};
use crate::sandbox::{Done, Sandbox};

const NEW: &str = ".devcontainer/devcontainer.json";

fn with(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = sandbox();
    for (path, text) in files {
        sandbox.write(path, text);
    }
    sandbox
}

fn notes(done: &Done) -> Vec<&str> {
    let lines = done.stderr.lines();
    lines
        .filter_map(|line| line.strip_prefix("note: "))
        .collect()
}

fn git(sandbox: &Sandbox, words: &[&str]) {
    let done = sandbox.run(
        "git",
        [&["-c", "user.name=x", "-c", "user.email=x@x"], words].concat(),
    );
    done.ok();
}

#[test]
fn settings_that_mean_http_are_named_wherever_they_are() {
    let sandbox = with(&[
        (NEW, "{\"image\": \"node:22\"}"),
        ("packages/api/host.json", "{}"),
        (
            "packages/api/local.settings.json",
            "{\n  \"Values\": { \"AzureWebJobsStorage\": \"UseDevelopmentStorage=true\" }\n}",
        ),
        (
            "src/Api/appsettings.Development.json",
            "{ \"Storage\": { \"ConnectionString\": \"UseDevelopmentStorage=true\" } }",
        ),
        (
            ".env",
            "# http://127.0.0.1:10000\nBLOBS=http://127.0.0.1:10000/devstoreaccount1\n",
        ),
        ("node_modules/x/a.json", "\"UseDevelopmentStorage=true\""),
    ]);
    let done = sandbox.azup(["init", "--yes"]).ok();
    insta::assert_snapshot!(notes(&done).join("\n"), @"
    .env:2: BLOBS says http://127.0.0.1:10000: plain HTTP keeps working with the account's key, since one port serves both; tokens (DefaultAzureCredential) need https: https://127.0.0.1:10000, with the local CA trusted
    packages/api/local.settings.json:2: AzureWebJobsStorage says UseDevelopmentStorage=true: plain HTTP keeps working with the account's key, since one port serves both; tokens (DefaultAzureCredential) need https: azup env --format functions prints the https settings
    src/Api/appsettings.Development.json:1: Storage:ConnectionString says UseDevelopmentStorage=true: plain HTTP keeps working with the account's key, since one port serves both; tokens (DefaultAzureCredential) need https: the variable Storage__ConnectionString overrides it, so that no file has to change: the connection string that azup env prints
    ");
    let done = sandbox.azup(["doctor", "settings"]);
    assert!(done.stdout.starts_with("warn"), "{done}");
    assert!(
        done.stdout.contains("appsettings.Development.json"),
        "{done}"
    );
    assert!(
        done.stdout.contains("packages/api/local.settings.json"),
        "{done}"
    );
}

#[test]
fn it_is_said_before_anything_is_asked_or_written_and_to_programs_too() {
    let files = [
        (NEW, "{\"image\": \"node:22\"}"),
        (".env", "A=UseDevelopmentStorage=true\n"),
    ];
    let sandbox = with(&files);
    // No terminal and no --yes: nothing is written.
    let done = sandbox.azup(["init"]);
    assert_eq!(done.code, 2, "{done}");
    assert!(notes(&done)[0].starts_with(".env:1: A says"), "{done}");
    let done = sandbox.azup(["init", "--dry-run"]).ok();
    assert!(notes(&done)[0].starts_with(".env:1: A says"), "{done}");
    let document = sandbox.azup(["init", "--yes", "--json"]).ok().json();
    assert_eq!(document["found"][0]["path"], ".env");
    assert_eq!(document["found"][0]["line"], 1);
    let what = document["found"][0]["what"].as_str().unwrap();
    assert!(
        what.starts_with("A says UseDevelopmentStorage=true"),
        "{what}"
    );
}

#[test]
fn clients_of_the_azurite_that_is_taken_over_are_named() {
    let compose = "services:\n  app:\n    image: debian:12\n    environment:\n      Storage: \"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;BlobEndpoint=http://azurite:10000/devstoreaccount1;\"\n  azurite:\n    image: mcr.microsoft.com/azure-storage/azurite\n    command: \"azurite-blob --blobHost 0.0.0.0\"\n    ports: [\"10000:10000\"]\n";
    let sandbox = with(&[
        (
            NEW,
            "{\"dockerComposeFile\": \"docker-compose.yml\", \"service\": \"app\", \"workspaceFolder\": \"/w\"}",
        ),
        (".devcontainer/docker-compose.yml", compose),
    ]);
    let done = sandbox.azup(["init", "--yes"]).ok();
    let notes = notes(&done);
    assert_eq!(notes.len(), 1, "{done}");
    let expected =
        ".devcontainer/docker-compose.yml:5: Storage says DefaultEndpointsProtocol=http: ";
    assert!(notes[0].starts_with(expected), "{done}");
}

/// Otherwise only the dev container would know the name.
#[test]
fn a_neighbour_that_reaches_azurite_by_another_name_finds_it_in_the_certificate() {
    let compose = "services:\n  app: {image: debian}\n  worker:\n    image: debian\n    environment: [\"BLOBS=https://blobs.local:10000/devstoreaccount1\", \"API=https://example.com\"]\n  azurite:\n    image: mcr.microsoft.com/azure-storage/azurite\n    ports: [\"10000:10000\"]\n    networks: {default: {aliases: [blobs.local]}}\n";
    let sandbox = with(&[
        (
            NEW,
            "{\"dockerComposeFile\": \"docker-compose.yml\", \"service\": \"app\", \"workspaceFolder\": \"/w\"}",
        ),
        (".devcontainer/docker-compose.yml", compose),
    ]);
    sandbox.azup(["init", "--yes"]).ok();
    let leaf = sandbox
        .project()
        .join(".devcontainer/azurite-certs/cert.pem");
    let shown = sandbox
        .run(
            "openssl",
            [
                "x509".as_ref(),
                "-noout".as_ref(),
                "-ext".as_ref(),
                "subjectAltName".as_ref(),
                "-in".as_ref(),
                leaf.as_os_str(),
            ],
        )
        .ok();
    assert!(shown.stdout.contains("DNS:blobs.local"), "{shown}");
    assert!(!shown.stdout.contains("example.com"), "{shown}");
    // If there already is a set, the hint is the command that makes another.
    let next = "services:\n  app: {image: debian, environment: {B: \"https://storage:10000\"}}\n  storage: {image: mcr.microsoft.com/azure-storage/azurite}\n";
    sandbox.write(".devcontainer/docker-compose.yml", next);
    let done = sandbox.azup(["init", "--yes"]).ok();
    assert!(done.stdout.contains("azup renew --san storage"), "{done}");
}

#[test]
fn another_azurite_and_taken_ports_are_named() {
    let sandbox = with(&[
        ("Api.csproj", "<Project/>"),
        (
            "docker-compose.yml",
            "services:\n  storage:\n    image: mcr.microsoft.com/azure-storage/azurite\n    ports: [\"10000:10000\"]\n  hooks:\n    image: nginx\n    ports:\n      - 10001:80\n",
        ),
        (
            "web/package.json",
            "{\n  \"scripts\": {\n    \"storage\": \"npx azurite --silent\"\n  }\n}\n",
        ),
        (
            ".vscode/settings.json",
            "{\n  \"azurite.location\": \"x\"\n}\n",
        ),
        (
            "Host/Program.cs",
            "builder.AddAzureStorage(\"s\")\n  .RunAsEmulator();\n",
        ),
        (
            "docker-compose.podman.yml",
            "services:\n  app:\n    volumes:\n      - .:/app:Z\n",
        ),
    ]);
    let done = sandbox.azup(["init", "--yes"]).ok();
    let notes = notes(&done).join("\n");
    for place in [
        "docker-compose.yml:3: the service storage runs an Azurite of its own",
        "docker-compose.yml:8: the service hooks publishes port 10001",
        "web/package.json:3: starts an Azurite of its own",
        ".vscode/settings.json:2: VS Code's Azurite extension",
        "Host/Program.cs:2: Aspire starts an Azurite",
        "docker-compose.podman.yml:4: a mount has an SELinux label",
    ] {
        assert!(notes.contains(place), "{place}: {done}");
    }
}

#[test]
fn files_of_azups_that_git_ignores_are_named_with_the_rule() {
    let sandbox = with(&[
        (".gitignore", "# editors\n*.vscode\n*.devcontainer\n"),
        (NEW, "{\"image\": \"node:22\"}"),
        ("app.py", ""),
    ]);
    git(&sandbox, &["init", "-q"]);
    git(&sandbox, &["add", "-f", NEW, ".gitignore"]);
    let done = sandbox.azup(["init", "--yes"]).ok();
    let found = notes(&done);
    assert!(
        found[0].starts_with(".gitignore:3: git ignores .devcontainer/azurite/"),
        "{done}"
    );
    assert!(
        found[0].contains("by the rule '*.devcontainer'")
            && found[0].contains("'!/.devcontainer/'"),
        "{done}"
    );
    assert!(!found[0].contains("devcontainer.json,"), "tracked: {done}");
    assert!(
        found[1].starts_with(".gitignore:2: git ignores .vscode/tasks.json, .vscode/launch.json"),
        "{done}"
    );
    // As git itself sees it.
    let ignored = sandbox.run("git", ["check-ignore", ".vscode/tasks.json"]);
    assert_eq!(ignored.code, 0, "{ignored}");
    // The advised line fixes it.
    let rules = "# editors\n*.vscode\n*.devcontainer\n!/.devcontainer/\n!/.vscode/\n";
    sandbox.write(".gitignore", rules);
    let done = sandbox.azup(["init", "--yes"]).ok();
    assert_eq!(notes(&done), [""; 0], "{done}");
    let ignored = sandbox.run("git", ["check-ignore", ".vscode/tasks.json"]);
    assert_eq!(ignored.code, 1, "{ignored}");
}

#[test]
fn a_workspace_of_several_roots_is_told_what_it_does_not_read() {
    let sandbox = with(&[
        (
            "team.code-workspace",
            "{\n  // two\n  \"folders\": [{\"path\": \"api\"}, {\"path\": \"web\"}],\n}\n",
        ),
        ("api/app.py", ""),
    ]);
    let done = sandbox.azup(["init", "--yes"]).ok();
    assert!(
        notes(&done)[0].starts_with("team.code-workspace:3: this workspace opens api, web"),
        "{done}"
    );
}

#[test]
fn a_port_with_another_label_is_reported() {
    let sandbox = with(&[(
        NEW,
        "{\n  \"image\": \"node:22\",\n  \"portsAttributes\": {\n    \"10000\": {\"label\": \"Webhook UI\"}\n  }\n}\n",
    )]);
    let done = sandbox.azup(["init", "--yes"]).ok();
    let expected = ".devcontainer/devcontainer.json:4: port 10000 is called 'Webhook UI'";
    assert!(notes(&done)[0].starts_with(expected), "{done}");
}

/// Without its record, the one that names azup's folder is the one that was set up.
#[test]
fn of_several_configurations_the_one_that_was_set_up_is_meant() {
    let path = ".devcontainer/b/devcontainer.json";
    let image = "{\"image\": \"node:22\"}\n";
    let sandbox = with(&[(".devcontainer/a/devcontainer.json", image), (path, image)]);
    sandbox.azup(["init", "--yes", "--config", path]).ok();
    sandbox.azup(["init", "--yes"]).ok();
    std::fs::remove_file(sandbox.project().join(".devcontainer/azurite/edits.json")).unwrap();
    sandbox.azup(["init", "--yes"]).ok();
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(super::read(&sandbox, path), image);
}

/// The tasks and configurations of a workspace file are edited like those of .vscode.
#[test]
fn a_workspace_with_configurations_of_its_own_gets_what_they_need() {
    let text = "{\n\t\"folders\": [{ \"path\": \".\" }],\n\t// ours\n\t\"launch\": {\n\t\t\"version\": \"0.2.0\",\n\t\t\"configurations\": [\n\t\t\t{ \"name\": \"shop\", \"type\": \"debugpy\", \"request\": \"launch\" },\n\t\t],\n\t},\n}\n";
    let sandbox = with(&[("shop.code-workspace", text), ("app.py", "")]);
    sandbox.azup(["init", "--yes"]).ok();
    let made = super::read(&sandbox, "shop.code-workspace");
    assert!(
        made.contains("\"preLaunchTask\": \"azup: trust\"") && made.contains("// ours"),
        "{made}"
    );
    assert!(made.contains("\"label\": \"azup: trust\""), "{made}");
    sandbox.azup(["init", "--yes"]).ok();
    assert_eq!(super::read(&sandbox, "shop.code-workspace"), made);
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(super::read(&sandbox, "shop.code-workspace"), text);
    // Also without the record.
    sandbox.azup(["init", "--yes"]).ok();
    std::fs::remove_dir_all(sandbox.project().join(".devcontainer/azurite")).unwrap();
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(super::read(&sandbox, "shop.code-workspace"), text);
}

/// Names and lines are somebody else's: the terminal gets no escape sequences, and azup does not
/// follow where they lead.
#[test]
fn what_is_read_is_bounded_and_shown_as_text() {
    let sandbox = named("project");
    sandbox.write(
        "a\u{1b}[2J\nb.json",
        "{\"\u{1b}]0;x\": \"UseDevelopmentStorage=true\"}",
    );
    sandbox.write("big.json", vec![b'a'; 1 << 20]);
    let long = format!("x{} UseDevelopmentStorage=true", " ".repeat(10_000));
    sandbox.write("long.json", long);
    let outside = sandbox.root().join("outside.json");
    std::fs::write(&outside, "UseDevelopmentStorage=true").unwrap();
    std::os::unix::fs::symlink(&outside, sandbox.project().join("link.json")).unwrap();
    std::os::unix::fs::symlink(sandbox.root(), sandbox.project().join("folder")).unwrap();
    let many = "A=UseDevelopmentStorage=true\n".repeat(200);
    sandbox.write("z.env", many);
    let done = sandbox.azup(["init"]).ok();
    let found = notes(&done);
    assert!(found.len() <= 42, "{done}");
    assert!(
        done.stderr.contains("more places like these are not shown"),
        "{done}"
    );
    assert!(!done.stderr.contains('\u{1b}'), "{done}");
    assert!(
        !done.stderr.contains("outside.json") && !done.stderr.contains("link.json"),
        "{done}"
    );
}
