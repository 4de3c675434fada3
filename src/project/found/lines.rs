//! What single lines say: a setting that means plain HTTP, a command that starts an Azurite, a
//! mount with a label.

use std::path::Path;

use super::Found;
use super::compose::is_compose;

const DEVELOPMENT: &str = "usedevelopmentstorage=true";

/// The line that says `UseDevelopmentStorage=true`, and is no comment.
pub(super) fn development_storage(path: &Path, text: &str) -> Option<usize> {
    let mut lines = (1..).zip(text.lines());
    let (number, _) = lines.find(|(_, line)| {
        !is_comment(path, line) && line.to_ascii_lowercase().contains(DEVELOPMENT)
    })?;
    Some(number)
}

pub(super) fn look(path: &Path, text: &str) -> Vec<Found> {
    let lower = text.to_ascii_lowercase();
    // Most files have none of these words.
    if !["azurite", "developmentstorage", "defaultendpointsprotocol=http;", ":1000", "runasemulator", ":z", ",z", "selinux"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        // A line that nobody wrote says nothing to a person.
        if line.len() > 4096 || is_comment(path, line) {
            continue;
        }
        let what = setting(path, line)
            .or_else(|| emulator(path, line))
            .or_else(|| label(path, line));
        found.extend(what.map(|what| Found::at(path, number, what)));
    }
    found
}

fn is_comment(path: &Path, line: &str) -> bool {
    let line = line.trim_start();
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    let begins = |marks: &[&str]| marks.iter().any(|mark| line.starts_with(mark));
    match &*kind {
        "json" | "json5" | "jsonc" | "code-workspace" | "cs" | "fs" | "go" | "java" | "js" | "jsx"
        | "cjs" | "mjs" | "mts" | "ts" | "tsx" | "kt" | "kts" | "rs" | "php" | "gradle" | "bicep" => {
            begins(&["//", "* ", "/*"])
        }
        "vb" => begins(&["'"]),
        "ini" | "properties" => begins(&["#", ";", "!"]),
        "xml" | "csproj" | "props" | "config" => begins(&["<!--"]),
        _ => begins(&["#", "//"]),
    }
}

/// A setting that means plain HTTP to Azurite.
fn setting(path: &Path, line: &str) -> Option<String> {
    let lower = line.to_ascii_lowercase();
    let url = http_url(&lower).map(|(at, end)| (at, line[at..end].to_owned(), lower[at..end].replacen("http://", "https://", 1)));
    let word = |word: &str, shown: &str| {
        let at = lower.find(word)?;
        Some((at, shown.to_owned(), String::new()))
    };
    let found = word(DEVELOPMENT, "UseDevelopmentStorage=true")
        .or_else(|| word("defaultendpointsprotocol=http;", "DefaultEndpointsProtocol=http"))
        .or(url)?;
    let (at, says, mut https) = found;
    // A whole connection string names its host as well.
    if https.is_empty()
        && let Some((from, to)) = http_url(&lower)
    {
        https = lower[from..to].replacen("http://", "https://", 1);
    }
    let name = name_before(&line[..at]);
    let name = if name.is_empty() { String::new() } else { format!("{name} ") };
    let instead = if path.ends_with("local.settings.json") {
        "azup env --format functions prints the https settings".to_owned()
    } else if https.is_empty() {
        "azup env prints the https connection string".to_owned()
    } else {
        format!("{https}, with the local CA trusted")
    };
    Some(format!(
        "{name}says {says}: plain HTTP goes on to work with the account's key, since one port serves \
         both; tokens (DefaultAzureCredential) need https: {instead}"
    ))
}

/// Where `http://host:1000x` begins and ends in a line.
fn http_url(lower: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(at) = lower[from..].find("http://").map(|at| at + from) {
        let rest = &lower[at + "http://".len()..];
        let is_host = |c: char| c.is_ascii_alphanumeric() || "._-[]".contains(c);
        // An IPv6 address has colons in brackets.
        let host = match rest.strip_prefix("[::1]") {
            Some(_) => "[::1]".len(),
            None => rest.find(|c| !is_host(c)).unwrap_or(rest.len()),
        };
        let port = &rest[host..];
        let known = [":10000", ":10001", ":10002"].iter().any(|port_| {
            port.strip_prefix(port_).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
        });
        if host > 0 && known {
            return Some((at, at + "http://".len() + host + ":10000".len()));
        }
        from = at + "http://".len();
    }
    None
}

/// The name to which a line gives what follows: the last word before `=` or `:`.
fn name_before(line: &str) -> String {
    let is_word = |c: char| c.is_alphanumeric() || "_.-".contains(c);
    let line = line.trim_end_matches(|c: char| !is_word(c) && c != ':' && c != '=');
    let Some(line) = line.strip_suffix([':', '=']) else {
        return String::new();
    };
    let line = line.trim_end_matches(|c: char| !is_word(c));
    let start = line.rfind(|c| !is_word(c)).map_or(0, |at| {
        at + line[at..].chars().next().map_or(1, char::len_utf8)
    });
    let name: String = line[start..].chars().take(60).collect();
    // In a connection string of several parts the name stands further left.
    if name.ends_with("Endpoint") || name == "DefaultEndpointsProtocol" {
        String::new()
    } else {
        name
    }
}

/// Something that starts an Azurite beside azup's.
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
        "a mount has an SELinux label, which azup's own have not: where SELinux is enforced, run \
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
