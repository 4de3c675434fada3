//! The only place that prints. Standard output is the answer (a table, JSON, a token); progress,
//! warnings and errors go to standard error. With `--json` there is exactly one document on
//! standard output, even if the command fails.
//!
//! Much of the text comes from elsewhere: a line of a file, the name in a certificate, a program's
//! error message. A terminal would obey control characters in it, so everything except line breaks
//! and tabs is made visible here, and colours are added after that.

mod visible;

use std::io::{IsTerminal as _, Write as _};

use anstream::adapter::strip_str;
use anstream::stream::{AsLockedWrite, RawStream};
use anstream::{AutoStream, ColorChoice};
use anyhow::Result;
use serde_json::{Value, json};

use crate::advice::Given;
use crate::failure::{Exit, Failure, is_unseen, reason};
use crate::options::{Color, Global};
use visible::{Style, visible};

/// Prints what a command reports, in the form that the user chose.
#[derive(Clone, Copy, Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a choice of the user's, and none follows from another"
)]
pub struct Output {
    json: bool,
    quiet: bool,
    verbose: bool,
    asks: bool,
    given: &'static Given,
}

/// What a command reports when it is done, for people and for programs.
#[derive(Debug)]
pub struct Answer {
    /// For people, with its line breaks; colour is removed if it is not wanted.
    pub text: String,
    /// The one line that replaces it with `-q`.
    pub brief: Option<String>,
    /// For programs: an object, to which `"version": 1` is added.
    pub document: Value,
    /// How it ended.
    pub exit: Exit,
}

impl Output {
    /// Sets the colour for the whole process and reads `--json`, `-q` and `-v`.
    pub fn new(global: &Global) -> Self {
        match global.color {
            Color::Auto => {}
            Color::Always => ColorChoice::Always.write_global(),
            Color::Never => ColorChoice::Never.write_global(),
        }
        Self {
            json: global.json,
            quiet: global.quiet,
            verbose: global.verbose,
            asks: !global.no_input
                && !global.json
                && std::io::stdin().is_terminal()
                && std::io::stderr().is_terminal(),
            // One for the whole process.
            given: Box::leak(Box::new(Given::of(global))),
        }
    }

    /// A command to paste, with the options that were given.
    pub fn advice(self, command: &str) -> String {
        self.given.in_command(command)
    }

    /// Whether the answer must be one JSON document.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// The same without progress and hints, for a step that the user did not ask for.
    pub fn silent(self) -> Self {
        Self {
            quiet: true,
            ..self
        }
    }

    /// Prints failures that do not stop the command.
    pub fn warn_all(self, failures: &[Failure]) {
        for failure in failures {
            self.warning(&failure.to_string());
            if let Some(hint) = failure.own_hint() {
                self.hint(hint);
            }
        }
    }

    /// Whether details are wanted (`-v`).
    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Asks a yes-or-no question if there is a terminal; anything but a yes is a no. `None`: there
    /// is no terminal, or `--no-input` was given.
    pub fn confirm(self, question: &str) -> Option<bool> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        Some(matches!(&*answer.to_lowercase(), "y" | "yes"))
    }

    /// Lets a person choose one of `names`, counted from zero. `None` as for
    /// [`Output::confirm`], or if the answer is not a number in the list.
    pub fn choose(self, question: &str, names: &[String]) -> Option<usize> {
        if !self.asks {
            return None;
        }
        for (number, name) in names.iter().enumerate() {
            err(&format!("  {} {name}\n", number + 1));
        }
        let answer: usize = self
            .ask(&format!("{question} "))
            .and_then(|text| text.parse().ok())?;
        answer.checked_sub(1).filter(|number| *number < names.len())
    }

    /// One line from the terminal.
    fn ask(self, prompt: &str) -> Option<String> {
        if !self.asks {
            return None;
        }
        err(prompt);
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    }

    /// Prints the answer for people. Nothing is added to `text`; with `--json` or `-q` it is not
    /// printed.
    pub fn answer(self, text: &str) -> Result<()> {
        if self.json || self.quiet {
            return Ok(());
        }
        out(text)
    }

    /// Prints an answer that is the command's whole purpose (a token): even with `-q`, and
    /// unchanged if a program reads it.
    pub fn value(self, text: &str) -> Result<()> {
        if self.json {
            return Ok(());
        }
        if std::io::stdout().is_terminal() {
            return out(text);
        }
        as_it_is(text)
    }

    /// Prints the answer for programs: `document` with `"version": 1` in front. Only with `--json`.
    pub fn document(self, document: &Value) -> Result<()> {
        if !self.json {
            return Ok(());
        }
        let mut whole = json!({ "version": 1 });
        if let (Some(whole), Some(fields)) = (whole.as_object_mut(), document.as_object()) {
            whole.extend(fields.clone());
        }
        out_json(&whole)
    }

    /// Prints a command's answer in the form that the user chose.
    pub fn give(self, answer: &Answer) -> Result<()> {
        match &answer.brief {
            Some(line) if self.quiet && !self.json => out(line)?,
            _ => self.answer(&answer.text)?,
        }
        self.document(&answer.document)
    }

    /// The same for a command that continues after its answer, even if that could not be printed:
    /// an Azurite that runs is worth more than the lines about it. Later output is for people, on
    /// standard error, since with `--json` there is only one document.
    pub fn give_and_go_on(self, answer: &Answer) -> Self {
        if let Err(error) = self.give(answer) {
            self.warning(&format!("{error:#}"));
        }
        Self {
            json: false,
            ..self
        }
    }

    /// Reports progress, for a command that takes a while.
    pub fn progress(self, text: &str) {
        if !self.quiet {
            err(&format!("{text}\n"));
        }
    }

    /// Something that the user should know although the command continues.
    pub fn warning(self, text: &str) {
        say(Style::Warning, text);
    }

    /// Something that failed although the command continues.
    pub fn error(self, text: &str) {
        say(Style::Error, text);
    }

    /// One command to paste.
    pub fn hint(self, text: &str) {
        if !self.quiet {
            say(Style::Hint, &self.advice(text));
        }
    }

    /// The command that fixes an error: printed even with `-q`, like the error itself.
    pub fn remedy(self, text: &str) {
        say(Style::Hint, &self.advice(text));
    }

    /// Details that only `-v` shows.
    pub fn detail(self, text: &str) {
        if self.verbose {
            err(&format!("{text}\n"));
        }
    }

    /// A failure in words (`error: …`, then `hint: …`), and as a document with `--json`. Returns
    /// the exit code.
    pub fn failure(self, error: &anyhow::Error) -> Exit {
        let exit = Failure::exit_of(error);
        let hint = Failure::hint_of(error).map(|hint| self.advice(hint));
        say(Style::Error, &format!("{error:#}"));
        let snippet = Failure::snippet_of(error);
        if let Some(snippet) = snippet {
            err(&format!("{}\n", snippet.trim_end()));
        }
        if let Some(hint) = &hint {
            say(Style::Hint, hint);
        }
        let mut about = json!({
            "message": format!("{error:#}"), "hint": hint, "exit": exit.code()
        });
        if let Some(snippet) = snippet {
            about["snippet"] = json!(snippet);
        }
        // It is already on standard error, and the exit code says so, too.
        let _ = self.document(&json!({ "error": about }));
        exit
    }
}

/// A word for success, in green if colour is on.
pub fn good(text: &str) -> String {
    Style::Good.mark(text)
}

/// A word that asks for attention, in yellow.
pub fn fair(text: &str) -> String {
    Style::Fair.mark(text)
}

/// A word for failure, in red.
pub fn bad(text: &str) -> String {
    Style::Bad.mark(text)
}

/// A unified diff with coloured lines, or any other preview unchanged.
pub fn coloured_diff(diff: &str) -> String {
    diff.lines()
        .map(|line| match line.as_bytes().first() {
            Some(b'+') => format!("{}\n", Style::Good.mark(line)),
            Some(b'-') => format!("{}\n", Style::Bad.mark(line)),
            Some(b'@') => format!("{}\n", Style::Place.mark(line)),
            _ => format!("{line}\n"),
        })
        .collect()
}

/// A reader that has seen enough (`azup … | head`) is not an error, so a broken pipe is ignored. A
/// full disk is one: half a token in a file is worse than none.
fn out(text: &str) -> Result<()> {
    let stream = std::io::stdout().lock();
    let text = visible(text, wants_colour(&stream));
    written(write(stream, &text))
}

/// Unchanged, for a program that reads it.
fn as_it_is(text: &str) -> Result<()> {
    written(write(std::io::stdout().lock(), text))
}

/// The same value without any character that a terminal would obey.
fn out_json(document: &Value) -> Result<()> {
    let mut text = String::new();
    for c in format!("{document:#}\n").chars() {
        if c != '\n' && is_unseen(c) {
            text += &format!("\\u{:04x}", u32::from(c));
        } else {
            text.push(c);
        }
    }
    as_it_is(&text)
}

fn written(done: std::io::Result<()>) -> Result<()> {
    match done {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            let what = format!("cannot write to standard output: {}", reason(&error));
            Err(Failure::new(what).into())
        }
        _ => Ok(()),
    }
}

/// A sentence after the word for its kind. If it has more lines, none of them can pass for a
/// sentence of its own.
fn say(style: Style, text: &str) {
    let word = match style {
        Style::Warning => "warning:",
        Style::Hint => "hint:",
        _ => "error:",
    };
    let text = text.trim_end().replace('\n', "\n  ");
    err(&format!("{} {text}\n", style.mark(word)));
}

/// If standard error cannot be written, the failure cannot be reported either.
fn err(text: &str) {
    let stream = std::io::stderr().lock();
    let text = visible(text, wants_colour(&stream));
    let _ = write(stream, &text);
}

fn wants_colour(stream: &impl RawStream) -> bool {
    AutoStream::choice(stream) != ColorChoice::Never
}

/// Writes everything at once: anstream's own stream makes one system call per line.
fn write<S: RawStream + AsLockedWrite>(stream: S, text: &str) -> std::io::Result<()> {
    let mut stream = AutoStream::new(stream, ColorChoice::AlwaysAnsi);
    stream.write_all(text.as_bytes())?;
    stream.flush()
}

/// Prints help or the version, with colours if they are wanted.
pub fn help(styled: &str) -> Exit {
    let stream = std::io::stdout().lock();
    let text = if wants_colour(&stream) {
        styled.to_owned()
    } else {
        strip_str(styled).to_string()
    };
    match written(write(stream, &text)) {
        Ok(()) => Exit::Done,
        Err(error) => {
            say(Style::Error, &format!("{error:#}"));
            Exit::Failed
        }
    }
}

/// Prints what is wrong with the command line, in colour and without. With `--json` among the
/// words it is also a document.
pub fn usage(styled: &str, plain: &str) -> Exit {
    // It quotes words that a script may have made from anything.
    let stream = std::io::stderr().lock();
    let odd = |word: std::ffi::OsString| word.to_string_lossy().chars().any(is_unseen);
    let text = if wants_colour(&stream) && !std::env::args_os().any(odd) {
        styled.to_owned()
    } else {
        visible(plain, false)
    };
    let _ = write(stream, &text);
    if std::env::args_os().any(|word| word == "--json") {
        let message = plain.lines().next().unwrap_or_default();
        let message = message.strip_prefix("error: ").unwrap_or(message);
        let _ = out_json(&json!({
            "version": 1,
            "error": { "message": message, "hint": "azup --help", "exit": Exit::Usage.code() }
        }));
    }
    Exit::Usage
}
