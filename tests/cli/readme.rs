//! README and `--help` say what the program does, and nothing else.

use std::path::{Path, PathBuf};

use crate::sandbox::{Sandbox, azup, part};

/// README and the pages for users, each with its text.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = vec![root.join("README.md"), root.join("SECURITY.md")];
    for folder in ["docs", "docs/clients", "docs/testing"] {
        let entries = std::fs::read_dir(root.join(folder)).unwrap();
        paths.extend(entries.map(|entry| entry.unwrap().path()));
    }
    paths.retain(|path| path.extension().is_some_and(|end| end == "md"));
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn the_picture_has_the_words_of_the_program() {
    let sandbox = Sandbox::new();
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/picture");
    let words = [
        picture,
        "--check".into(),
        azup().to_owned(),
        part("azurite-3.37.0"),
        part("wheels"),
    ];
    sandbox.run("/usr/bin/python3", words).ok();
}

/// Every `azup …` in README and the pages is a command line that azup understands.
#[test]
fn the_commands_of_every_page_are_commands() {
    let names = commands(&Sandbox::new());
    let (mut seen, mut wrong) = (0, Vec::new());
    for (path, text) in pages() {
        let blocks = text.split("```").skip(1).step_by(2);
        let inline = text
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| !text.contains('\n'));
        let lines = blocks.flat_map(str::lines).chain(inline);
        for line in lines.flat_map(|line| line.split("&&")) {
            let line = line.split(['#', '>']).next().unwrap().trim();
            let words: Vec<&str> = line.split_whitespace().collect();
            let words = match words.as_slice() {
                ["azup", rest @ ..] if !rest.is_empty() => rest,
                ["cargo", "run", "--release", "--", rest @ ..] => rest,
                _ => continue,
            };
            // A variable of that name in other languages.
            if words[0].ends_with('=') {
                continue;
            }
            seen += 1;
            // A command that is only named, or has placeholders in capitals.
            let stands_for_more = |word: &&str| word.contains('…') || word.contains('[');
            if words.len() == 1 || words.iter().any(stands_for_more) {
                let known = ["start", "stop"].contains(&words[0]);
                if !known && names.iter().all(|name| name != words[0]) {
                    wrong.push(format!("{}: {line}", path.display()));
                }
                continue;
            }
            // The name that azup gives to its CA.
            if words[0] == "local" {
                continue;
            }
            let parsed = azurite_up::cli::parse(["azup"].iter().chain(words).map(Into::into));
            if let Err(error) = parsed {
                wrong.push(format!("{}: {line}: {error}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen >= 100, "only {seen} commands were found");
}

#[test]
fn every_link_of_every_page_leads_to_a_file_and_every_page_is_listed() {
    let summary = include_str!("../../docs/SUMMARY.md");
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (path, text) in pages() {
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().unwrap();
            let link = link.split('#').next().unwrap();
            if link.is_empty() || link.contains(':') {
                continue;
            }
            let target = path.parent().unwrap().join(link);
            assert!(target.exists(), "{}: {link}", path.display());
        }
        if let Ok(name) = path.strip_prefix(&docs)
            && name != Path::new("SUMMARY.md")
        {
            assert!(
                summary.contains(&format!("]({})", name.display())),
                "{}",
                name.display()
            );
        }
    }
}

/// Code that is compiled only for Linux or only for macOS, or that looks into macOS's folders or
/// `/proc`, takes another path on a Mac, where nothing has run.
#[test]
fn every_file_that_is_different_on_macos_is_listed_as_never_run_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/not-run.md")).unwrap();
    let marks = [
        "target_os = \"",
        "\"Library/",
        "\"/Library/",
        "\"/opt/homebrew/bin",
        "\"/proc",
    ];
    let (mut folders, mut missing, mut found) = (vec![root.join("src")], Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path)
                .unwrap()
                .replace("\"Library/ssl", "");
            let name = path.strip_prefix(root).unwrap().display().to_string();
            if !name.ends_with("tests.rs") && marks.iter().any(|mark| text.contains(mark)) {
                found += 1;
                if !page.contains(&format!("`{name}`")) {
                    missing.push(name);
                }
            }
        }
    }
    missing.sort();
    assert!(missing.is_empty(), "not in docs/not-run.md: {missing:?}");
    assert!(found > 10, "{found}");
}

/// Reading it takes five minutes; the rest is on pages with one question each.
#[test]
fn the_readme_is_short() {
    let words = include_str!("../../README.md").split_whitespace().count();
    assert!(words <= 900, "{words} words");
}

/// Where only Wine stands for Windows, the reader is told what that leaves open.
#[test]
fn the_readme_names_what_wine_cannot_prove() {
    let readme = include_str!("../../README.md");
    let all = [
        readme,
        include_str!("../../docs/not-run.md"),
        include_str!("../../docs/windows.md"),
    ];
    for page in all.map(|page| page.split_whitespace().collect::<Vec<_>>().join(" ")) {
        let rest = page
            .split_once("Wine cannot prove")
            .or_else(|| page.split_once("Wine, which cannot prove"));
        let (_, rest) = rest.unwrap();
        for word in ["PowerShell", "WSL", "Ctrl-C"] {
            assert!(rest.contains(word), "{word}");
        }
    }
}

#[test]
fn the_readme_lists_the_exit_codes_of_the_help() {
    let help = Sandbox::new().azup(["--help"]).ok().stdout;
    let readme = include_str!("../../README.md");
    for code in ["0", "1", "2", "3", "4", "130"] {
        assert!(readme.contains(&format!("\n| {code} | ")), "{code}");
        assert!(help.contains(&format!("{code} ")), "{code}");
    }
}

#[test]
fn help_fits_a_screen_and_begins_with_what_azup_is() {
    let sandbox = Sandbox::new();
    let done = sandbox.azup(["--help"]).ok();
    assert!(done.stdout.lines().count() <= 60, "{done}");
    insta::assert_snapshot!(sandbox.shown(&done));
}

/// `azup` without a command is a question, not a mistake.
#[test]
fn azup_alone_shows_its_help() {
    let sandbox = Sandbox::new();
    let done = sandbox.azup::<&str>([]);
    assert_eq!(done.code, 2, "{done}");
    let help = sandbox.azup(["--help"]).ok().stdout;
    assert_eq!((&*done.stdout, done.stderr.trim()), ("", help.trim()));
}

/// Each shows with an example what it can do, and its own options before the global ones.
#[test]
fn every_command_has_help_with_its_own_options_first_and_an_example() {
    let sandbox = Sandbox::new();
    for command in commands(&sandbox) {
        let help = sandbox.azup([command.as_str(), "--help"]).ok().stdout;
        assert_eq!(help, sandbox.azup(["help", &command]).ok().stdout);
        for hidden in ["detached", "while-used"] {
            assert!(!help.contains(hidden), "{help}");
        }
        let (own, all) = help.split_once("\nGlobal options:\n").unwrap();
        assert!(
            all.contains("--quiet") && !all.contains("Options:\n"),
            "{help}"
        );
        assert!(!own.contains("--quiet"), "{help}");
        let example = format!("\nExamples:\n  azup {command}");
        let example = match command.as_str() {
            "version" => continue,
            "env" => "eval \"$(azup env)\"",
            _ => &example,
        };
        assert!(all.contains(example), "{help}");
    }
    let version = sandbox.azup(["version"]).ok().stdout;
    assert_eq!(version, sandbox.azup(["--version"]).ok().stdout);
    let help = sandbox.azup(["help"]).ok().stdout;
    assert_eq!(help, sandbox.azup(["--help"]).ok().stdout);
}

/// The scopes are told in each command's own help, and `user` is the default of all but one.
#[test]
fn whoever_takes_a_scope_says_what_each_means_in_the_same_words() {
    let sandbox = Sandbox::new();
    let table = |command: &str| {
        let help = sandbox.azup([command, "--help"]).ok().stdout;
        let lines = help
            .lines()
            .skip_while(|line| !line.contains("--scope <SCOPE>"));
        let lines = lines.map(str::trim).take(4).collect::<Vec<_>>();
        assert_eq!(lines.len(), 4, "{help}");
        lines[1..].join("\n")
    };
    let wanted = "project: those of this project, and the active Python environment\n\
                  user: also those that all programs of this user share\n\
                  all: also every Python environment that can be found";
    for command in ["trust", "untrust", "renew", "doctor", "status", "init"] {
        assert_eq!(table(command), wanted, "{command}");
    }
}

/// What an option would do is nobody's to guess where a command does not heed it.
#[test]
fn an_option_that_a_command_ignores_is_a_usage_error() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    for (words, option) in [
        ("down --stores java --bundle /nope", "--stores"),
        ("completions bash --scope all", "--scope"),
        ("token --dry-run", "--dry-run"),
        ("up --dry-run --scope all", "--scope"),
        ("env --bundle b.pem", "--bundle"),
        ("man --certs c", "--certs"),
        ("remove --dry-run --stores java", "--stores"),
        ("--certs c token", "--certs"),
        ("up --while-used", "--while-used"),
        ("up -d --detached-child", "--detached-child"),
    ] {
        let done = sandbox.azup(words.split(' '));
        assert_eq!(done.code, 2, "{words}: {done}");
        let expected = format!("error: unexpected argument '{option}' found\n");
        assert!(done.stderr.starts_with(&expected), "{words}: {done}");
    }
    // Before the command it is still the command's option.
    let done = sandbox.azup(["--stores", "none", "trust"]).ok();
    assert_eq!(
        done.stdout,
        sandbox.azup(["trust", "--stores", "none"]).ok().stdout
    );
    let run = sandbox.azup(["run", "--help"]).ok().stdout;
    assert!(!run.contains("--json"), "{run}");
}

/// A near miss gets a question and is never obeyed.
#[test]
fn a_typo_does_nothing() {
    let sandbox = Sandbox::new();
    for word in ["untrst", "unt", "rene", "detached", "init2", "remov"] {
        let done = sandbox.azup([word]);
        assert_eq!(done.code, 2, "{word}: {done}");
        assert!(!done.stderr.contains("detached-child"), "{word}: {done}");
    }
    for word in ["--detached", "--while", "--detached-chil"] {
        let done = sandbox.azup(["up", word]);
        assert_eq!(done.code, 2, "{word}: {done}");
        let tips = done.stderr.lines().skip(1).collect::<String>();
        assert!(
            !tips.contains("detached-child") && !tips.contains("while-used"),
            "{done}"
        );
    }
    // A typo gets a tip, but never one that deletes, and never one that only looks similar.
    for (word, tip) in [
        ("statsu", Some("'status'")),
        ("resett", None),
        ("untrst", None),
        ("rest", None),
        ("open", None),
    ] {
        let done = sandbox.azup([word]);
        let tips = done.stderr.lines().filter(|line| line.contains("tip:"));
        let tips = tips.collect::<String>();
        assert_eq!(tips.is_empty(), tip.is_none(), "{word}: {done}");
        assert!(tips.ends_with(tip.unwrap_or_default()), "{word}: {done}");
    }
    assert!(!sandbox.own().exists());
}

/// The words of other tools get azup's answer, and the commands in it are real.
#[test]
fn what_people_guess_is_answered() {
    let sandbox = Sandbox::new();
    let answers = [
        ("install", "azup init"),
        ("uninstall", "azup untrust"),
        ("ps", "azup status"),
        ("purge", "azup reset"),
        ("exec", "azup run -- COMMAND"),
        ("connection-string", "azup env NAME"),
        ("certs", "azup renew"),
        ("upgrade", "pipx"),
    ];
    let commands = commands(&sandbox);
    for (word, answer) in answers {
        let done = sandbox.azup([word]);
        assert_eq!(done.code, 2, "{word}: {done}");
        let tip = done
            .stderr
            .lines()
            .find_map(|line| line.trim().strip_prefix("tip: "));
        let tip = tip.unwrap_or_else(|| panic!("{word}: {done}"));
        assert!(tip.contains(answer), "{word}: {done}");
        if let Some(name) = answer.strip_prefix("azup ") {
            let name = name.split(' ').next().unwrap();
            assert!(commands.iter().any(|known| known == name), "{name}");
        }
    }
    assert!(!sandbox.own().exists());
}

fn commands(sandbox: &Sandbox) -> Vec<String> {
    let help = sandbox.azup(["--help"]).ok().stdout;
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let (list, _) = list.split_once("\n\n").unwrap();
    let word = |line: &str| line.split_whitespace().next().unwrap().to_owned();
    list.lines().map(word).collect()
}

/// The versions that the clients' pages call tested are those in the tests.
#[test]
fn the_pages_of_clients_name_the_versions_that_are_tested() {
    let python = include_str!("../requirements.txt");
    let run = include_str!("../parts.sh");
    let go = include_str!("../go-client/go.mod");
    let java = include_str!("../java-client/pom.xml");
    let after = |text: &str, start: &str| {
        let rest = text.split_once(start).expect(start).1;
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
        rest[..end.unwrap_or(rest.len())].to_owned()
    };
    let dotnet = include_str!("../dotnet-client/client.csproj");
    let dotnet = after(dotnet, "\"Azure.Identity\" Version=\"");
    let row = format!("| .NET, Azure.Identity {dotnet} | the vault's token (tested) |");
    assert!(
        include_str!("../../docs/clients/README.md").contains(&row),
        "{row}"
    );
    for (page, name, version) in [
        (
            include_str!("../../docs/clients/python.md"),
            "azure-identity:",
            after(python, "\nazure-identity=="),
        ),
        (
            include_str!("../../docs/clients/python.md"),
            "azure-storage-blob,",
            after(python, "\nazure-storage-blob=="),
        ),
        (
            include_str!("../../docs/clients/javascript.md"),
            "@azure/identity:",
            after(run, "@azure/identity@"),
        ),
        (
            include_str!("../../docs/clients/go.md"),
            "azidentity:",
            after(go, "/azidentity v"),
        ),
        (
            include_str!("../../docs/clients/java.md"),
            "azure-identity:",
            after(
                java,
                "<artifactId>azure-identity</artifactId>\n      <version>",
            ),
        ),
    ] {
        let line = page
            .lines()
            .find(|line| line.starts_with(&format!("| {name}")));
        let line = line.expect(name);
        assert!(line.contains(&format!("| {version}")), "{version}: {line}");
        assert!(line.ends_with("| tested |"), "{line}");
        let all = include_str!("../../docs/clients/README.md");
        assert!(name != "azidentity:" || all.contains(&format!("azidentity {version} ")));
    }
}
