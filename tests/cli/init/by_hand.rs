//! If azup leaves a file alone (exit 4), it prints the lines to add by hand, and its hint is never
//! the command that has just failed.

use super::sandbox;

const NEW: &str = ".devcontainer/devcontainer.json";
const COMPOSE: &str = ".devcontainer/docker-compose.yml";
const NAMES: &str = "{\"dockerComposeFile\": \"docker-compose.yml\", \"service\": \"app\", \"workspaceFolder\": \"/w\"}";

/// Files of a project, and what is printed for them.
type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);

#[test]
fn the_lines_are_printed_for_every_kind_of_file() {
    let azurite = "image: mcr.microsoft.com/azure-storage/azurite";
    let two =
        format!("services:\n  app: {{image: debian}}\n  a: {{{azurite}}}\n  b: {{{azurite}}}\n");
    let cases: [Case; 9] = [
        (
            &[(NEW, "{ \"image\": }")],
            &[
                "to be added to .devcontainer/devcontainer.json by hand",
                "\"./azurite\": {}",
                "10000",
            ],
        ),
        (&[(NEW, "[]")], &["\"./azurite\": {}"]),
        (
            &[(NEW, "{\"dockerComposeFile\": \"x.yml\"}")],
            &["\"./azurite\": {}"],
        ),
        (
            &[(NEW, "{\"image\": \"debian\", \"features\": []}")],
            &["\"./azurite\": {}"],
        ),
        (
            &[(NEW, NAMES), (COMPOSE, &two)],
            &[
                "to be added to .devcontainer/docker-compose.yml by hand",
                "--cert /certs/cert.pem",
                "\"./azurite\": {}",
            ],
        ),
        (
            &[(NEW, NAMES), (COMPOSE, "services: [\n")],
            &[
                "network_mode: \"service:app\"",
                "source: \"./azurite-certs\"",
            ],
        ),
        (
            &[(NEW, NAMES)],
            &["there is no such file", "network_mode: \"service:app\""],
        ),
        (
            &[("app.py", ""), (".vscode/tasks.json", "{ \"tasks\": }")],
            &[
                "to be added to .vscode/tasks.json by hand",
                "\"label\": \"azup: trust\"",
            ],
        ),
        (
            &[
                ("app.py", ""),
                (".vscode/launch.json", "{ \"configurations\": }"),
            ],
            &[
                "to be added to .vscode/launch.json by hand",
                "\"preLaunchTask\": \"azup: trust\"",
            ],
        ),
    ];
    for (files, expected) in cases {
        let sandbox = sandbox();
        for (path, text) in files {
            sandbox.write(path, text);
        }
        let done = sandbox.azup(["init", "--yes"]);
        assert_eq!(done.code, 4, "{done}");
        for line in expected {
            assert!(done.stderr.contains(line), "{line}: {done}");
        }
        let hint = done
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "));
        let hint = hint.unwrap_or_else(|| panic!("{done}"));
        assert!(!hint.starts_with("azup init"), "{done}");
        let document = sandbox.azup(["init", "--yes", "--json"]).json();
        assert!(document["error"]["snippet"].is_string(), "{document}");
    }
}
