//! Web pages that call Azurite from a browser, which first asks Azurite for permission (CORS).

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Tools that serve a page to its developer, by package, with their default port (read in their
/// manuals). One that also runs code on a server (Next.js, Nuxt) does not show what calls Azurite.
const SERVERS: [(&str, u16); 7] = [
    ("@angular/cli", 4200),
    ("@vue/cli-service", 8080),
    ("parcel", 1234),
    ("react-scripts", 3000),
    ("vite", 5173),
    ("webpack-dev-server", 8080),
    ("@web/dev-server", 8000),
];

/// The packages with which a page calls Azurite.
const CLIENTS: [&str; 3] = [
    "@azure/data-tables",
    "@azure/storage-blob",
    "@azure/storage-queue",
];

/// A page that calls Azurite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its `package.json`, relative to the project's folder.
    pub path: PathBuf,
    /// The tool that serves it.
    pub server: &'static str,
    /// The port by default.
    pub port: u16,
}

/// The page of a `package.json`.
pub(super) fn look(path: &Path, text: &str) -> Option<Page> {
    if path.file_name()? != "package.json" {
        return None;
    }
    let package: Value = serde_json::from_str(text).ok()?;
    let has =
        |kinds: &[&str], name: &str| kinds.iter().any(|kind| package[*kind].get(name).is_some());
    if !CLIENTS.iter().any(|name| has(&["dependencies"], name)) {
        return None;
    }
    let (server, port) = SERVERS
        .into_iter()
        .find(|(name, _)| has(&["dependencies", "devDependencies"], name))?;
    Some(Page {
        path: path.to_owned(),
        server,
        port,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_client_of_azures_and_a_server_for_its_developer() {
        for (text, expected) in [
            (
                r#"{"dependencies":{"@azure/storage-blob":"12"},"devDependencies":{"vite":"7"}}"#,
                Some(5173),
            ),
            (
                r#"{"dependencies":{"@azure/data-tables":"13","react-scripts":"5"}}"#,
                Some(3000),
            ),
            (
                r#"{"dependencies":{"@azure/storage-blob":"12"},"devDependencies":{"vitest":"4"}}"#,
                None,
            ),
            (
                r#"{"dependencies":{"react":"19"},"devDependencies":{"vite":"7"}}"#,
                None,
            ),
            (
                r#"{"devDependencies":{"@azure/storage-blob":"12","vite":"7"}}"#,
                None,
            ),
            ("[]", None),
        ] {
            let port = look(Path::new("web/package.json"), text).map(|page| page.port);
            assert_eq!(port, expected, "{text}");
        }
    }
}
