//! Which tasks install a project's dependencies, judged by the words of their commands, since
//! labels are arbitrary. A task that also does other things is distinguished, because waiting for
//! it may mean waiting for a server.

use serde_json::Value;

/// What the commands of a task do, as far as task order is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// It installs the project's dependencies, and does nothing else.
    Install {
        /// Into a Python environment, whose certifi it may replace.
        python: bool,
    },
    /// It installs and then does something else.
    Mixed,
    /// Anything else.
    Other,
}

/// One command of a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Install {
        python: bool,
    },
    /// Nothing relevant: a change of folder, a virtual environment.
    Preparation,
    Other,
}

/// Programs that only prepare for the next command.
const PREPARATIONS: [&str; 30] = [
    ".",
    "[",
    "}",
    "activate",
    "activate.ps1",
    "call",
    "cat",
    "cd",
    "chmod",
    "cmp",
    "cp",
    "corepack",
    "echo",
    "exit",
    "export",
    "grep",
    "mkdir",
    "popd",
    "printf",
    "pushd",
    "pwd",
    "rm",
    "set",
    "source",
    "test",
    "touch",
    "true",
    "virtualenv",
    "which",
    "where",
];

/// Programs that install packages.
pub(super) const INSTALLERS: [&str; 12] = [
    "bun", "npm", "pdm", "pip", "pip3", "pipenv", "pixi", "pnpm", "poetry", "rye", "uv", "yarn",
];

/// Options that are followed by a value.
const WITH_VALUE: [&str; 22] = [
    "-C",
    "-E",
    "-c",
    "-e",
    "-i",
    "-p",
    "-r",
    "-w",
    "--cwd",
    "--dir",
    "--directory",
    "--editable",
    "--extras",
    "--group",
    "--index-url",
    "--only",
    "--prefix",
    "--project",
    "--python",
    "--requirement",
    "--with",
    "--without",
];

/// What a task does, on any system for which it has a command.
pub(super) fn work(task: &Value) -> Work {
    // It never ends, so no task can wait for it.
    if task["isBackground"] == true {
        return Work::Other;
    }
    if task["type"] == "npm" {
        return match task["script"].as_str() {
            Some("install" | "ci") => Work::Install { python: false },
            _ => Work::Other,
        };
    }
    let works = command_lines(task).into_iter().map(|line| {
        let steps: Vec<Step> = line.iter().flat_map(|words| steps(words)).collect();
        let installs = steps.iter().find_map(|step| match step {
            Step::Install { python } => Some(*python),
            _ => None,
        });
        match installs {
            Some(_) if steps.contains(&Step::Other) => Work::Mixed,
            Some(_) => Work::Install {
                python: steps.contains(&Step::Install { python: true }),
            },
            None => Work::Other,
        }
    });
    let works: Vec<Work> = works.collect();
    let install = works
        .iter()
        .find(|work| matches!(work, Work::Install { .. }));
    match install {
        Some(install) => *install,
        None if works.contains(&Work::Mixed) => Work::Mixed,
        None => Work::Other,
    }
}

/// Whether a task runs no command of its own, but only stands for those it depends on.
pub(super) fn is_group(task: &Value) -> bool {
    let own = matches!(task["type"].as_str(), None | Some("shell" | "process"));
    own && command_lines(task).is_empty()
}

/// Whether a task runs the Azure Functions host, and with it the user's code.
pub(super) fn is_functions_host(task: &Value) -> bool {
    if task["type"] == "func" {
        let command = task["command"].as_str().unwrap_or_default();
        return command.starts_with("host start") || command.starts_with("start");
    }
    command_lines(task).iter().flatten().any(|words| {
        let mut words = words.iter().map(|word| program(word));
        let first = words.next();
        let second = words.next();
        first.as_deref() == Some("func")
            && (second.as_deref() == Some("start")
                || (second.as_deref() == Some("host") && words.next().as_deref() == Some("start")))
    })
}

/// For each system, the commands of a task, each a list of words.
pub(super) fn command_lines(task: &Value) -> Vec<Vec<Vec<String>>> {
    let blocks = ["linux", "osx", "windows"].map(|system| &task[system]);
    [task]
        .into_iter()
        .chain(blocks)
        .filter(|block| block.get("command").is_some() || block.get("args").is_some())
        .filter_map(|block| {
            let command = block.get("command").or_else(|| task.get("command"));
            let args = block.get("args").or_else(|| task.get("args"));
            let command = text(command?)?;
            let process = task["type"] == "process" && args.is_some();
            let mut line = if process {
                vec![vec![command]]
            } else {
                split(&command)
            };
            let args = args.and_then(Value::as_array);
            if let Some(last) = line.last_mut() {
                last.extend(args.into_iter().flatten().filter_map(text));
            }
            (!line.is_empty()).then_some(line)
        })
        .collect()
}

/// A command or argument: a string, a list of strings, or `{ "value", "quoting" }`.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(words) => {
            let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
            Some(words.join(" "))
        }
        Value::Object(quoted) => text(quoted.get("value")?),
        _ => None,
    }
}

/// A command line as a shell parses it: commands, and words without their quotes. A backslash is
/// taken literally, since it separates folders in a Windows shell.
fn split(line: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for each in line.chars() {
        match (quote, each) {
            (Some(open), _) if open == each => quote = None,
            (None, '"' | '\'') => {
                quote = Some(each);
                word.get_or_insert_default();
            }
            // `2>&1` separates nothing.
            (None, '&') if word.as_ref().is_some_and(|word| word.ends_with('>')) => {
                word.get_or_insert_default().push(each);
            }
            (None, '&' | '|' | ';' | '\n' | '(' | ')') => {
                words.extend(word.take());
                commands.push(std::mem::take(&mut words));
            }
            (None, _) if each.is_whitespace() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(each),
        }
    }
    words.extend(word);
    commands.push(words);
    commands.retain(|command| !command.is_empty());
    commands
}

/// The name of a program without its folder and Windows extension, in lower case.
pub(super) fn program(word: &str) -> String {
    let name = word
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or(word)
        .to_lowercase();
    let ending = [".exe", ".cmd"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending));
    ending.unwrap_or(&name).to_owned()
}

/// What one command does; several if a shell is given its own command line.
fn steps(words: &[String]) -> Vec<Step> {
    let assignment = |word: &String| {
        let name = word.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|each| each.is_alphanumeric() || each == '_')
        })
    };
    let words: Vec<&str> = words
        .iter()
        .skip_while(|word| assignment(word) || matches!(word.as_str(), "!" | "{" | "sudo" | "exec" | "env"))
        .map(String::as_str)
        .collect();
    let Some((first, rest)) = words.split_first() else {
        return vec![Step::Preparation];
    };
    let name = program(first);
    let owned = |words: &[&str]| {
        words
            .iter()
            .map(|&word| word.to_owned())
            .collect::<Vec<_>>()
    };
    let shells = ["bash", "cmd", "dash", "powershell", "pwsh", "sh", "zsh"];
    if shells.contains(&name.as_str()) {
        let line = rest.iter().position(|word| {
            ["-c", "-lc", "-ic", "/c", "-command"].contains(&word.to_lowercase().as_str())
        });
        return match line {
            Some(at) => split(&rest[at + 1..].join(" "))
                .iter()
                .flat_map(|words| steps(words))
                .collect(),
            None => vec![Step::Other],
        };
    }
    // `${command:python.interpreterPath}` is one too.
    if name.contains("python") || name == "py" {
        return match rest.iter().position(|&word| word == "-m") {
            Some(at) => match rest.get(at + 1) {
                Some(&("venv" | "virtualenv" | "ensurepip")) => vec![Step::Preparation],
                Some(_) => steps(&owned(&rest[at + 1..])),
                None => vec![Step::Other],
            },
            // Only checks that Python runs.
            None if matches!(rest, ["-c", "", ..]) => vec![Step::Preparation],
            None => vec![Step::Other],
        };
    }
    let arguments = arguments(rest);
    if INSTALLERS.contains(&name.as_str()) && arguments.first() == Some(&"run") {
        // `poetry run pip install`; `npm run build` names no known program.
        let at = rest
            .iter()
            .position(|&word| word == "run")
            .map_or(0, |at| at + 1);
        return match steps(&owned(&rest[at..])).as_slice() {
            [Step::Install { python }] if name != "npm" => vec![Step::Install { python: *python }],
            _ => vec![Step::Other],
        };
    }
    vec![step(&name, rest, &arguments)]
}

/// What one command with a known program does.
fn step(name: &str, rest: &[&str], arguments: &[&str]) -> Step {
    let python = Step::Install { python: true };
    match (name, arguments) {
        ("pip" | "pip3", ["install", packages @ ..])
        | ("uv", ["pip", "install", packages @ ..]) => {
            let of_project = rest.iter().any(|word| {
                matches!(
                    *word,
                    "-r" | "-e" | "--requirement" | "--editable" | "--group"
                ) || word.starts_with("--requirement=")
                    || word.starts_with("--editable=")
                    || word.starts_with("-r")
            });
            let folder = packages.iter().any(|package| package.starts_with('.'));
            let tools = ["pip", "poetry", "setuptools", "uv", "wheel"];
            if of_project || folder {
                python
            } else if packages.iter().all(|package| tools.contains(package)) {
                Step::Preparation
            } else {
                Step::Other
            }
        }
        ("uv", ["sync", ..] | ["pip", "sync", ..])
        | ("poetry" | "pdm" | "pipenv" | "pixi" | "rye", ["install" | "sync", ..]) => python,
        ("uv", ["venv", ..]) => Step::Preparation,
        ("npm" | "pnpm" | "yarn" | "bun", ["install" | "ci" | "i" | "clean-install"])
        | ("yarn", [])
            if !rest.contains(&"-g") && !rest.contains(&"--global") =>
        {
            Step::Install { python: false }
        }
        _ if PREPARATIONS.contains(&name) => Step::Preparation,
        _ => Step::Other,
    }
}

/// Words that are neither an option nor an option's value.
fn arguments<'w>(words: &[&'w str]) -> Vec<&'w str> {
    let mut found = Vec::new();
    let mut value = false;
    for &word in words {
        if std::mem::take(&mut value) {
            continue;
        }
        value = WITH_VALUE.contains(&word);
        if !word.starts_with('-') {
            found.push(word);
        }
    }
    found
}
