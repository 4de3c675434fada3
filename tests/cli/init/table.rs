//! Sixty small projects in all languages: what init says about each, a second init that changes
//! nothing, and a remove that restores every byte, with and without its record.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::merge::{project, read_configuration, tree};
use crate::sandbox::Sandbox;

const NEW: &str = ".devcontainer/devcontainer.json";
const COMPOSE: &str = ".devcontainer/docker-compose.yml";
const TASKS: &str = ".vscode/tasks.json";
const LAUNCH: &str = ".vscode/launch.json";
const NAMES: &str = "{\n  \"dockerComposeFile\": \"docker-compose.yml\",\n  \"service\": \"app\",\n  \"workspaceFolder\": \"/workspace\"\n}\n";
const APP: &str = "services:\n  app:\n    image: debian:12\n    command: sleep infinity\n";

type Files = &'static [(&'static str, &'static str)];

/// The files, and words in what is said about them: none for a project that is set up silently.
const SHAPES: &[(Files, &[&str])] = &[
    // Python.
    (
        &[("app.py", "")],
        &["devcontainers/python:3, because of app.py"],
    ),
    (
        &[
            ("requirements.txt", "azure-identity\n"),
            ("src/main.py", ""),
        ],
        &["devcontainers/python:3"],
    ),
    (
        &[
            (
                "pyproject.toml",
                "[project]\nname = \"x\"\nrequires-python = \">=3.12\"\n",
            ),
            ("uv.lock", ""),
        ],
        &["devcontainers/python:3"],
    ),
    (
        &[
            ("pyproject.toml", "[tool.poetry]\nname = \"x\"\n"),
            ("poetry.lock", ""),
        ],
        &["devcontainers/python:3"],
    ),
    (
        &[("pyproject.toml", "[tool.pdm]\n"), ("pdm.lock", "")],
        &["devcontainers/python:3"],
    ),
    (
        &[("pyproject.toml", "[tool.hatch.envs.default]\n")],
        &["devcontainers/python:3"],
    ),
    (
        &[("setup.py", ""), (".python-version", "3.11\n")],
        &["python:3.11"],
    ),
    (&[("Pipfile", "")], &["devcontainers/python:3"]),
    (
        &[
            ("app.py", ""),
            (
                ".env",
                "AZURE_STORAGE_CONNECTION_STRING=UseDevelopmentStorage=true\n",
            ),
        ],
        &[".env:1: AZURE_STORAGE_CONNECTION_STRING says UseDevelopmentStorage=true"],
    ),
    (
        &[(
            "main.py",
            "client = BlobServiceClient('http://127.0.0.1:10000/devstoreaccount1')\n",
        )],
        &["main.py:1: "],
    ),
    (
        &[
            ("host.json", "{}"),
            ("requirements.txt", "azure-functions\n"),
            ("function_app.py", ""),
            (
                "local.settings.json",
                "{\"Values\": {\n\"AzureWebJobsStorage\": \"UseDevelopmentStorage=true\"}}",
            ),
        ],
        &[
            "local.settings.json:2: AzureWebJobsStorage",
            "azup env --format functions",
        ],
    ),
    (
        &[
            ("app.py", ""),
            (
                LAUNCH,
                "{\n  // mine\n  \"version\": \"0.2.0\",\n  \"configurations\": [{\"name\": \"a\", \"type\": \"debugpy\", \"request\": \"launch\", \"program\": \"app.py\"}]\n}\n",
            ),
        ],
        &[],
    ),
    (
        &[
            ("app.py", ""),
            (
                TASKS,
                "{\n\t\"version\": \"2.0.0\",\n\t\"tasks\": [\n\t\t{ \"label\": \"pip\", \"type\": \"shell\", \"command\": \"pip install -r requirements.txt\" },\n\t]\n}\n",
            ),
        ],
        &[],
    ),
    (
        &[
            ("app.py", ""),
            (
                NEW,
                "{\n  \"image\": \"mcr.microsoft.com/devcontainers/python:3\"\n}\n",
            ),
        ],
        &["gets Node.js"],
    ),
    (
        &[
            ("app.py", ""),
            (NEW, "{\n  \"build\": {\"dockerfile\": \"Dockerfile\"}\n}\n"),
            (
                ".devcontainer/Dockerfile",
                "FROM mcr.microsoft.com/devcontainers/universal\n",
            ),
        ],
        &[],
    ),
    (&[("app.py", ""), (NEW, NAMES), (COMPOSE, APP)], &[]),
    // Node.js and TypeScript.
    (
        &[("package.json", "{}"), ("package-lock.json", "{}")],
        &["javascript-node:22"],
    ),
    (
        &[
            ("package.json", "{\"packageManager\": \"pnpm@9\"}"),
            ("pnpm-lock.yaml", ""),
        ],
        &["javascript-node:22"],
    ),
    (
        &[("package.json", "{}"), ("yarn.lock", "")],
        &["javascript-node:22"],
    ),
    (
        &[
            ("package.json", "{}"),
            ("tsconfig.json", "{}"),
            (".nvmrc", "20\n"),
        ],
        &["typescript-node:20"],
    ),
    (
        &[(
            "package.json",
            "{\n  \"scripts\": {\n    \"azurite\": \"azurite --silent --location .azurite\"\n  }\n}",
        )],
        &["package.json:3: starts an Azurite of its own"],
    ),
    (
        &[(
            "package.json",
            "{\"scripts\": {\"test\": \"npx azurite & node test.js\"}}",
        )],
        &["package.json:1: starts an Azurite of its own"],
    ),
    (
        &[(
            "package.json",
            "{\"devDependencies\": {\"azurite\": \"^3\"}}",
        )],
        &["javascript-node:22"],
    ),
    (
        &[
            ("host.json", "{}"),
            ("package.json", "{}"),
            ("tsconfig.json", "{}"),
        ],
        &["typescript-node:22"],
    ),
    (
        &[
            ("package.json", "{}"),
            (
                LAUNCH,
                "{\"version\": \"0.2.0\", \"configurations\": [{\"type\": \"node\", \"request\": \"launch\", \"name\": \"run\", \"program\": \"x.js\"}]}",
            ),
        ],
        &[],
    ),
    (
        &[
            ("package.json", "{}"),
            (
                NEW,
                "{\n  \"image\": \"mcr.microsoft.com/devcontainers/typescript-node:20\",\n  \"forwardPorts\": [8000, 7071]\n}\n",
            ),
        ],
        &[],
    ),
    (
        &[
            ("package.json", "{}"),
            (
                "src/storage.ts",
                "const url = \"http://localhost:10001/devstoreaccount1\";\n",
            ),
        ],
        &["src/storage.ts:1: url says http://localhost:10001"],
    ),
    (
        &[
            ("packages/a/package.json", "{}"),
            ("packages/b/package.json", "{}"),
            ("pnpm-workspace.yaml", "packages: ['packages/*']\n"),
        ],
        &["javascript-node"],
    ),
    (
        &[
            ("package.json", "{}"),
            (
                ".vscode/extensions.json",
                "{\n  \"recommendations\": [\"azurite.azurite\"]\n}\n",
            ),
        ],
        &[".vscode/extensions.json:2: VS Code's Azurite extension"],
    ),
    (
        &[
            ("package.json", "{}"),
            (
                ".vscode/settings.json",
                "{\n  \"azurite.silent\": true\n}\n",
            ),
        ],
        &[".vscode/settings.json:2: VS Code's Azurite extension"],
    ),
    // .NET.
    (
        &[(
            "Api.csproj",
            "<Project><PropertyGroup><TargetFramework>net8.0</TargetFramework></PropertyGroup></Project>",
        )],
        &["dotnet:8.0"],
    ),
    (
        &[
            ("All.sln", ""),
            (
                "src/A/A.csproj",
                "<TargetFramework>net9.0</TargetFramework>",
            ),
        ],
        &["dotnet:9.0"],
    ),
    (
        &[
            ("All.slnx", ""),
            ("global.json", "{\"sdk\": {\"version\": \"10.0.100\"}}"),
        ],
        &["dotnet:10.0"],
    ),
    (&[("Lib.fsproj", "")], &["dotnet:"]),
    (
        &[
            ("Api.csproj", ""),
            (
                "appsettings.Development.json",
                "{\n  \"Blobs\": \"UseDevelopmentStorage=true\"\n}\n",
            ),
        ],
        &["appsettings.Development.json:2: Blobs"],
    ),
    (
        &[
            ("Api.csproj", ""),
            (
                "Properties/launchSettings.json",
                "{\"env\": {\"STORAGE\": \"DefaultEndpointsProtocol=http;BlobEndpoint=http://127.0.0.1:10000/x\"}}",
            ),
        ],
        &["Properties/launchSettings.json:1: STORAGE says DefaultEndpointsProtocol=http"],
    ),
    (
        &[
            ("AppHost/AppHost.csproj", ""),
            (
                "AppHost/Program.cs",
                "builder.AddAzureStorage(\"s\").RunAsEmulator();\n",
            ),
        ],
        &["AppHost/Program.cs:1: Aspire"],
    ),
    (
        &[
            ("host.json", "{}"),
            ("Orders.csproj", ""),
            (
                TASKS,
                "{\"version\": \"2.0.0\", \"tasks\": [{\"label\": \"build\", \"type\": \"process\", \"command\": \"dotnet\"}, {\"type\": \"func\", \"command\": \"host start\", \"problemMatcher\": \"$func-dotnet-watch\", \"isBackground\": true, \"dependsOn\": \"build\"}]}",
            ),
        ],
        &["dotnet:"],
    ),
    (
        &[
            ("Api.csproj", ""),
            (
                "docker-compose.yml",
                "services:\n  storage:\n    image: mcr.microsoft.com/azure-storage/azurite\n    ports: [\"10000:10000\"]\n",
            ),
        ],
        &["docker-compose.yml:3: the service storage runs an Azurite of its own"],
    ),
    // Java.
    (
        &[("pom.xml", "<project/>"), ("src/main/java/App.java", "")],
        &["java:21"],
    ),
    (
        &[
            (
                "pom.xml",
                "<maven.compiler.release>17</maven.compiler.release>",
            ),
            ("mvnw", ""),
        ],
        &["java:17"],
    ),
    (&[("build.gradle", ""), ("gradlew", "")], &["java:21"]),
    (
        &[("build.gradle.kts", ""), ("settings.gradle.kts", "")],
        &["java:21"],
    ),
    (&[("pom.xml", ""), ("host.json", "{}")], &["java:21"]),
    (
        &[
            ("pom.xml", ""),
            (
                "src/main/resources/application.properties",
                "# http://127.0.0.1:10000\nspring.cloud.azure.storage.blob.endpoint=http://127.0.0.1:10000/devstoreaccount1\n",
            ),
        ],
        &[
            "src/main/resources/application.properties:2: spring.cloud.azure.storage.blob.endpoint says http://127.0.0.1:10000",
        ],
    ),
    // Go, PowerShell, Rust, others.
    (
        &[("go.mod", "module x\n\ngo 1.23\n"), ("main.go", "")],
        &["go:1.23"],
    ),
    (&[("cmd/go.mod", "module x\n")], &["go:"]),
    (
        &[
            ("profile.ps1", ""),
            ("host.json", "{}"),
            ("requirements.psd1", ""),
        ],
        &["base:debian"],
    ),
    (&[("tool.psm1", "")], &["base:debian"]),
    (
        &[("Cargo.toml", "[package]\n")],
        &["no language was recognised"],
    ),
    (
        &[("README.md", "http://127.0.0.1:10000\n")],
        &["no language was recognised"],
    ),
    (&[], &["no language was recognised"]),
    // Several at once.
    (
        &[("api/Api.csproj", ""), ("web/package.json", "{}")],
        &["a Feature adds"],
    ),
    (
        &[
            ("api/requirements.txt", ""),
            ("web/package.json", "{}"),
            ("web/tsconfig.json", "{}"),
        ],
        &["python:3", "a Feature adds"],
    ),
    (
        &[("backend/pom.xml", ""), ("frontend/package.json", "{}")],
        &["java:21", "a Feature adds"],
    ),
    // Compose with neighbours.
    (
        &[
            (NEW, NAMES),
            (
                COMPOSE,
                "services:\n  app:\n    image: debian:12\n    depends_on: {seed: {condition: service_completed_successfully}}\n  azurite:\n    image: mcr.microsoft.com/azure-storage/azurite\n    ports: [\"10000:10000\"]\n  seed:\n    image: mcr.microsoft.com/azure-cli\n    environment:\n      STORE: \"DefaultEndpointsProtocol=http;BlobEndpoint=http://azurite:10000/devstoreaccount1;\"\n",
            ),
        ],
        &[
            ".devcontainer/docker-compose.yml:11: STORE says DefaultEndpointsProtocol=http",
            "https://azurite:10000",
        ],
    ),
    (
        &[
            (NEW, NAMES),
            (
                COMPOSE,
                "services:\n  app:\n    image: debian:12\n  hooks:\n    image: nginx\n    ports:\n    - 10001:80\n",
            ),
        ],
        &[".devcontainer/docker-compose.yml:7: the service hooks publishes port 10001"],
    ),
    (
        &[
            (NEW, NAMES),
            (
                COMPOSE,
                "services:\n  app:\n    image: debian:12\n    volumes:\n      - ..:/workspace:Z\n",
            ),
        ],
        &[".devcontainer/docker-compose.yml:5: a mount has an SELinux label"],
    ),
    (
        &[
            (
                NEW,
                "{\n  \"dockerComposeFile\": [\"../docker-compose.yml\"],\n  \"service\": \"app\",\n  \"runServices\": [\"app\"]\n}\n",
            ),
            ("docker-compose.yml", APP),
        ],
        &[],
    ),
    // Workspaces.
    (
        &[
            (
                "x.code-workspace",
                "{\n  \"folders\": [{\"path\": \"api\"}, {\"path\": \"web\"}]\n}\n",
            ),
            ("api/app.py", ""),
            ("web/package.json", "{}"),
        ],
        &["x.code-workspace:2: this workspace opens api, web"],
    ),
    (
        &[
            (
                "x.code-workspace",
                "{\"folders\": [{\"path\": \".\"}], \"settings\": {}}",
            ),
            ("app.py", ""),
        ],
        &["python:3"],
    ),
    (
        &[
            (
                "x.code-workspace",
                "{\n  \"folders\": [{\"path\": \".\"}],\n  \"launch\": {\"configurations\": [{\"name\": \"a\", \"type\": \"debugpy\", \"request\": \"launch\"}]}\n}",
            ),
            ("app.py", ""),
        ],
        &["edited x.code-workspace"],
    ),
];

fn laws(at: usize) {
    let (files, said) = SHAPES[at];
    let sandbox = project(files);
    let before = tree(&sandbox.project());
    let done = sandbox.azup(["init", "--yes"]);
    assert_eq!(done.code, 0, "{files:?}: {done}");
    let text = format!("{}{}", done.stderr, done.stdout);
    for words in said {
        assert!(text.contains(words), "{words}: {files:?}: {done}");
    }
    if said.is_empty() {
        assert_eq!(done.stderr, "", "{files:?}");
    }
    their_own_programs_read_it(&sandbox, files);
    let after = tree(&sandbox.project());
    sandbox.azup(["init", "--yes"]).ok();
    assert_eq!(tree(&sandbox.project()), after, "a second init: {files:?}");
    sandbox.azup(["remove", "--yes"]).ok();
    assert_eq!(tree(&sandbox.project()), before, "remove: {files:?}");

    sandbox.azup(["init", "--yes"]).ok();
    std::fs::remove_file(sandbox.project().join(".devcontainer/azurite/edits.json")).unwrap();
    let done = sandbox.azup(["remove", "--yes"]).ok();
    for (path, _, left) in tree(&sandbox.project()) {
        let left = String::from_utf8_lossy(&left).into_owned();
        let theirs = files
            .iter()
            .find(|(known, _)| path.ends_with(known))
            .map(|(_, text)| *text);
        // What cannot be told from the user's own is named and stays.
        if theirs != Some(&left) && !left.is_empty() {
            assert!(
                !left.contains("\"./azurite\"") && !left.contains("azup: trust"),
                "{files:?}: {left}"
            );
            assert!(
                path.ends_with("devcontainer.json"),
                "{files:?}: {}",
                path.display()
            );
        }
    }
    let mut names: Vec<_> = tree(&sandbox.project())
        .into_iter()
        .map(|(path, ..)| path)
        .collect();
    names.retain(|path| !before.iter().any(|(known, ..)| known == path));
    assert_eq!(
        names,
        [""; 0].map(std::path::PathBuf::from),
        "{files:?}: {done}"
    );
}

/// The devcontainer CLI accepts the configuration, and compose the files that it names.
fn their_own_programs_read_it(sandbox: &Sandbox, files: Files) {
    let project = sandbox.project();
    let mut places = [NEW, ".devcontainer.json"].iter().map(Path::new);
    let Some(place) = places.find(|path| project.join(path).exists()) else {
        panic!("no configuration: {files:?}");
    };
    let read = read_configuration(sandbox, &place.to_string_lossy());
    let named = match &read["dockerComposeFile"] {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        _ => return,
    };
    let folder = project.join(place.parent().unwrap());
    let mut words: Vec<PathBuf> = Vec::new();
    for name in named {
        words.extend(["-f".into(), folder.join(name)]);
    }
    words.extend(["config".into(), "--quiet".into()]);
    let done = sandbox.run("docker-compose", &words);
    assert_eq!(done.code, 0, "{files:?}: {done}");
}

#[test]
fn sixty_projects_are_set_up_told_and_given_back() {
    assert!(SHAPES.len() >= 60, "{}", SHAPES.len());
    let next = AtomicUsize::new(0);
    let broken = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= SHAPES.len() {
                        break;
                    }
                    if std::panic::catch_unwind(|| laws(at)).is_err() {
                        broken.lock().unwrap().push(SHAPES[at].0);
                    }
                }
            });
        }
    });
    assert!(broken.lock().unwrap().is_empty(), "{broken:#?}");
}
