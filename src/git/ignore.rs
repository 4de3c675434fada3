//! Which rule makes git ignore a file, determined from the rule files (gitignore(5)) without
//! running git.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::Repository;
use crate::files;
use crate::os::OsStrExt as _;

/// Rule files larger than this (bytes) were not written by a person.
const LARGEST: u64 = 1 << 20;

/// A rule, and what it made git ignore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The file that contains it.
    pub file: PathBuf,
    /// Its line there.
    pub line: usize,
    pub text: String,
    /// What it matches: the file, or a folder around it, relative to the project's folder.
    pub fits: PathBuf,
}

/// The rule that makes git ignore `path`, relative to the folder `project`, in the innermost
/// repository around that. `home` is where the user's own rules are, which a clone lacks.
pub fn rule(project: &Path, path: &Path, home: Option<&Path>) -> Option<Rule> {
    let repository = Repository::around(project).into_iter().next()?;
    let rule = first(&repository, &repository.below.join(path), home)?;
    let fits = rule.fits.strip_prefix(&repository.below).unwrap_or(Path::new("."));
    Some(Rule {
        fits: fits.to_owned(),
        ..rule
    })
}

/// The first rule on the way to `whole`: git does not look into a folder that it ignores.
fn first(repository: &Repository, whole: &Path, home: Option<&Path>) -> Option<Rule> {
    let mut at = PathBuf::new();
    whole.components().find_map(|part| {
        at.push(part);
        let is_folder = at != whole || repository.root.join(&at).is_dir();
        decides(repository, &at, is_folder, home)
    })
}

/// What the rules say about a file that is to be ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// git ignores it.
    Ignored,
    /// A rule re-includes it, or may do so.
    TakenBack,
    Nothing,
}

/// What the rule files in `repository` say about the path in question: those in its folders, which
/// take precedence, and the clone's own. In doubt, the file counts as not ignored, since a
/// repository may have been made to look otherwise.
pub(super) fn said(repository: &Repository) -> [Verdict; 2] {
    let mut own = Verdict::Nothing;
    // A worktree's rules are in the main folder, where they are not looked for.
    let is_worktree = files::exists(&repository.git.join("commondir"));
    let exclude = (!is_worktree).then(|| (repository.git.join("info/exclude"), PathBuf::new()));
    let exclude = exclude.as_slice();
    let mut at = PathBuf::new();
    for part in repository.below.components() {
        at.push(part);
        let is_folder = at != repository.below;
        let said = said_in(&in_folders(repository, &at), &at, is_folder);
        if said == Verdict::Ignored || !is_folder {
            return [said, own.or(said_in(exclude, &at, is_folder))];
        }
        // A folder may be re-included as a whole, and its contents still be ignored.
        if said == Verdict::Nothing && said_in(exclude, &at, is_folder) == Verdict::Ignored {
            own = Verdict::Ignored;
        }
    }
    [Verdict::Nothing, own]
}

impl Verdict {
    fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }
}

/// The rule files in the folders around a path, the nearest first.
fn in_folders(repository: &Repository, at: &Path) -> Vec<(PathBuf, PathBuf)> {
    at.ancestors()
        .skip(1)
        .map(|folder| (repository.root.join(folder).join(".gitignore"), folder.to_owned()))
        .collect()
}

fn said_in(lists: &[(PathBuf, PathBuf)], at: &Path, is_folder: bool) -> Verdict {
    for (file, base) in lists {
        let Ok(below) = at.strip_prefix(base) else {
            continue;
        };
        // git reads larger rule files than a person writes.
        if file.symlink_metadata().is_ok_and(|about| about.is_file() && about.len() > LARGEST) {
            return Verdict::TakenBack;
        }
        for (_, rule) in read(file).iter().rev() {
            // git's handling of bracket sets and escapes has more cases than this matcher's, and a
            // NUL ends a rule.
            let is_clear = !rule.contains(['[', '\\', '\0']);
            if let Some(back) = rule.strip_prefix('!') {
                // With `core.ignoreCase`, case does not matter.
                let lower = PathBuf::from(below.to_string_lossy().to_lowercase());
                if !is_clear || fits(&back.to_lowercase(), &lower, is_folder) {
                    return Verdict::TakenBack;
                }
            } else if is_clear && fits(rule, below, is_folder) {
                return Verdict::Ignored;
            }
        }
    }
    Verdict::Nothing
}

/// The last matching rule of the nearest file; none if it re-includes the path.
fn decides(repository: &Repository, at: &Path, is_folder: bool, home: Option<&Path>) -> Option<Rule> {
    let mut lists = in_folders(repository, at);
    lists.push((repository.git.join("info/exclude"), PathBuf::new()));
    lists.extend(home.map(|home| (home.join(".config/git/ignore"), PathBuf::new())));
    for (file, base) in lists {
        let below = at.strip_prefix(&base).ok()?;
        let rules = read(&file);
        let fitting = rules.iter().rev().find(|(_, text)| fits(text, below, is_folder));
        if let Some((line, text)) = fitting {
            return (!text.starts_with('!')).then(|| Rule {
                file,
                line: *line,
                text: text.clone(),
                fits: at.to_owned(),
            });
        }
    }
    None
}

/// The rules of a file with their lines. git does not read one through a link.
fn read(file: &Path) -> Vec<(usize, String)> {
    let about = file.symlink_metadata();
    if !about.is_ok_and(|about| about.is_file() && about.len() <= LARGEST) {
        return Vec::new();
    }
    let bytes = files::read_if_there(file).ok().flatten().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let rules = (1..).zip(text.lines()).filter_map(|(line, rule)| {
        let rule = without_blanks(rule);
        (!rule.is_empty() && !rule.starts_with('#')).then(|| (line, rule.to_owned()))
    });
    rules.collect()
}

/// Trailing spaces count only after a backslash.
fn without_blanks(rule: &str) -> &str {
    let mut rule = rule;
    while let Some(shorter) = rule.strip_suffix(' ') {
        if shorter.ends_with('\\') {
            break;
        }
        rule = shorter;
    }
    rule
}

/// Whether a rule matches a path, both relative to the folder of the rule's file.
fn fits(rule: &str, path: &Path, is_folder: bool) -> bool {
    let rule = rule.strip_prefix('!').unwrap_or(rule);
    let (rule, folders_only) = match rule.strip_suffix('/') {
        Some(rule) => (rule, true),
        None => (rule, false),
    };
    if folders_only && !is_folder || rule.is_empty() {
        return false;
    }
    let path = path.as_os_str().as_bytes();
    if rule.contains('/') {
        let rule = rule.strip_prefix('/').unwrap_or(rule);
        let rule: Vec<&[u8]> = rule.as_bytes().split(|byte| *byte == b'/').collect();
        let path: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        return parts_fit(&rule, &path);
    }
    let name = Path::new(OsStr::from_bytes(path)).file_name().unwrap_or_default();
    name_fits(rule.as_bytes(), name.as_bytes())
}

/// Part by part; `**` matches any number of them. Backtracks only to the last `**`, as below.
fn parts_fit(rule: &[&[u8]], path: &[&[u8]]) -> bool {
    let (mut at, mut on) = (0, 0);
    let mut any: Option<(usize, usize)> = None;
    while on < path.len() {
        match rule.get(at) {
            // Everything in a folder, but not the folder itself.
            Some(&b"**") if at + 1 == rule.len() => return true,
            Some(&b"**") => {
                any = Some((at + 1, on));
                at += 1;
                continue;
            }
            Some(part) if name_fits(part, path[on]) => {
                at += 1;
                on += 1;
                continue;
            }
            _ => {}
        }
        let Some((after, from)) = any else {
            return false;
        };
        any = Some((after, from + 1));
        (at, on) = (after, from + 1);
    }
    at == rule.len()
}

/// `*`, `?`, `[…]` and `\` in one part of a path. Backtracks only to the last `*`, so that no rule
/// takes longer than the product of both lengths.
fn name_fits(rule: &[u8], name: &[u8]) -> bool {
    let (mut at, mut on) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while on < name.len() {
        if rule.get(at) == Some(&b'*') {
            star = Some((at + 1, on));
            at += 1;
            continue;
        }
        if let Some(next) = one_fits(&rule[at.min(rule.len())..], name[on]) {
            at += next;
            on += 1;
            continue;
        }
        let Some((after, from)) = star else {
            return false;
        };
        star = Some((after, from + 1));
        (at, on) = (after, from + 1);
    }
    rule[at.min(rule.len())..].iter().all(|byte| *byte == b'*')
}

/// The length of the prefix of the rule that matches one byte, if it does.
fn one_fits(rule: &[u8], byte: u8) -> Option<usize> {
    match rule {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', set @ ..] => {
            let (set, inverted) = match set {
                [b'!' | b'^', rest @ ..] => (rest, true),
                set => (set, false),
            };
            let end = 1 + set.iter().skip(1).position(|byte| *byte == b']')?;
            let (mut inside, mut at) = (false, 0);
            while at < end {
                if at + 2 < end && set[at + 1] == b'-' {
                    inside |= (set[at]..=set[at + 2]).contains(&byte);
                    at += 3;
                } else {
                    inside |= set[at] == byte;
                    at += 1;
                }
            }
            (inside != inverted).then_some(end + 2 + usize::from(inverted))
        }
        [first, ..] => (*first == byte).then_some(1),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_fit_as_git_has_them_fit() {
        for (rule, path, folder, expected) in [
            ("*.devcontainer", ".devcontainer", true, true),
            (".devcontainer/", ".devcontainer", true, true),
            (".devcontainer/", ".devcontainer", false, false),
            (".devcontainer/*", ".devcontainer/azurite", true, true),
            (".devcontainer/*", ".devcontainer", true, false),
            ("/.vscode/*.json", ".vscode/tasks.json", false, true),
            (".vscode/*.json", "a/.vscode/tasks.json", false, false),
            ("tasks.json", ".vscode/tasks.json", false, true),
            ("**/tasks.json", ".vscode/tasks.json", false, true),
            ("**/tasks.json", "tasks.json", false, true),
            (".vscode/**", ".vscode/tasks.json", false, true),
            (".vscode/**", ".vscode", true, false),
            ("a/**/c", "a/c", false, true),
            ("a/**/c", "a/b/b/c", false, true),
            ("[Bb]in", "bin", true, true),
            ("[!a]in", "bin", true, true),
            ("[!b]in", "bin", true, false),
            ("[a-c]in", "bin", true, true),
            ("azup-linux-*", "azup-linux-amd64", false, true),
            ("\\#x", "#x", false, true),
            ("a?c", "abc", false, true),
            ("*", "x", false, true),
            ("a*b*c", "aXbXbc", false, true),
            ("a*b*c", "aXbXb", false, false),
            ("[", "[", false, false),
        ] {
            assert_eq!(fits(rule, Path::new(path), folder), expected, "{rule} {path}");
        }
    }

    #[test]
    fn a_rule_full_of_stars_takes_no_time() {
        let rule = format!("{}b", "*a".repeat(500));
        assert!(!name_fits(rule.as_bytes(), "a".repeat(2000).as_bytes()));
        for part in ["**/", "**/a/"] {
            let rule = format!("{}b", part.repeat(60));
            assert!(!fits(&rule, Path::new(&"a/".repeat(200)), false));
        }
    }
}
