//! `launchSettings.json`: the profiles with which a project is started, by `dotnet run` and by
//! Visual Studio, Rider and C# Dev Kit. A profile's variables replace those of the environment
//! (measured).

use super::Set;
use crate::project::located::{Located, strings};

/// Where a project has it.
pub const PATH: &str = "Properties/launchSettings.json";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// Whether `dotnet run` can start it: it takes the first such profile.
    pub is_run: bool,
    /// What it sets.
    pub variables: Vec<Set>,
}

/// The profiles of a file, in order; none if the file is malformed.
pub fn profiles(bytes: &[u8]) -> Vec<Profile> {
    let mut all: Vec<Profile> = Vec::new();
    for Located { path, value, line } in strings(bytes).unwrap_or_default() {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let ["profiles", name, rest @ ..] = path.as_slice() else {
            continue;
        };
        if all.last().is_none_or(|last| last.name != *name) {
            all.push(Profile { name: (*name).to_owned(), ..Profile::default() });
        }
        let Some(profile) = all.last_mut() else {
            continue;
        };
        match rest {
            ["commandName"] => profile.is_run = value == "Project",
            ["environmentVariables", name] => {
                let name = (*name).to_owned();
                profile.variables.push(Set { name, value, line });
            }
            _ => {}
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_a_project_is_the_one_that_runs() {
        let text = "{\n\"profiles\": {\n\"IIS\": {\"commandName\": \"IISExpress\", \"environmentVariables\": {\"A\": \"1\"}},\n\"web\": {\"commandName\": \"Project\",\n\"environmentVariables\": {\n\"B\": \"2\"}}}}";
        let all = profiles(text.as_bytes());
        let run: Vec<&str> = all.iter().filter(|one| one.is_run).map(|one| &*one.name).collect();
        assert_eq!(run, ["web"]);
        assert_eq!(all[1].variables[0], Set { name: "B".into(), value: "2".into(), line: 6 });
        assert!(profiles(b"{").is_empty());
    }
}
