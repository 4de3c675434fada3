//! Completions and manual pages, read by the shells and by a manual page formatter.

use crate::sandbox::{Done, Sandbox, azup, write_program};

/// What bash offers after these words.
fn offered_by_bash(sandbox: &Sandbox, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let program = format!(
        r#"set -eu; source completions.bash
        COMP_WORDS=({line}) COMP_CWORD={last} COMP_LINE="{line}" COMP_POINT=${{#COMP_LINE}}
        COMP_WORDS+=(); _azup azup "{word}" "" || true
        printf '%s\n' "${{COMPREPLY[@]}}""#,
        last = words.len() - 1,
        word = words.last().unwrap(),
    );
    let mut bash = sandbox.command("bash");
    Done::from(bash.args(["-c", &program]).output().unwrap())
        .ok()
        .stdout
}

#[test]
fn bash_completes_commands_and_options() {
    let sandbox = Sandbox::new();
    let script = sandbox.azup(["completions", "bash"]).ok().stdout;
    sandbox.write("completions.bash", script);
    assert_eq!(offered_by_bash(&sandbox, "azup untr"), "untrust\n");
    assert_eq!(offered_by_bash(&sandbox, "azup trust --dry"), "--dry-run\n");
    let all = offered_by_bash(&sandbox, "azup trust --ca");
    assert!(all.starts_with("--ca\n"), "{all}");
    let hidden = sandbox.azup(["completions", "bash"]).ok().stdout;
    assert!(hidden.contains("untrust"));
}

#[test]
fn zsh_and_fish_read_their_completions() {
    let sandbox = Sandbox::new();
    for shell in ["zsh", "fish"] {
        let script = sandbox.azup(["completions", shell]).ok().stdout;
        let file = sandbox.write(format!("completions.{shell}"), script);
        let mut check = sandbox.command(shell);
        Done::from(check.arg("-n").arg(file).output().unwrap()).ok();
    }
    let mut fish = sandbox.command("fish");
    fish.args(["-c", "source completions.fish; complete -C 'azup untr'"]);
    let offered = Done::from(fish.output().unwrap()).ok().stdout;
    assert!(offered.starts_with("untrust\t"), "{offered}");
}

/// Completion must not run anything. An azup that logs its runs comes first on PATH while each
/// shell loads its script and completes the line with the most candidates.
#[test]
fn completions_run_nothing_and_offer_nothing_hidden() {
    let mut sandbox = Sandbox::new();
    for shell in ["fish", "zsh", "bash"] {
        let script = sandbox.azup(["completions", shell]).ok().stdout;
        for hidden in ["detached-child", "while-used"] {
            assert!(!script.contains(hidden), "{shell}: {hidden}");
        }
        sandbox.write(format!("completions.{shell}"), script);
    }
    let log = sandbox.project().join("log");
    let note = format!("#!/bin/sh\necho \"$0 $*\" >> {}\n", log.display());
    let folder = sandbox.root().join("noting");
    std::fs::create_dir(&folder).unwrap();
    write_program(&folder.join("azup"), &note);
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));

    let lines = [
        "azup ",
        "azup env --",
        "azup env --format ",
        "azup token --",
        "azup up --",
    ];
    for line in lines {
        let script = format!("source completions.fish; complete -C '{line}'");
        let done = sandbox.run("fish", ["-c", &script]).ok();
        assert_eq!(done.stderr, "", "{line}");
        assert!(!done.stdout.is_empty(), "{line}");
        assert!(!offered_by_bash(&sandbox, line).trim().is_empty(), "{line}");
    }
    let script = "source completions.fish; complete -C 'azup run --json'";
    assert_eq!(sandbox.run("fish", ["-c", script]).ok().stdout, "");
    // zsh completes only in a terminal: here zsh itself types into one.
    let script = "zmodload zsh/zpty; zpty shell zsh -f; \
        zpty -w shell 'PS1=; autoload -U compinit; compinit -D -u; . ./completions.zsh'; \
        zpty -n -w shell $'azup env --format \\t'; \
        zpty -m -r shell text '*functions*powershell*shell*'; print -r -- $text; zpty -d shell";
    let zsh = sandbox.run("zsh", ["-fc", script]).ok();
    assert!(zsh.stdout.contains("powershell"), "{zsh}");
    let called = std::fs::read_to_string(&log).unwrap_or_default();
    assert_eq!(called, "");
    // A run of azup is logged.
    sandbox.run("sh", ["-c", "azup env"]).ok();
    assert!(log.exists());
}

/// There is no PowerShell here. What is shown is that its script is made of words between single
/// quotation marks, in which it looks for nothing, and that around them nothing is called but what
/// registers the completions.
#[test]
fn powershell_stand_in_finds_nothing_to_run_in_its_completions() {
    let script = Sandbox::new()
        .azup(["completions", "powershell"])
        .ok()
        .stdout;
    let mut parts = script.split('\'');
    let outside: String = parts.by_ref().step_by(2).collect();
    assert_eq!(script.matches('\'').count() % 2, 0, "every word ends");
    for calls in ["`", "$(", "& ", "Invoke", "iex", "Start-Process", "azup"] {
        assert!(!outside.contains(calls), "{calls}: {outside}");
    }
    assert!(outside.contains("Register-ArgumentCompleter"));
}

#[test]
fn every_command_has_a_manual_page() {
    let sandbox = Sandbox::new();
    let one = sandbox.azup(["man"]).ok().stdout;
    let would = sandbox.azup(["man", "--output", "pages", "--dry-run"]).ok();
    assert!(would.stdout.contains("pages/azup-trust.1"), "{would}");
    assert!(!sandbox.project().join("pages").exists());
    sandbox.azup(["man", "--output", "pages"]).ok();
    let pages = sandbox.project().join("pages");
    assert_eq!(std::fs::read_to_string(pages.join("azup.1")).unwrap(), one);
    let help = sandbox.azup(["--help"]).ok().stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .collect();
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        let page = pages.join(format!("azup-{command}.1"));
        let mut formatter = sandbox.command("mandoc");
        formatter.args(["-T", "ascii"]).arg(page);
        let text = Done::from(formatter.output().unwrap()).ok().stdout;
        // Bold letters are overstruck in the text.
        let plain = regex_lite::Regex::new(".\u{8}")
            .unwrap()
            .replace_all(&text, "")
            .into_owned();
        assert!(plain.contains(&format!("azup {command}")), "{plain}");
    }
}

/// The commands of README, and then a new shell.
#[test]
fn the_commands_of_the_readme_install_completions_and_pages() {
    let mut sandbox = Sandbox::new();
    let folder = azup().parent().unwrap().to_owned();
    sandbox.set("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    let readme = include_str!("../../docs/commands.md");
    let (_, section) = readme
        .split_once("## Completions and manual pages")
        .unwrap();
    let (_, block) = section.split_once("```sh\n").unwrap();
    let (commands, _) = block.split_once("```").unwrap();
    sandbox.run("sh", ["-euc", commands]).ok();

    // bash-completion reads the file with the program's name there.
    let installed = "~/.local/share/bash-completion/completions/azup";
    let script = format!(". {installed}; complete -p azup");
    let bash = sandbox.run("bash", ["-euc", &script]).ok();
    assert!(bash.stdout.contains("-F _azup"), "{bash}");
    let script = "fpath+=~/.zfunc; autoload -U compinit; compinit -u; print $_comps[azup]";
    let zsh = sandbox.run("zsh", ["-fc", script]).ok();
    assert_eq!(zsh.stdout, "_azup\n");
    let fish = sandbox.run("fish", ["-c", "complete -C 'azup untr'"]).ok();
    assert!(fish.stdout.starts_with("untrust\t"), "{fish}");
    let pages = sandbox.home().join(".local/share/man");
    let pages = pages.to_str().unwrap();
    let page = sandbox.run("mman", ["-M", pages, "-w", "azup-trust"]).ok();
    assert!(page.stdout.ends_with("/man1/azup-trust.1\n"), "{page}");
}
