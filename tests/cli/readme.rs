//! README and `--help` say what the program does, and nothing that it does not.

use clap::Parser as _;

use crate::sandbox::Sandbox;

/// Every `azup …` in a code block is a command line that azup understands.
#[test]
fn the_readmes_commands_are_commands() {
    let readme = include_str!("../../README.md");
    let mut seen = 0;
    let blocks = readme.split("```").skip(1).step_by(2);
    let inline = readme
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| !text.contains('\n'));
    for line in blocks.flat_map(str::lines).chain(inline) {
        let line = line.split(['#', '>']).next().unwrap().trim();
        let words: Vec<&str> = line.split_whitespace().collect();
        let words = match words.as_slice() {
            ["azup", rest @ ..] if !rest.is_empty() => rest,
            ["cargo", "run", "--release", "--", rest @ ..] => rest,
            _ => continue,
        };
        let parsed = azurite_up::cli::Cli::try_parse_from(["azup"].iter().chain(words));
        assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} commands were found in the README");
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

/// The word alone is a question, not a mistake to be lectured on.
#[test]
fn azup_alone_shows_its_help() {
    let sandbox = Sandbox::new();
    let done = sandbox.azup::<&str>([]);
    assert_eq!(done.code, 2, "{done}");
    let help = sandbox.azup(["--help"]).ok().stdout;
    assert_eq!((&*done.stdout, done.stderr.trim()), ("", help.trim()));
}
