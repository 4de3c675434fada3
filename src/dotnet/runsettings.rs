//! `.runsettings`: settings for test runs, read by `dotnet test` and the test windows of editors.
//! Its variables replace those of the environment (measured).

use std::path::{Path, PathBuf};

use super::Set;
use crate::files;

/// The element around the variables.
const OPEN: &str = "<EnvironmentVariables>";
const CLOSE: &str = "</EnvironmentVariables>";

/// The project property that names the file.
const PROPERTY: &str = "RunSettingsFilePath";

/// The variables that a file sets.
pub(super) fn variables(text: &str) -> Vec<Set> {
    let text = without_comments(text);
    let mut found = Vec::new();
    let Some(start) = text.find(OPEN).map(|at| at + OPEN.len()) else {
        return found;
    };
    let end = text[start..].find(CLOSE).map_or(text.len(), |at| start + at);
    let mut at = start;
    while let Some(open) = text[at..end].find('<').map(|open| at + open) {
        let Some(inside) = text[open..end].find('>').map(|close| open + close + 1) else {
            break;
        };
        let name = text[open + 1..inside - 1].trim_end_matches('/');
        let name = name.split_whitespace().next().unwrap_or_default();
        let length = text[inside..end].find('<').unwrap_or(end - inside);
        if !name.is_empty() && !name.starts_with('/') {
            found.push(Set {
                name: name.to_owned(),
                value: unescaped(text[inside..inside + length].trim()),
                line: text[..open].matches('\n').count() + 1,
            });
        }
        at = inside;
    }
    found
}

/// Blanks out comments, so that every line keeps its number.
fn without_comments(text: &str) -> String {
    let mut left = text;
    let mut plain = String::with_capacity(text.len());
    while let Some(start) = left.find("<!--") {
        let end = left[start..].find("-->").map_or(left.len(), |end| start + end + 3);
        plain += &left[..start];
        plain.extend(left[start..end].chars().filter(|c| *c == '\n'));
        left = &left[end..];
    }
    plain + left
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"").replace("&apos;", "'").replace("&amp;", "&")
}

/// The file that the project in `folder` names for its test runs.
pub(super) fn named_by_project(folder: &Path) -> Option<PathBuf> {
    let entries = folder.read_dir().ok()?.flatten().map(|entry| entry.path());
    let projects = entries.filter(|path| {
        let kind = path.extension().and_then(|kind| kind.to_str());
        matches!(kind, Some("csproj" | "fsproj" | "vbproj"))
    });
    let above = folder.ancestors().map(|folder| folder.join("Directory.Build.props"));
    projects.chain(above.filter(|file| file.is_file()).take(1)).find_map(|file| {
        let bytes = files::read_if_there(&file).ok()??;
        let text = without_comments(&String::from_utf8_lossy(&bytes));
        let start = text.find(&format!("<{PROPERTY}>"))? + PROPERTY.len() + 2;
        let said = &text[start..start + text[start..].find('<')?];
        let own = format!("{}/", file.parent()?.display());
        let of_project = format!("{}/", folder.display());
        let path = said.trim().replace('\\', "/");
        let path = path.replace("$(MSBuildThisFileDirectory)", &own);
        let path = path.replace("$(MSBuildProjectDirectory)", of_project.trim_end_matches('/'));
        // Only MSBuild knows the value of another property.
        (!path.contains("$(")).then(|| folder.join(path))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_with_their_lines_and_comments_are_not() {
        let text = "<RunSettings>\n<!-- <EnvironmentVariables>\n<X>1</X> -->\n<RunConfiguration><EnvironmentVariables>\n  <A>1 &amp; 2</A>\n  <B />\n <!-- <C>3</C> -->\n  <D>4</D></EnvironmentVariables>\n<E>5</E></RunConfiguration></RunSettings>";
        let found = variables(text);
        let shown: Vec<String> =
            found.iter().map(|set| format!("{} {}={}", set.line, set.name, set.value)).collect();
        assert_eq!(shown, ["5 A=1 & 2", "6 B=", "8 D=4"]);
        for text in ["", "<EnvironmentVariables>", "<EnvironmentVariables><A", "<EnvironmentVariables><A>"] {
            variables(text);
        }
    }
}
