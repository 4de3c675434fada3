//! Why `azup remove` undoes nothing, with the lines to remove by hand.

use std::ffi::OsString;
use std::path::PathBuf;

use super::Undo;
use crate::failure::{Exit, Failure, command_line, shown};

impl Undo<'_> {
    pub(super) fn refusal(&self) -> anyhow::Error {
        let blocked = self.in_the_way.iter().map(|one| (&one.at, &one.why));
        let refused = self.refused.iter().map(|(path, why)| (path, why));
        let reasons: Vec<String> = blocked
            .chain(refused)
            .map(|(path, why)| format!("{}: {why}", shown(path)))
            .collect();
        let folder = &self.project.folder;
        let mut words: Vec<OsString> = Vec::new();
        if self.in_the_way.is_empty() {
            words.extend(["azup".into(), "remove".into()]);
            for (path, _) in &self.refused {
                words.push("--keep".into());
                words.push(folder.join(path).into_os_string());
            }
            words.push(folder.clone().into_os_string());
        } else {
            // Keeping the files behind it would not help.
            words.extend(["ls".into(), "-ld".into()]);
            let there = self.in_the_way.iter().map(|one| folder.join(&one.at));
            words.extend(there.map(PathBuf::into_os_string));
        }
        let mut named: Vec<&PathBuf> = Vec::new();
        let mut lines = String::new();
        for (path, text) in self.lines.iter().filter(|(_, text)| !text.is_empty()) {
            if !named.contains(&path) {
                named.push(path);
                lines += &format!("to be taken out of {} by hand:\n{text}", shown(path));
            }
        }
        let failure = Failure::new(format!(
            "cannot undo what azup did in {}: {}",
            shown(folder),
            reasons.join("; ")
        ));
        let failure = if lines.is_empty() {
            failure
        } else {
            failure.snippet(lines)
        };
        failure.hint(command_line(words)).exit(Exit::Refused).into()
    }
}
