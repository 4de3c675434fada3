//! Variables of devcontainer.json, translated for compose.

use std::path::{Path, PathBuf};

use jsonc_edit::Refusal;

use super::super::compose::relative;
use super::super::compose::text::literal;

pub(super) struct Paths<'a> {
    /// The project's folder, absolute.
    pub(super) project: &'a Path,
    /// The folder of the new compose file, absolute.
    pub(super) folder: PathBuf,
}

impl Paths<'_> {
    /// A path as written in the compose file: relative, and marked as a path.
    pub(super) fn relative(&self, path: &Path) -> String {
        let way = relative(&self.folder, path);
        let way = way.to_string_lossy();
        if way == "." || way.starts_with("..") {
            way.into_owned()
        } else {
            format!("./{way}")
        }
    }
}

/// `text` for the compose file: `${localEnv:X:default}` becomes `${X:-default}`,
/// `${localWorkspaceFolder}` a relative path, and every other dollar sign is escaped.
pub(super) fn resolve(what: &str, text: &str, place: &Paths<'_>) -> Result<String, Refusal> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&literal(&rest[..at]));
        let Some(end) = rest[at..].find('}') else {
            break;
        };
        let name = &rest[at + 2..at + end];
        let mut parts = name.splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("localEnv" | "env"), Some(variable), default) if is_name(variable) => {
                let default = default.unwrap_or_default();
                if default.contains('$') {
                    return Err(Refusal(format!("{what}: the default of ${{{name}}}")));
                }
                out.push_str(&format!("${{{variable}:-{default}}}"));
            }
            (Some("localWorkspaceFolder"), None, None) if at == 0 => {
                let tail = &rest[end + 1..];
                if !tail.is_empty() && !tail.starts_with('/') && !tail.starts_with([',', ':']) {
                    return Err(Refusal(format!("{what}: ${{{name}}} inside of a name")));
                }
                out.push_str(&literal(&place.relative(place.project)));
            }
            (Some("localWorkspaceFolderBasename"), None, None) => {
                let name = place.project.file_name().unwrap_or_default();
                out.push_str(&literal(&name.to_string_lossy()));
            }
            _ => {
                return Err(Refusal(format!(
                    "{what} uses ${{{name}}}, which has no equivalent in a compose file"
                )));
            }
        }
        rest = &rest[at + end + 1..];
    }
    out.push_str(&literal(rest));
    Ok(out)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
