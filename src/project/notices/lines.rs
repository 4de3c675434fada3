//! Problems in single lines: a setting that leads elsewhere, a command that starts an Azurite, a
//! mount with a label.

use std::path::Path;

use super::compose::is_compose;
use super::Notice;
use super::comments::is_comment;
use super::settings::{Settings, is_of_interest};

pub(super) fn look(path: &Path, text: &str) -> Vec<Notice> {
    let lower = text.to_ascii_lowercase();
    // Most files have none of these words.
    let words = ["azurite", "runasemulator", ":z", ",z", "selinux"];
    if !is_of_interest(&lower) && !words.iter().any(|word| lower.contains(word)) {
        return Vec::new();
    }
    let settings = Settings::of(path, text);
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // A person did not write such a line, and gains nothing from a notice about it.
        if line.len() > 4096 || is_comment(path, line) {
            continue;
        }
        let what = settings.in_line(number, line)
            .or_else(|| emulator(path, line))
            .or_else(|| label(path, line));
        found.extend(what.map(|what| Notice::at(path, number, what)));
    }
    found
}

/// A command that starts an Azurite beside azup's.
fn emulator(path: &Path, line: &str) -> Option<String> {
    let name = path.file_name()?.to_string_lossy();
    let kind = path.extension().unwrap_or_default();
    let lower = line.to_ascii_lowercase();
    if lower.contains("runasemulator") && kind == "cs" {
        return Some(
            "Aspire starts an Azurite of its own (RunAsEmulator), over HTTP and on ports of its own: \
             code that Aspire starts uses that one, not azup's"
                .to_owned(),
        );
    }
    if !lower.contains("azurite") || is_compose(path) {
        return None;
    }
    let trimmed = lower.trim_start();
    if path.ends_with(".vscode/settings.json") && trimmed.starts_with("\"azurite.") {
        return Some(
            "VS Code's Azurite extension is set up here: the Azurite that it starts takes the same \
             ports; start azup's alone, or give it others"
                .to_owned(),
        );
    }
    if lower.contains("azurite.azurite") {
        return Some(
            "VS Code's Azurite extension starts an Azurite of its own on the same ports when it is \
             told to: azup's runs without it"
                .to_owned(),
        );
    }
    let runs = ["npx azurite", "npx -y azurite", "npx --yes azurite", "dlx azurite", "bunx azurite", "azurite -", "azurite &", "azure-storage/azurite"]
        .iter()
        .any(|command| lower.contains(command));
    let script = name == "package.json" && (lower.contains(": \"azurite\"") || lower.contains(":\"azurite\""));
    let word = if script || runs { "starts an Azurite of its own" } else { return None };
    Some(format!(
        "{word}, which takes ports 10000 to 10002 if it gets them first: let azup run the only one \
         (azup up), or give it other ports"
    ))
}

/// A mount with a label for `SELinux`.
fn label(path: &Path, line: &str) -> Option<String> {
    let is_container = is_compose(path) || path.ends_with("devcontainer.json") || path.ends_with(".devcontainer.json");
    let line = line.trim_end_matches(|c: char| c.is_whitespace() || "\"',]".contains(c));
    let option = [":z", ":Z", ",z", ",Z"].iter().any(|label| line.ends_with(label));
    let long = line.trim_start().starts_with("selinux:");
    let in_list = ["\"", "'"].iter().any(|quote| {
        [":z", ":Z", ",z", ",Z"].iter().any(|label| line.contains(&format!("{label}{quote}")))
    });
    (is_container && (option || long || in_list)).then(|| {
        "a mount has an SELinux label, which azup's mounts do not have: where SELinux is enforced, run \
         chcon -R -t container_file_t .devcontainer/azurite .devcontainer/azurite-certs"
            .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str, line: &str) -> Option<String> {
        let found = look(Path::new(path), line);
        found.into_iter().next().map(|found| found.what)
    }

    #[test]
    fn what_means_http_is_told_with_the_name_that_it_is_given_to() {
        for (path, line, expected) in [
            ("a.json", r#"{ "Values": { "AzureWebJobsStorage": "UseDevelopmentStorage=true" } }"#, Some("AzureWebJobsStorage says UseDevelopmentStorage=true")),
            (".env", "STORAGE='usedevelopmentstorage=true'", Some("STORAGE says UseDevelopmentStorage=true")),
            (".env", "# STORAGE='UseDevelopmentStorage=true'", None),
            ("c.yml", "  Storage: \"DefaultEndpointsProtocol=http;AccountName=x;BlobEndpoint=http://azurite:10000/x\"", Some("Storage says DefaultEndpointsProtocol=http:")),
            ("c.yml", "  Storage: \"DefaultEndpointsProtocol=https;BlobEndpoint=https://azurite:10000/x\"", None),
            ("a.py", "client = Client('http://127.0.0.1:10000/devstoreaccount1')", Some("says http://127.0.0.1:10000: ")),
            ("a.py", "url = \"http://[::1]:10001/x\"", Some("url says http://[::1]:10001: ")),
            ("a.py", "url = \"http://localhost:100001/x\"", None),
            ("a.py", "url = \"http://localhost:8080\", \"http://azurite:10002\"", Some("says http://azurite:10002: ")),
            ("a.md.js", "x", None),
        ] {
            let what = said(path, line);
            match expected {
                None => assert_eq!(what, None, "{line}"),
                Some(text) => assert!(what.as_ref().is_some_and(|what| what.contains(text)), "{line}: {what:?}"),
            }
        }
    }

    #[test]
    fn what_starts_an_azurite_is_told_and_what_depends_on_it_is_not() {
        for (path, line, expected) in [
            ("package.json", "    \"storage\": \"npx azurite --silent\",", true),
            ("package.json", "    \"storage\": \"azurite\",", true),
            ("package.json", "    \"azurite\": \"^3.30.0\",", false),
            (".vscode/settings.json", "  \"azurite.silent\": true,", true),
            (".vscode/extensions.json", "  \"azurite.azurite\"", true),
            ("AppHost/Program.cs", "  .AddAzureStorage(\"s\").RunAsEmulator();", true),
            ("app.py", "import azurite_helper", false),
            ("run.sh", "docker run mcr.microsoft.com/azure-storage/azurite", true),
        ] {
            assert_eq!(said(path, line).is_some(), expected, "{line}");
        }
    }

    #[test]
    fn labels_of_selinux_are_told() {
        for (line, expected) in [
            ("      - ..:/workspace:Z", true),
            ("    volumes: [\"..:/workspace:cached,z\"]", true),
            ("          selinux: z", true),
            ("      - ..:/zoo", false),
        ] {
            assert_eq!(said("docker-compose.yml", line).is_some(), expected, "{line}");
        }
    }
}
