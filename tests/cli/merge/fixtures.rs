//! Projects of all shapes, each written for a difficulty.

/// A project before `azup init`.
pub struct Fixture {
    /// What is special about it.
    pub name: &'static str,
    /// Its files; `-> target` is a link.
    pub files: &'static [(&'static str, &'static str)],
    /// More words for `azup init`.
    pub words: &'static [&'static str],
    /// The expected outcome.
    pub outcome: Outcome,
}

/// How `azup init --yes` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Set up, and this configuration says what it should.
    Done(&'static str),
    /// Exit 4, with these words on standard error.
    Refused(&'static str),
}

use Outcome::{Done, Refused};

const NEW: &str = ".devcontainer/devcontainer.json";
const ROOT: &str = ".devcontainer.json";
const APP: &str = "services:\n  app:\n    image: debian:12\n    command: sleep infinity\n";
const COMPOSE: &str = "{\n  \"dockerComposeFile\": \"docker-compose.yml\",\n  \"service\": \"app\", \"workspaceFolder\": \"/workspace\"\n}\n";
const IMAGE: &str = "{\n  \"image\": \"debian:12\"\n}\n";

const fn done(
    name: &'static str,
    at: &'static str,
    files: &'static [(&'static str, &'static str)],
) -> Fixture {
    Fixture {
        name,
        files,
        words: &[],
        outcome: Done(at),
    }
}

const fn refused(
    name: &'static str,
    why: &'static str,
    files: &'static [(&'static str, &'static str)],
) -> Fixture {
    Fixture {
        name,
        files,
        words: &[],
        outcome: Refused(why),
    }
}

/// All of them.
pub const FIXTURES: &[Fixture] = &[
    // Nothing to merge with.
    done("an empty folder", NEW, &[]),
    done(
        "code and no dev container",
        NEW,
        &[("app.py", "print()\n"), ("requirements.txt", "requests\n")],
    ),
    done(
        "only a README in .devcontainer",
        NEW,
        &[(".devcontainer/README.md", "soon\n")],
    ),
    done(
        "a dev container's own folder in git only",
        NEW,
        &[
            (".devcontainer/.gitkeep", ""),
            (".vscode/settings.json", "{}\n"),
        ],
    ),
    done(
        "a launch.json for Node.js, with and without arguments",
        NEW,
        &[
            ("package.json", "{\"name\": \"shop\"}\n"),
            (
                ".vscode/launch.json",
                "{\n  \"version\": \"0.2.0\",\n  \"configurations\": [\n    {\n      \"name\": \"api\", // behind a proxy\n      \"type\": \"node\", \"request\": \"launch\", \"program\": \"api.js\",\n    },\n    {\n      \"name\": \"worker\", \"type\": \"pwa-node\", \"request\": \"launch\", \"program\": \"worker.js\",\n      \"runtimeArgs\": [\"--enable-source-maps\"]\n    }\n  ]\n}\n",
            ),
        ],
    ),
    // Image and Dockerfile, in every style of JSON.
    done("an image", NEW, &[(NEW, IMAGE)]),
    done(
        "an image, no final newline",
        NEW,
        &[(NEW, "{\n  \"image\": \"debian:12\"\n}")],
    ),
    done(
        "an image, two final newlines",
        NEW,
        &[(NEW, "{\n  \"image\": \"debian:12\"\n}\n\n")],
    ),
    done(
        "a trailing comma",
        NEW,
        &[(NEW, "{\n  \"image\": \"debian:12\",\n}\n")],
    ),
    done(
        "tabs",
        NEW,
        &[(
            NEW,
            "{\n\t\"image\": \"debian:12\",\n\t\"features\": {\n\t\t\"ghcr.io/devcontainers/features/git:1\": {}\n\t}\n}\n",
        )],
    ),
    done(
        "four spaces",
        NEW,
        &[(
            NEW,
            "{\n    \"image\": \"debian:12\",\n    \"features\": {\n        \"ghcr.io/devcontainers/features/git:1\": {}\n    }\n}\n",
        )],
    ),
    done(
        "eight spaces",
        NEW,
        &[(
            NEW,
            "{\n        \"image\": \"debian:12\",\n        \"forwardPorts\": [\n                8080\n        ]\n}\n",
        )],
    ),
    done(
        "three spaces",
        NEW,
        &[(NEW, "{\n   \"image\": \"debian:12\"\n}\n")],
    ),
    done(
        "CRLF",
        NEW,
        &[(
            NEW,
            "{\r\n  \"image\": \"debian:12\",\r\n  \"forwardPorts\": [8080]\r\n}\r\n",
        )],
    ),
    done(
        "a byte order mark",
        NEW,
        &[(NEW, "\u{feff}{\n  \"image\": \"debian:12\"\n}\n")],
    ),
    done(
        "a byte order mark and CRLF",
        NEW,
        &[(NEW, "\u{feff}{\r\n\t\"image\": \"debian:12\"\r\n}\r\n")],
    ),
    done("one line", NEW, &[(NEW, "{\"image\": \"debian:12\"}")]),
    done(
        "one line with features",
        NEW,
        &[(
            NEW,
            "{ \"image\": \"debian:12\", \"features\": {}, \"forwardPorts\": [] }\n",
        )],
    ),
    done("an empty object", NEW, &[(NEW, "{}\n")]),
    done(
        "comments above, beside and below",
        NEW,
        &[(
            NEW,
            "// see containers.dev\n{\n  // the image\n  \"image\": \"debian:12\", // slim is too small\n  /* later:\n     \"mounts\": [] */\n  \"forwardPorts\": [8080] // the app\n  // nothing more\n}\n// end\n",
        )],
    ),
    done(
        "a comment after the last element",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"forwardPorts\": [\n    8080, // app\n    5432 // database\n  ]\n}\n",
        )],
    ),
    done(
        "a blank line before the brace",
        NEW,
        &[(NEW, "{\n  \"image\": \"debian:12\"\n\n}\n")],
    ),
    done(
        "blank lines between members",
        NEW,
        &[(
            NEW,
            "{\n\n  \"image\": \"debian:12\",\n\n  \"forwardPorts\": [8080],\n\n}\n",
        )],
    ),
    done(
        "commented out members",
        NEW,
        &[(
            NEW,
            "{\n\t\"name\": \"Debian\",\n\t\"image\": \"debian:12\"\n\n\t// Features to add to the dev container.\n\t// \"features\": {},\n\n\t// \"forwardPorts\": [],\n\n\t// \"remoteUser\": \"root\"\n}\n",
        )],
    ),
    done(
        "a commented out member with a comma before it",
        NEW,
        &[(
            NEW,
            "{\n\t\"image\": \"debian:12\",\n\t// \"features\": {},\n}\n",
        )],
    ),
    done(
        "hooks of every form",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"onCreateCommand\": \"true\",\n  \"postCreateCommand\": [\"true\"],\n  \"postStartCommand\": {\"a\": \"true\", \"b\": [\"true\"]}\n}\n",
        )],
    ),
    done(
        "a Dockerfile",
        NEW,
        &[
            (
                NEW,
                "{\n  \"build\": {\n    \"dockerfile\": \"Dockerfile\",\n    \"context\": \"..\"\n  },\n  \"remoteUser\": \"vscode\"\n}\n",
            ),
            (".devcontainer/Dockerfile", "FROM debian:12\n"),
        ],
    ),
    done(
        "a Dockerfile by its old name",
        NEW,
        &[
            (NEW, "{\n  \"dockerFile\": \"Dockerfile\"\n}\n"),
            (".devcontainer/Dockerfile", "FROM debian:12\n"),
        ],
    ),
    done(
        "an image of Node.js",
        NEW,
        &[
            (
                NEW,
                "{\n  \"image\": \"mcr.microsoft.com/devcontainers/typescript-node:22\"\n}\n",
            ),
            ("package.json", "{}\n"),
        ],
    ),
    done(
        "a Node.js Feature",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"features\": {\n    \"ghcr.io/devcontainers/features/node:1\": {\"version\": \"22\"}\n  }\n}\n",
        )],
    ),
    done(
        "options that only an image takes",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"runArgs\": [\"--cap-add=SYS_PTRACE\"],\n  \"appPort\": 3000,\n  \"workspaceMount\": \"source=${localWorkspaceFolder},target=/work,type=bind\",\n  \"workspaceFolder\": \"/work\"\n}\n",
        )],
    ),
    done(
        "our ports are forwarded already",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"forwardPorts\": [10000, \"localhost:10001\", 8080]\n}\n",
        )],
    ),
    done(
        "all of our ports are forwarded and described",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"forwardPorts\": [10000, 10001, 10002],\n  \"portsAttributes\": {\n    \"10000-10002\": {\"label\": \"mine\", \"protocol\": \"https\"}\n  }\n}\n",
        )],
    ),
    done(
        "one port has its own description",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"portsAttributes\": {\n    \"10000\": {\"label\": \"mine\"}\n  }\n}\n",
        )],
    ),
    done(
        "legacy members at the top",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"extensions\": [\"ms-python.python\"],\n  \"settings\": {\"a.b\": [1, 2]}\n}\n",
        )],
    ),
    done(
        "strings that look like comments",
        NEW,
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"postCreateCommand\": \"echo '// not a comment' /* nor this */ \\\" , }\"\n}\n",
        )],
    ),
    done(
        "letters of the whole world",
        NEW,
        &[(
            NEW,
            "{\n  \"name\": \"größe 日本 🚀\",\n  \"image\": \"debian:12\"\n}\n",
        )],
    ),
    done("a root configuration", ROOT, &[(ROOT, IMAGE)]),
    done(
        "a named configuration",
        ".devcontainer/python/devcontainer.json",
        &[(".devcontainer/python/devcontainer.json", IMAGE)],
    ),
    done(
        "a name with spaces",
        ".devcontainer/my python/devcontainer.json",
        &[(".devcontainer/my python/devcontainer.json", IMAGE)],
    ),
    Fixture {
        name: "one of two configurations",
        files: &[(NEW, IMAGE), (".devcontainer/two/devcontainer.json", IMAGE)],
        words: &["--config", ".devcontainer/two/devcontainer.json"],
        outcome: Done(".devcontainer/two/devcontainer.json"),
    },
    Fixture {
        name: "no Node.js Feature wanted",
        files: &[(NEW, IMAGE)],
        words: &["--no-node-feature"],
        outcome: Done(NEW),
    },
    // Compose.
    done(
        "compose, a string",
        NEW,
        &[(NEW, COMPOSE), (".devcontainer/docker-compose.yml", APP)],
    ),
    done(
        "compose, a list",
        NEW,
        &[
            (
                NEW,
                "{\n  \"dockerComposeFile\": [\n    \"docker-compose.yml\",\n    \"docker-compose.extra.yml\"\n  ],\n  \"service\": \"app\", \"workspaceFolder\": \"/workspace\"\n}\n",
            ),
            (".devcontainer/docker-compose.yml", APP),
            (
                ".devcontainer/docker-compose.extra.yml",
                "services:\n  app:\n    init: true\n",
            ),
        ],
    ),
    done(
        "compose, a list of one on its line",
        NEW,
        &[
            (
                NEW,
                "{\n  \"dockerComposeFile\": [\"docker-compose.yml\"],\n  \"service\": \"app\", \"workspaceFolder\": \"/workspace\",\n}\n",
            ),
            (".devcontainer/docker-compose.yml", APP),
        ],
    ),
    done(
        "compose in the parent folder",
        NEW,
        &[
            (
                NEW,
                "{\n\t\"dockerComposeFile\": \"../docker-compose.yml\",\n\t\"service\": \"app\",\n\t\"workspaceFolder\": \"/workspace\"\n}\n",
            ),
            ("docker-compose.yml", APP),
        ],
    ),
    done(
        "compose at the root",
        ROOT,
        &[(ROOT, COMPOSE), ("docker-compose.yml", APP)],
    ),
    done(
        "compose, named",
        ".devcontainer/api/devcontainer.json",
        &[
            (
                ".devcontainer/api/devcontainer.json",
                "{\n  \"dockerComposeFile\": [\"../../compose.yaml\", \"compose.yaml\"],\n  \"service\": \"app\", \"workspaceFolder\": \"/workspace\"\n}\n",
            ),
            ("compose.yaml", APP),
            (
                ".devcontainer/api/compose.yaml",
                "services:\n  app:\n    tty: true\n",
            ),
        ],
    ),
    done(
        "compose and services to run",
        NEW,
        &[
            (
                NEW,
                "{\n  \"dockerComposeFile\": \"docker-compose.yml\",\n  \"service\": \"app\", \"workspaceFolder\": \"/workspace\",\n  \"runServices\": [\"app\", \"db\"]\n}\n",
            ),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  app:\n    image: debian:12\n  db:\n    image: postgres:16\n",
            ),
        ],
    ),
    done(
        "compose, in a database's network",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  app:\n    image: debian:12\n    network_mode: service:db\n  db:\n    image: postgres:16\n",
            ),
        ],
    ),
    done(
        "compose, in the host's network",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  app:\n    image: debian:12\n    network_mode: host\n",
            ),
        ],
    ),
    done(
        "compose with anchors and merge keys",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "x-base: &base\n  restart: unless-stopped\nservices:\n  app:\n    <<: *base\n    image: debian:12\n",
            ),
        ],
    ),
    done(
        "compose with CRLF and a byte order mark",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "\u{feff}version: \"3.8\"\r\nservices:\r\n  app:\r\n    image: debian:12\r\n",
            ),
        ],
    ),
    done(
        "compose with a name that is taken",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  app:\n    image: debian:12\n  azurite:\n    image: company/azurite-exporter:1\n",
            ),
        ],
    ),
    done(
        "an Azurite of the project's own",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  app:\n    image: debian:12\n  azurite:\n    image: mcr.microsoft.com/azure-storage/azurite\n    ports:\n      - \"10000:10000\"\n      - \"10001:10001\"\n      - \"10002:10002\"\n",
            ),
        ],
    ),
    done(
        "an Azurite by another name, with a volume",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  app:\n    image: debian:12\n  storage:\n    image: mcr.microsoft.com/azure-storage/azurite:3.35.0\n    command: azurite --blobHost 0.0.0.0 --queueHost 0.0.0.0 --tableHost 0.0.0.0 --location /data\n    volumes:\n      - storage:/data\nvolumes:\n  storage:\n",
            ),
        ],
    ),
    done(
        "an Azurite that asks for OAuth without a certificate",
        NEW,
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  app:\n    image: debian:12\n  azurite:\n    image: mcr.microsoft.com/azure-storage/azurite:3.36.0\n    network_mode: service:app\n    command: azurite --oauth basic --blobHost 0.0.0.0\n",
            ),
        ],
    ),
    // Converted to compose.
    Fixture {
        name: "an image, by compose",
        files: &[(
            NEW,
            "{\n  // mine\n  \"image\": \"debian:12\",\n  \"forwardPorts\": [8080]\n}\n",
        )],
        words: &["--compose"],
        outcome: Done(NEW),
    },
    Fixture {
        name: "a Dockerfile with run arguments, by compose",
        files: &[
            (
                NEW,
                "{\n\t\"build\": {\n\t\t\"dockerfile\": \"Dockerfile\"\n\t},\n\t\"runArgs\": [\"--cap-add=SYS_PTRACE\"],\n}\n",
            ),
            (".devcontainer/Dockerfile", "FROM debian:12\n"),
        ],
        words: &["--compose"],
        outcome: Done(NEW),
    },
    // VS Code.
    done(
        "tasks without ours",
        NEW,
        &[
            (NEW, IMAGE),
            (
                ".vscode/tasks.json",
                "{\n  // tasks\n  \"version\": \"2.0.0\",\n  \"tasks\": [\n    {\"label\": \"lint\", \"type\": \"shell\", \"command\": \"ruff check\"}, // quick\n  ],\n}\n",
            ),
        ],
    ),
    done(
        "an install task",
        NEW,
        &[
            (NEW, IMAGE),
            ("requirements.txt", ""),
            (
                ".vscode/tasks.json",
                "{\n\t\"version\": \"2.0.0\",\n\t\"tasks\": [\n\t\t{\n\t\t\t\"label\": \"deps\",\n\t\t\t\"type\": \"shell\",\n\t\t\t\"command\": \"pip install -r requirements.txt\"\n\t\t}\n\t]\n}\n",
            ),
        ],
    ),
    done(
        "a launch file without tasks",
        NEW,
        &[
            (NEW, IMAGE),
            (
                ".vscode/launch.json",
                "{\r\n    \"version\": \"0.2.0\",\r\n    \"configurations\": [\r\n        {\r\n            \"name\": \"app\",\r\n            \"type\": \"debugpy\",\r\n            \"request\": \"launch\",\r\n            \"program\": \"app.py\"\r\n        }\r\n    ]\r\n}",
            ),
        ],
    ),
    done(
        "a launch file whose task is another",
        NEW,
        &[
            (NEW, IMAGE),
            (
                ".vscode/launch.json",
                "{\n  \"version\": \"0.2.0\",\n  \"configurations\": [\n    {\n      \"name\": \"app\",\n      \"type\": \"node\",\n      \"request\": \"launch\",\n      \"preLaunchTask\": \"build\"\n    }\n  ],\n  \"compounds\": []\n}\n",
            ),
            (
                ".vscode/tasks.json",
                "{\n  \"version\": \"2.0.0\",\n  \"tasks\": [\n    {\n      \"label\": \"build\",\n      \"type\": \"npm\",\n      \"script\": \"build\",\n      \"dependsOn\": \"clean\"\n    },\n    {\n      \"label\": \"clean\",\n      \"type\": \"shell\",\n      \"command\": \"rm -rf dist\"\n    }\n  ]\n}\n",
            ),
        ],
    ),
    done(
        "VS Code files and no dev container",
        NEW,
        &[
            (
                ".vscode/tasks.json",
                "{\"version\": \"2.0.0\", \"tasks\": []}",
            ),
            (
                ".vscode/launch.json",
                "{\n  \"version\": \"0.2.0\",\n  \"configurations\": []\n}\n",
            ),
        ],
    ),
    done(
        "tasks of an old form",
        NEW,
        &[
            (NEW, IMAGE),
            (
                ".vscode/tasks.json",
                "{\n  \"version\": \"0.1.0\",\n  \"command\": \"make\"\n}\n",
            ),
        ],
    ),
    done(
        "a Functions app",
        NEW,
        &[
            (NEW, IMAGE),
            ("host.json", "{}\n"),
            ("requirements.txt", ""),
        ],
    ),
    // Links.
    done(
        "a link inside the project",
        NEW,
        &[
            ("config/devcontainer.json", IMAGE),
            (NEW, "-> ../config/devcontainer.json"),
        ],
    ),
    done(
        "a folder that is a link inside the project",
        NEW,
        &[
            ("docker/dev/devcontainer.json", IMAGE),
            (".devcontainer", "-> docker/dev"),
        ],
    ),
    refused(
        "a link out of the project",
        "leads out of the project",
        &[(NEW, "-> /etc/hostname")],
    ),
    refused(
        "a link that leads nowhere",
        "leads nowhere",
        &[(".devcontainer", "-> gone")],
    ),
    refused(
        "tasks behind a link out of the project",
        "leads out of the project",
        &[
            ("app.py", ""),
            (NEW, IMAGE),
            (".vscode/tasks.json", "-> /etc/hostname"),
        ],
    ),
    // Not edited.
    refused("no JSON", "line 1", &[(NEW, "image: debian:12\n")]),
    refused(
        "a missing comma",
        "line 2",
        &[(NEW, "{\n  \"image\": \"debian:12\"\n  \"name\": \"x\"\n}\n")],
    ),
    refused(
        "single quotes",
        "line 1",
        &[(NEW, "{'image': 'debian:12'}")],
    ),
    refused("an empty file", "devcontainer.json", &[(NEW, "")]),
    refused(
        "a key twice",
        "image",
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"image\": \"debian:11\"\n}\n",
        )],
    ),
    refused("a list at the root", "no object", &[(NEW, "[]\n")]),
    refused(
        "null where a list belongs",
        "forwardPorts",
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"forwardPorts\": null\n}\n",
        )],
    ),
    refused(
        "null where an object belongs",
        "features",
        &[(
            NEW,
            "{\n  \"image\": \"debian:12\",\n  \"features\": null\n}\n",
        )],
    ),
    refused(
        "compose without a service",
        "service",
        &[
            (
                NEW,
                "{\n  \"dockerComposeFile\": \"docker-compose.yml\"\n}\n",
            ),
            (".devcontainer/docker-compose.yml", APP),
        ],
    ),
    refused(
        "compose with a service that is not there",
        "app",
        &[
            (NEW, COMPOSE),
            (
                ".devcontainer/docker-compose.yml",
                "services:\n  web:\n    image: debian:12\n",
            ),
        ],
    ),
    refused(
        "no compose file named",
        "dockerComposeFile",
        &[(
            NEW,
            "{\n  \"dockerComposeFile\": [],\n  \"service\": \"app\", \"workspaceFolder\": \"/workspace\"\n}\n",
        )],
    ),
    refused(
        "tasks that are no JSON",
        "tasks.json",
        &[
            ("app.py", ""),
            (NEW, IMAGE),
            (
                ".vscode/tasks.json",
                "{\"version\": \"2.0.0\" \"tasks\": []}\n",
            ),
        ],
    ),
    refused(
        "tasks that are no list",
        "tasks.json",
        &[
            ("app.py", ""),
            (NEW, IMAGE),
            (
                ".vscode/tasks.json",
                "{\"version\": \"2.0.0\", \"tasks\": {}}\n",
            ),
        ],
    ),
    refused(
        "a folder in the place of a file",
        "folder",
        &[("app.py", ""), (NEW, IMAGE), (".vscode/tasks.json/x", "")],
    ),
    refused(
        "a file in the place of a folder",
        "not a folder",
        &[("app.py", ""), (NEW, IMAGE), (".vscode", "")],
    ),
    refused(
        "somebody else's file in azup's folder",
        "install.sh",
        &[
            (NEW, IMAGE),
            (".devcontainer/azurite/install.sh", "echo mine\n"),
        ],
    ),
    Fixture {
        name: "a compose file where the converted one belongs",
        files: &[(NEW, IMAGE), (".devcontainer/docker-compose.yml", APP)],
        words: &["--compose"],
        outcome: Refused("docker-compose.yml"),
    },
];
