//! Which version of a language a project asks for, as written in the image's tag, and the file that
//! says so.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::tree::{Tree, is, is_file_based};
use crate::options::Language;

type Version = Option<(String, PathBuf)>;

/// Releases of Python and lines of Node.js for which there are images, oldest first.
const PYTHONS: std::ops::RangeInclusive<u32> = 9..=14;
const NODES: [u32; 4] = [18, 20, 22, 24];
/// Long-term releases of Java.
const JAVAS: [u32; 5] = [8, 11, 17, 21, 25];
/// The .NET that runs programs without a project, and the default.
const DOTNET: u32 = 10;

pub(super) fn of(language: Language, tree: &Tree) -> Version {
    match language {
        Language::Python => python(tree),
        Language::Node => node(tree),
        Language::Dotnet => dotnet(tree),
        Language::Java => java(tree),
        Language::Go => go(tree),
        Language::Powershell => None,
    }
}

/// The parts of the first dotted number in a text: `v20.11.1` is 20, 11, 1.
fn numbers(text: &str) -> Vec<u32> {
    let start = text.find(|c: char| c.is_ascii_digit()).unwrap_or(text.len());
    let rest = &text[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].split('.').map_while(|part| part.parse().ok()).collect()
}

/// The text after `key =` in a line.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == key).then(|| value.trim().trim_matches(['"', '\'']))
    })
}

/// The text between `<name>` and the next tag.
fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let open = format!("<{name}>");
    let start = text.find(&open)? + open.len();
    let rest = &text[start..];
    Some(rest[..rest.find('<')?].trim())
}

/// Whether a TOML text has a table, a table below it, or a list of such tables.
pub(super) fn has_table(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let rest = line.trim().trim_start_matches('[').strip_prefix(name);
        line.trim().starts_with('[') && rest.is_some_and(|rest| rest.starts_with([']', '.']))
    })
}

fn python(tree: &Tree) -> Version {
    for name in [".python-version", "runtime.txt"] {
        if let Some(file) = tree.first(|one| one == name)
            && let [3, minor, ..] = numbers(&tree.text(file))[..]
        {
            return Some((format!("3.{minor}"), file.to_owned()));
        }
    }
    let file = tree.first(|one| one == "pyproject.toml")?;
    let text = tree.text(file);
    let wanted = value(&text, "requires-python").or_else(|| {
        has_table(&text, "tool.poetry").then(|| value(&text, "python")).flatten()
    })?;
    let minor = newest_python(wanted)?;
    Some((format!("3.{minor}"), file.to_owned()))
}

/// The newest release that a requirement allows, unless that is the newest of all.
fn newest_python(wanted: &str) -> Option<u32> {
    let mut allowed: Vec<u32> = PYTHONS.collect();
    for part in wanted.split(',') {
        let part = part.trim();
        let numbers = numbers(part);
        let (Some(3), minor) = (numbers.first(), numbers.get(1).copied()) else {
            continue;
        };
        let Some(minor) = minor else { continue };
        let exact = numbers.len() > 2;
        allowed.retain(|&one| match part.trim_end_matches(|c: char| c != '=' && c != '<' && c != '>') {
            _ if part.starts_with("~=") => if exact { one == minor } else { one >= minor },
            _ if part.starts_with("<=") => one <= minor,
            _ if part.starts_with('<') => one < minor || (exact && one == minor),
            _ if part.starts_with("==") => one == minor,
            _ if part.starts_with("!=") => exact || one != minor,
            _ if part.starts_with('~') => one == minor,
            _ if part.starts_with(['>', '^']) => one >= minor,
            _ => one == minor,
        });
    }
    let newest = allowed.last().copied()?;
    (newest != *PYTHONS.end()).then_some(newest)
}

/// The shallowest `package.json`.
fn package(tree: &Tree) -> Option<(Value, PathBuf)> {
    let file = tree.first(|name| name == "package.json")?;
    let value = jsonc_edit::parse(tree.text(file).as_bytes()).ok()?;
    Some((value, file.to_owned()))
}

pub(super) fn names_typescript(tree: &Tree) -> bool {
    package(tree).is_some_and(|(package, _)| {
        let lists = ["devDependencies", "dependencies"];
        lists.iter().any(|list| package[list].get("typescript").is_some())
    })
}

fn node(tree: &Tree) -> Version {
    for name in [".nvmrc", ".node-version"] {
        if let Some(file) = tree.first(|one| one == name)
            && let Some(major) = node_line(tree.text(file).trim())
        {
            return Some((major.to_string(), file.to_owned()));
        }
    }
    let (package, file) = package(tree)?;
    let wanted = package["volta"]["node"].as_str().or_else(|| package["engines"]["node"].as_str())?;
    Some((newest_node(wanted)?.to_string(), file))
}

/// `v20.11`, `22`, `lts/iron`.
fn node_line(text: &str) -> Option<u32> {
    let names = [("lts/hydrogen", 18), ("lts/iron", 20), ("lts/jod", 22), ("lts/krypton", 24)];
    let line = names.iter().find(|(name, _)| text == *name);
    let line = line.map(|(_, line)| *line);
    line.or_else(|| numbers(text).first().copied())
}

/// The line for `engines`: the one that is named, else the oldest current one that matches.
fn newest_node(wanted: &str) -> Option<u32> {
    let mut fitting: Vec<u32> = NODES.to_vec();
    let mut open = false;
    let wanted = wanted.replace("= ", "=").replace("> ", ">").replace("< ", "<");
    for part in wanted.split_whitespace().filter(|part| *part != "||") {
        let Some(&major) = numbers(part).first() else { continue };
        if part.starts_with(">=") || part.starts_with('>') {
            open = true;
            fitting.retain(|&one| one >= major);
        } else if part.starts_with('<') {
            let up_to = part.starts_with("<=");
            fitting.retain(|&one| one < major || (up_to && one == major));
        } else if !open {
            return Some(major);
        }
    }
    if !open {
        return None;
    }
    // An open range takes the longest-supported line of those in wide use.
    fitting.iter().copied().rev().find(|&one| one <= 22).or_else(|| fitting.first().copied())
}

/// Every major version of the frameworks that projects name, with the file.
fn frameworks(tree: &Tree) -> Vec<(u32, PathBuf)> {
    let mut found = Vec::new();
    let is_project = |name: &str| {
        [".csproj", ".fsproj", ".vbproj"].iter().any(|ending| name.ends_with(ending))
            || name == "Directory.Build.props"
            || name == "Directory.Build.targets"
    };
    for file_of in tree.all(is_project) {
        let text = without_comments(&tree.text(file_of));
        let said = ["TargetFramework", "TargetFrameworks"].map(|name| elements(&text, name));
        for said in said.into_iter().flatten() {
            // A property of the project itself, or of a file that applies to all projects.
            let (said, file) = match said.strip_prefix("$(").and_then(|name| name.strip_suffix(')')) {
                Some(name) => property(name, &text, tree).unwrap_or((String::new(), None)),
                None => (said.to_owned(), None),
            };
            let file = file.as_deref().unwrap_or(file_of);
            found.extend(said.split(';').filter_map(modern).map(|major| (major, file.to_owned())));
        }
    }
    for program in tree.all(|name| is(name, "cs")).take(50) {
        let text = tree.text(program);
        if !is_file_based(&text) {
            continue;
        }
        let said = text.lines().filter_map(|line| line.trim().strip_prefix("#:property"));
        let said = said.filter_map(|line| line.trim().strip_prefix("TargetFramework="));
        found.extend(said.filter_map(modern).map(|major| (major, program.to_owned())));
    }
    found
}

/// The major version in a framework's name. netstandard and .NET Framework have no image of their
/// own.
fn modern(framework: &str) -> Option<u32> {
    let rest = framework.trim().strip_prefix("net")?;
    let major = rest.contains('.').then(|| numbers(rest).first().copied()).flatten()?;
    (major >= 5).then_some(major)
}

/// The value of an `MSBuild` property, and the file that sets it if that is another one.
fn property(name: &str, text: &str, tree: &Tree) -> Option<(String, Option<PathBuf>)> {
    if let Some(own) = elements(text, name).next() {
        return Some((own.to_owned(), None));
    }
    let files = tree.all(|name| is(name, "props") || is(name, "targets"));
    files.into_iter().find_map(|file| {
        let text = without_comments(&tree.text(file));
        let said = elements(&text, name).next()?.to_owned();
        Some((said, Some(file.to_owned())))
    })
}

/// The text between each `<name …>` and the next tag.
fn elements<'t>(text: &'t str, name: &str) -> impl Iterator<Item = &'t str> {
    let open = format!("<{name}");
    let starts: Vec<usize> = text.match_indices(&open).map(|(at, _)| at + open.len()).collect();
    starts.into_iter().filter_map(|at| {
        let rest = &text[at..];
        if !rest.starts_with(['>', ' ', '\t', '\r', '\n']) {
            return None;
        }
        let rest = &rest[rest.find('>')? + 1..];
        Some(rest[..rest.find('<')?].trim())
    })
}

fn without_comments(text: &str) -> String {
    let mut parts = text.split("<!--");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once("-->").map_or("", |(_, rest)| rest))
}

fn dotnet(tree: &Tree) -> Version {
    if let Some(file) = tree.first(|name| name == "global.json")
        && let Ok(global) = jsonc_edit::parse(tree.text(file).as_bytes())
        && let Some(&major) = global["sdk"]["version"].as_str().map(numbers).unwrap_or_default().first()
    {
        return Some((format!("{major}.0"), file.to_owned()));
    }
    let newest = frameworks(tree).into_iter().rev().max_by_key(|(major, _)| *major);
    newest.map(|(major, file)| (format!("{major}.0"), file))
}

/// The runtimes of frameworks that are older than the SDK.
pub(super) fn older_runtimes(tree: &Tree) -> Vec<String> {
    let sdk = dotnet(tree).and_then(|(version, _)| numbers(&version).first().copied());
    let sdk = sdk.unwrap_or(DOTNET);
    let mut older: Vec<u32> = frameworks(tree).into_iter().map(|(major, _)| major).collect();
    older.retain(|&major| major < sdk);
    older.sort_unstable();
    older.dedup();
    older.into_iter().map(|major| format!("{major}.0")).collect()
}

fn java(tree: &Tree) -> Version {
    let long_term = |version: u32| JAVAS.into_iter().find(|&one| one >= version);
    let read = |text: &str| {
        let numbers = numbers(text);
        // Java 8 called itself 1.8.
        let version = if numbers.first() == Some(&1) { numbers.get(1) } else { numbers.first() };
        version.copied().and_then(long_term)
    };
    let is_named = |name: &str| {
        name == "pom.xml" || name.starts_with("build.gradle") || name == ".java-version" || name == ".sdkmanrc"
    };
    tree.all(is_named).find_map(|file| {
        let text = tree.text(file);
        let version = match file.file_name()?.to_str()? {
            "pom.xml" => ["maven.compiler.release", "release", "java.version", "maven.compiler.source", "source"]
                .iter()
                .find_map(|name| element(&text, name).and_then(read)),
            ".java-version" => read(&text),
            ".sdkmanrc" => value(&text, "java").and_then(read),
            _ => ["JavaLanguageVersion.of(", "jvmToolchain(", "JavaVersion.VERSION_", "sourceCompatibility"]
                .iter()
                .find_map(|sign| {
                    let rest = &text[text.find(sign)? + sign.len()..];
                    read(&rest.lines().next().unwrap_or_default().replace('_', "."))
                }),
        };
        Some((version?.to_string(), file.to_owned()))
    })
}

fn go(tree: &Tree) -> Version {
    let file = tree.first(|name| name == "go.mod")?;
    let text = tree.text(file);
    let directive = |name: &str| {
        text.lines().find_map(|line| line.trim().strip_prefix(name)).map(numbers)
    };
    match directive("toolchain go").or_else(|| directive("go "))?[..] {
        [1, minor, ..] => Some((format!("1.{minor}"), Path::new(file).to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{newest_node, newest_python, node_line};

    #[test]
    fn a_requirement_gives_the_newest_python_that_it_allows() {
        for (wanted, newest) in [
            (">=3.10", None),
            (">=3.10,<3.13", Some(12)),
            (">=3.9, <=3.11", Some(11)),
            ("==3.11.*", Some(11)),
            ("~=3.11", None),
            ("~=3.11.2", Some(11)),
            ("^3.11", None),
            ("<4.0,>=3.8", None),
            (">=3.10,!=3.14", Some(13)),
            ("", None),
        ] {
            assert_eq!(newest_python(wanted), newest, "{wanted}");
        }
    }

    #[test]
    fn engines_give_one_line_of_node() {
        for (wanted, line) in [
            (">=20", Some(22)),
            (">= 18", Some(22)),
            ("20.x", Some(20)),
            ("^18.17.0", Some(18)),
            (">=18 <21", Some(20)),
            (">=23", Some(24)),
            ("*", None),
        ] {
            assert_eq!(newest_node(wanted), line, "{wanted}");
        }
        assert_eq!(node_line("lts/iron"), Some(20));
        assert_eq!(node_line("v20.11.1"), Some(20));
        assert_eq!(node_line("lts/*"), None);
    }
}
