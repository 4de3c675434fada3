//! The configurations and compounds of a `launch.json`: which of them run code that talks
//! to Azurite, and which tasks they name.

use jsonc_edit::Step;
use serde_json::Value;


/// The types of debuggers for Python. No other language has a bundle that an installer replaces:
/// its trust is restored when the container starts, and by `azup up`.
const DEBUGGERS: [&str; 2] = ["debugpy", "python"];

/// The type of the debugger for Node.js, and the one that it had before.
const NODE: [&str; 2] = ["node", "pwa-node"];

/// Names of the lists in a `launch.json`.
pub(super) const LISTS: [&str; 2] = ["configurations", "compounds"];

/// A configuration or a compound.
#[derive(Debug)]
pub(super) struct Entry<'d> {
    /// Its members.
    pub(super) value: &'d Value,
    /// Its name in the editor.
    pub(super) name: &'d str,
    /// The path to it, if no other in its list has the same name.
    pub(super) place: Option<Vec<Step>>,
}

/// Every entry of a list of the document.
pub(super) fn entries<'d>(document: &'d Value, list: &str) -> Vec<Entry<'d>> {
    let all = document[list].as_array().map_or(&[][..], Vec::as_slice);
    let entry = |value: &'d Value| {
        let name = value["name"].as_str();
        let same = all
            .iter()
            .filter(|other| other["name"].as_str() == name)
            .count();
        Entry {
            value,
            name: name.unwrap_or("without name"),
            place: name.filter(|_| same == 1).map(|name| {
                vec![
                    Step::Key(list.to_owned()),
                    Step::Matching {
                        key: "name".to_owned(),
                        value: name.to_owned(),
                    },
                ]
            }),
        }
    };
    all.iter().map(entry).collect()
}

/// Those entries that debug Python, with `node` those too that start Node.js, and the compounds of
/// which one does.
pub(super) fn debugged(document: &Value, node: bool) -> Vec<Entry<'_>> {
    let [configurations, compounds] = LISTS.map(|list| entries(document, list));
    let mut found: Vec<Entry<'_>> = configurations
        .into_iter()
        .filter(|entry| {
            let debugger = entry.value["type"].as_str();
            debugger.is_some_and(|debugger| DEBUGGERS.contains(&debugger))
                || (node && entry.is_node_program())
        })
        .collect();
    let compounds: Vec<Entry<'_>> = compounds
        .into_iter()
        .filter(|compound| {
            let members = compound.value["configurations"].as_array();
            members.into_iter().flatten().any(|member| {
                // A string, or an object if it is in another folder's file.
                let name = member.as_str().or_else(|| member["name"].as_str());
                found.iter().any(|entry| Some(entry.name) == name)
            })
        })
        .collect();
    found.extend(compounds);
    found
}

/// The configurations that run the program in a separate container.
pub(super) fn elsewhere(document: &Value) -> Vec<&str> {
    let all = document[LISTS[0]].as_array().into_iter().flatten();
    all.filter(|one| one["type"] == "docker")
        .filter_map(|one| one["name"].as_str())
        .collect()
}

impl<'d> Entry<'d> {
    /// Whether it starts what it debugs. A configuration that attaches does not, and a compound
    /// leaves that to its configurations.
    pub(super) fn starts(&self) -> bool {
        self.value.get("configurations").is_none() && self.value["request"] != "attach"
    }

    /// Whether it starts a program by Node.js itself, and not by npm, by a shell or by another
    /// runtime: then Node.js gets the arguments.
    pub(super) fn is_node_program(&self) -> bool {
        let runtime = self.value.get("runtimeExecutable");
        self.is_node()
            && self.value["program"].is_string()
            && runtime.is_none_or(|runtime| runtime == "node")
    }

    /// Whether it starts what the debugger for JavaScript attaches to.
    pub(super) fn is_node(&self) -> bool {
        let debugger = self.value["type"].as_str().unwrap_or_default();
        (NODE.contains(&debugger) || debugger == "node-terminal") && self.starts()
    }

    /// The values of one of its members, here and for each system, with the steps that
    /// lead there from the entry.
    pub(super) fn values(&self, key: &str) -> Vec<(Vec<Step>, &'d Value)> {
        let value = self.value;
        let here = value
            .get(key)
            .map(|found| (vec![Step::Key(key.to_owned())], found));
        let systems = ["linux", "osx", "windows"]
            .into_iter()
            .filter_map(|system| {
                let found = value.get(system)?.get(key)?;
                let path = [system, key].map(|each| Step::Key(each.to_owned()));
                Some((path.to_vec(), found))
            });
        here.into_iter().chain(systems).collect()
    }
}
