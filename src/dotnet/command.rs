//! A `dotnet run`, `watch` or `test` as it was typed: its project, and the files that it will read
//! in addition to the environment.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::launch;
use crate::machine::Machine;

/// The options that are followed by a value.
const WITH_VALUE: [&str; 29] = [
    "--project", "-p", "--file", "--launch-profile", "-lp", "--configuration", "-c", "--framework",
    "-f", "--runtime", "-r", "--arch", "-a", "--os", "--verbosity", "-v", "--settings", "-s",
    "--filter", "--logger", "-l", "--output", "-o", "--environment", "-e", "--diag", "-d",
    "--results-directory", "--collect",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// `dotnet run`, `dotnet watch`, `dotnet watch run`.
    Run,
    /// `dotnet test`, `dotnet watch test`.
    Test,
}

/// Which profile of `launchSettings.json` is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// The first that can be started.
    First,
    /// This one.
    Named(String),
    /// None at all.
    None,
}

/// A command line of `dotnet`.
#[derive(Clone, Debug)]
pub(super) struct Dotnet {
    pub(super) verb: Verb,
    /// The project's folder.
    pub(super) folder: PathBuf,
    /// The program, if it is a single file without a project.
    file: Option<PathBuf>,
    pub(super) profile: Profile,
    /// The file that `--settings` names.
    pub(super) settings: Option<PathBuf>,
    words: Vec<OsString>,
    /// The word after which an option of the command can stand.
    at: usize,
    /// The words of `--settings`.
    settings_words: std::ops::Range<usize>,
}

impl Dotnet {
    /// `None` if it is another command.
    pub(super) fn of(words: &[OsString], machine: &Machine) -> Option<Self> {
        let name = Path::new(words.first()?).file_name()?;
        if name != OsStr::new("dotnet") && name != OsStr::new("dotnet.exe") {
            return None;
        }
        let texts: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
        let end = texts.iter().position(|word| *word == "--").unwrap_or(texts.len());
        let texts = &texts[..end];
        let (mut at, verb) = match *texts.get(1)? {
            "run" | "watch" => (1, Verb::Run),
            "test" => (1, Verb::Test),
            _ => return None,
        };
        let mut this = Self {
            verb,
            folder: machine.cwd().to_owned(),
            file: None,
            profile: Profile::First,
            settings: None,
            words: words.to_vec(),
            at,
            settings_words: 0..0,
        };
        let is_watch = texts[1] == "watch";
        let mut is_first = true;
        while at + 1 < texts.len() {
            at += 1;
            let word = texts[at];
            let (option, inside) = match word.split_once(['=', ':']) {
                Some((option, value)) if word.starts_with('-') => (option, Some(value)),
                _ => (word, None),
            };
            let start = at;
            let value = if WITH_VALUE.contains(&option) {
                inside.or_else(|| {
                    at += 1;
                    texts.get(at).copied()
                })
            } else {
                None
            };
            if option.starts_with('-') {
                this.option(option, value, start..(at + 1).min(texts.len()), machine);
            } else if is_watch && is_first && ["run", "test"].contains(&word) {
                this.at = at;
                this.verb = if word == "test" { Verb::Test } else { Verb::Run };
                is_first = false;
            } else if is_first {
                // `dotnet test FOLDER`, `dotnet run app.cs`; what follows is the program's.
                is_first = false;
                this.project(word, machine);
            }
        }
        Some(this)
    }

    fn option(
        &mut self,
        option: &str,
        value: Option<&str>,
        words: std::ops::Range<usize>,
        machine: &Machine,
    ) {
        match (option, value) {
            ("--project" | "-p" | "--file", Some(value)) => self.project(value, machine),
            ("--launch-profile" | "-lp", Some(value)) => {
                self.profile = Profile::Named(value.to_owned());
            }
            ("--no-launch-profile", _) => self.profile = Profile::None,
            ("--settings" | "-s", Some(value)) => {
                self.settings = Some(machine.absolute(Path::new(value)));
                self.settings_words = words;
            }
            _ => {}
        }
    }

    /// A folder, a project file, or a program that is a single file.
    fn project(&mut self, word: &str, machine: &Machine) {
        let path = machine.absolute(Path::new(word));
        if path.is_dir() {
            self.folder = path;
        } else if path.is_file() {
            path.parent().unwrap_or(machine.cwd()).clone_into(&mut self.folder);
            let is_source = path.extension().is_some_and(|kind| kind == "cs");
            self.file = is_source.then_some(path);
        }
    }

    /// Where the profiles are: the first of these files that exists is the one that is read.
    pub(super) fn launch_settings(&self) -> Option<PathBuf> {
        let beside = self.file.as_ref().map(|file| file.with_extension("run.json"));
        let usual = [launch::PATH, "My Project/launchSettings.json"].map(|path| self.folder.join(path));
        usual.into_iter().chain(beside).find(|file| file.is_file())
    }

    /// The same without a profile.
    pub(super) fn without_profile(&self) -> Vec<OsString> {
        let mut words = self.words.clone();
        words.insert(self.at + 1, "--no-launch-profile".into());
        words
    }

    /// The same without settings for test runs.
    pub(super) fn without_settings(&self) -> Vec<OsString> {
        let mut words = self.words.clone();
        if self.settings.is_some() {
            words.drain(self.settings_words.clone());
        } else {
            words.insert(self.at + 1, "-p:RunSettingsFilePath=".into());
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Dotnet> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Dotnet::of(&words, &Machine::for_test(Path::new("/home/x"), &[]))
    }

    fn joined(words: &[OsString]) -> String {
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    }

    #[test]
    fn only_what_starts_a_project_is_looked_at() {
        for line in ["dotnet build", "dotnet app.dll", "dotnet", "node run", "sh -c dotnet"] {
            assert!(of(line).is_none(), "{line}");
        }
        for (line, verb) in [
            ("dotnet run", Verb::Run),
            ("/usr/bin/dotnet watch", Verb::Run),
            ("dotnet watch --project test run", Verb::Run),
            ("dotnet watch test", Verb::Test),
            ("dotnet test -c Release", Verb::Test),
        ] {
            assert_eq!(of(line).map(|dotnet| dotnet.verb), Some(verb), "{line}");
        }
    }

    #[test]
    fn the_profile_is_the_one_that_was_typed() {
        let named = |name: &str| Profile::Named(name.to_owned());
        for (line, profile) in [
            ("dotnet run", Profile::First),
            ("dotnet run -lp web", named("web")),
            ("dotnet run --launch-profile=web", named("web")),
            ("dotnet watch --launch-profile web run", named("web")),
            ("dotnet run --no-launch-profile", Profile::None),
            ("dotnet run -- --no-launch-profile", Profile::First),
        ] {
            assert_eq!(of(line).map(|dotnet| dotnet.profile), Some(profile), "{line}");
        }
    }

    #[test]
    fn the_same_command_without_the_file_is_told() {
        for (line, expected) in [
            ("dotnet run -c Release -- x", "dotnet run --no-launch-profile -c Release -- x"),
            ("dotnet watch", "dotnet watch --no-launch-profile"),
            ("dotnet watch -q run x", "dotnet watch -q run --no-launch-profile x"),
        ] {
            let dotnet = of(line).expect("dotnet");
            assert_eq!(joined(&dotnet.without_profile()), expected, "{line}");
        }
        for (line, expected) in [
            ("dotnet test -s a.runsettings -c Release", "dotnet test -c Release"),
            ("dotnet test --settings:a.runsettings", "dotnet test"),
            ("dotnet test --no-build", "dotnet test -p:RunSettingsFilePath= --no-build"),
        ] {
            let dotnet = of(line).expect("dotnet");
            assert_eq!(joined(&dotnet.without_settings()), expected, "{line}");
        }
    }
}
