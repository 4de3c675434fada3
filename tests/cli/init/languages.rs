//! What a project without a dev container gets: the files that a senior developer of its ecosystem
//! would write, and nothing of any other.

use super::{json, read, sandbox};
use crate::sandbox::Sandbox;

const CONFIGURATION: &str = ".devcontainer/devcontainer.json";
const COMPOSE: &str = ".devcontainer/docker-compose.yml";

type Files = &'static [(&'static str, &'static str)];

fn initialised(files: Files) -> (Sandbox, String) {
    let sandbox = sandbox();
    for (name, content) in files {
        sandbox.write(name, content);
    }
    let done = sandbox.azup(["init"]).ok();
    let notes: Vec<&str> = done
        .stdout
        .lines()
        .filter(|line| line.starts_with("note: "))
        .collect();
    let notes = notes.join("\n");
    (sandbox, notes)
}

/// The files that are the user's, as `init` wrote them.
fn written(files: Files) -> String {
    let (sandbox, notes) = initialised(files);
    let mut text = notes + "\n";
    for path in [
        CONFIGURATION,
        COMPOSE,
        ".vscode/tasks.json",
        ".vscode/launch.json",
    ] {
        if sandbox.project().join(path).exists() {
            text += &format!("## {path}\n{}", read(&sandbox, path));
        } else {
            text += &format!("## no {path}\n");
        }
    }
    text
}

/// One test for each kind of project, with its whole outcome in a snapshot.
macro_rules! kinds {
    ($($name:ident: $files:expr;)*) => {
        $(#[test]
        fn $name() {
            insta::assert_snapshot!(written($files));
        })*
    };
}

kinds! {
    python_with_pip: &[("requirements.txt", "azure-storage-blob\n"), ("app.py", ""), (".python-version", "3.12.4\n")];
    python_with_uv: &[("pyproject.toml", "[project]\nname = \"shop\"\nrequires-python = \">=3.11,<3.14\"\n"), ("uv.lock", ""), ("src/shop/main.py", "")];
    python_with_poetry: &[("pyproject.toml", "[tool.poetry]\n[tool.poetry.dependencies]\npython = \"^3.11\"\n"), ("shop.py", "")];
    python_functions: &[("host.json", "{}"), ("requirements.txt", "azure-functions\n"), ("function_app.py", "")];
    typescript_with_pnpm: &[("package.json", "{\"engines\": {\"node\": \">=20\"}, \"devDependencies\": {\"typescript\": \"^5\"}}"), ("pnpm-lock.yaml", ""), ("src/index.ts", "")];
    node_functions: &[("host.json", "{\"version\": \"2.0\"}"), ("package.json", "{\"name\": \"orders\"}"), ("src/index.js", "")];
    dotnet_with_an_older_framework: &[("src/Api/Api.csproj", "<Project><PropertyGroup><TargetFrameworks>net10.0;net8.0</TargetFrameworks></PropertyGroup></Project>"), ("src/Api/Program.cs", "")];
    java_with_maven: &[("pom.xml", "<project><properties><maven.compiler.release>17</maven.compiler.release></properties></project>"), ("src/main/java/App.java", "")];
    go_module: &[("go.mod", "module example.com/shop\n\ngo 1.23.4\n"), ("main.go", "")];
    powershell_functions: &[("host.json", "{}"), ("profile.ps1", ""), ("requirements.psd1", ""), ("Http/run.ps1", "")];
    several_at_once: &[("api/Api.csproj", "<Project><PropertyGroup><TargetFramework>net9.0</TargetFramework></PropertyGroup></Project>"), ("web/package.json", "{}"), ("web/index.js", "")];
    nothing_that_is_known: &[("README.md", "")];
}

#[test]
fn the_image_is_the_one_that_the_files_ask_for() {
    let cases: [(Files, &str); 26] = [
        (
            &[(
                "pyproject.toml",
                "[project]\nrequires-python = \"==3.11.*\"\n",
            )],
            "python:3.11",
        ),
        (&[("setup.py", "")], "python:3"),
        (&[("src/tool.py", "")], "python:3"),
        (
            &[("package.json", "{}"), (".nvmrc", "lts/iron\n")],
            "javascript-node:20",
        ),
        (
            &[("package.json", "{\"volta\": {\"node\": \"24.1.0\"}}")],
            "javascript-node:24",
        ),
        (
            &[("package.json", "{}"), ("tsconfig.json", "{}")],
            "typescript-node:22",
        ),
        (
            &[("package.json", "{\"engines\": {\"node\": \">=18 <21\"}}")],
            "javascript-node:20",
        ),
        (
            &[
                ("global.json", "{\"sdk\": {\"version\": \"8.0.404\"}}"),
                ("a.csproj", "<TargetFramework>net8.0</TargetFramework>"),
            ],
            "dotnet:8.0",
        ),
        (
            &[
                (
                    "Directory.Build.props",
                    "<TargetFramework>net9.0</TargetFramework>",
                ),
                ("src/Lib/Lib.csproj", ""),
            ],
            "dotnet:9.0",
        ),
        (
            &[("app.cs", "#:package Azure.Storage.Blobs@12.*\n")],
            "dotnet:10.0",
        ),
        (
            &[("app.fsproj", "<TargetFramework>net10.0</TargetFramework>")],
            "dotnet:10.0",
        ),
        (
            &[(
                "src/a/b/c.csproj",
                "<TargetFramework>$(Net)</TargetFramework>",
            )],
            "dotnet:10.0",
        ),
        (
            &[
                ("All.slnx", ""),
                ("src/A.csproj", "<TargetFramework>net8.0</TargetFramework>"),
            ],
            "dotnet:8.0",
        ),
        (&[("pom.xml", "<java.version>1.8</java.version>")], "java:8"),
        (&[("pom.xml", "")], "java:21"),
        (
            &[(
                "build.gradle.kts",
                "languageVersion = JavaLanguageVersion.of(17)\n",
            )],
            "java:17",
        ),
        (
            &[(
                "build.gradle",
                "sourceCompatibility = JavaVersion.VERSION_11\n",
            )],
            "java:11",
        ),
        (
            &[("go.mod", "module x\ngo 1.21\ntoolchain go1.24.1\n")],
            "go:1.24",
        ),
        (&[("go.mod", "module x\n")], "go:1"),
        (&[("Tools.psd1", "")], "base:debian"),
        // A script next to a project is one of its tools.
        (
            &[("package.json", "{}"), ("scripts/release.py", "")],
            "javascript-node:22",
        ),
        (
            &[
                ("go.mod", "module x\ngo 1.23\n"),
                ("tools/requirements.txt", ""),
            ],
            "go:1.23",
        ),
        // The language with more code leads if both are at the top.
        (
            &[
                ("package.json", "{}"),
                ("pyproject.toml", "[project]\n"),
                ("a.py", ""),
                ("b.py", ""),
                ("x.js", ""),
            ],
            "python:3",
        ),
        (
            &[
                ("package.json", "{}"),
                ("requirements.txt", ""),
                ("docs.py", ""),
                ("x.js", ""),
                ("y.ts", ""),
            ],
            "javascript-node:22",
        ),
        (
            &[
                ("node_modules/x/package.json", "{}"),
                (".venv/lib/x.py", ""),
            ],
            "base:debian",
        ),
        (
            &[("pyproject.toml", "[tool.pdm]\n"), ("pdm.lock", "")],
            "python:3",
        ),
    ];
    for (files, image) in cases {
        let (sandbox, notes) = initialised(files);
        let compose = read(&sandbox, COMPOSE);
        let wanted = format!("image: mcr.microsoft.com/devcontainers/{image}\n");
        assert!(compose.contains(&wanted), "{files:?}: {compose}");
        assert!(notes.contains(&format!("devcontainers/{image}")), "{notes}");
        let configuration = read(&sandbox, CONFIGURATION);
        if !image.starts_with("python") {
            assert!(!compose.contains("POETRY"), "{files:?}");
        }
        let python = |name: &str| {
            let ends = [".py", "requirements.txt", "pyproject.toml"];
            !name.starts_with('.') && ends.iter().any(|end| name.ends_with(end))
        };
        let has_python = files.iter().any(|(name, _)| python(name));
        assert_eq!(configuration.contains("ms-python"), has_python, "{files:?}");
        let vscode = sandbox.project().join(".vscode");
        assert_eq!(vscode.exists(), has_python, "{files:?}");
    }
}

#[test]
fn the_user_has_the_last_word() {
    let sandbox = sandbox();
    sandbox.write("package.json", "{}");
    sandbox
        .azup(["init", "--language", "go", "--image", "example.com/dev:1"])
        .ok();
    assert!(read(&sandbox, COMPOSE).contains("image: example.com/dev:1\n"));
    let configuration = json(&sandbox, CONFIGURATION).to_string();
    assert!(configuration.contains("golang.go"), "{configuration}");
    assert!(configuration.contains("features/node:1"), "{configuration}");
    // The question, left unanswered, names the same command.
    sandbox.write(".devcontainer/devcontainer.json", "{\"image\": \"debian\"}");
    std::fs::remove_dir_all(sandbox.project().join(".devcontainer/azurite")).unwrap();
    let done = sandbox.azup(["init", "--language", "go"]);
    assert!(
        done.stderr.contains("azup init --language go --yes"),
        "{done}"
    );
}
