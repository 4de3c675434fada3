//! Azurite's command line as compose files write it: read, completed, and written again for the
//! shell. The words keep their variables, since compose reads the overlay as well.

use serde_json::Value;

use super::text::closing_brace;

/// The programs of Azurite's image, and which of blob, queue and table each runs.
const PROGRAMS: [(&str, [bool; 3]); 5] = [
    ("azurite", [true, true, true]),
    ("azurite.js", [true, true, true]),
    ("azurite-blob", [true, false, false]),
    ("azurite-queue", [false, true, false]),
    ("azurite-table", [false, false, true]),
];

/// Flags without a value; every other flag has one.
const SWITCHES: [&str; 10] = [
    "-s",
    "--silent",
    "-L",
    "--loose",
    "--skipApiVersionCheck",
    "--disableProductStyleUrl",
    "--disableTelemetry",
    "--inMemoryPersistence",
    "-v",
    "-h",
];

/// A word of a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Contains a compose variable outside quotes, which may become several words.
    open: bool,
}

impl Word {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            open: false,
        }
    }
}

/// A command line that starts Azurite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    program: Vec<Word>,
    flags: Vec<Word>,
    /// Whether blob, queue and table run.
    pub(super) runs: [bool; 3],
}

impl Line {
    /// What the image runs by default (its Dockerfile's `CMD`).
    pub(super) fn of_the_image() -> Self {
        let words = "azurite -l /data --blobHost 0.0.0.0 --queueHost 0.0.0.0 --tableHost 0.0.0.0";
        let mut words = words.split(' ').map(Word::new);
        Self {
            program: words.by_ref().take(1).collect(),
            flags: words.collect(),
            runs: [true; 3],
        }
    }

    /// Reads a command line: Azurite itself, or a shell that does nothing but start it. `None` if
    /// it is something else.
    pub(super) fn read(words: &[Word]) -> Option<Self> {
        let mut words = words;
        while let [first, rest @ ..] = words {
            let skipped =
                ["docker-entrypoint.sh", "tini", "--", "exec"].contains(&base(&first.text));
            if !skipped {
                break;
            }
            words = rest;
        }
        if let [shell, switch, script] = words
            && ["sh", "ash", "bash"].contains(&base(&shell.text))
            && ["-c", "-ec", "-lc"].contains(&switch.text.as_str())
        {
            let plain = !script
                .text
                .contains([';', '|', '&', '<', '>', '(', ')', '`'])
                && !script.text.contains("$$")
                && !script.text.trim().contains('\n');
            return plain.then(|| Self::read(&split(&script.text)?)).flatten();
        }
        if words.first().is_some_and(|word| word.text.starts_with('-')) {
            // The image's entrypoint would pass them to node.
            return Some(Self {
                program: vec![Word::new("azurite")],
                flags: words.to_vec(),
                runs: [true; 3],
            });
        }
        let runner = words
            .iter()
            .take_while(|word| ["node", "npx", "-y", "--yes"].contains(&base(&word.text)))
            .count();
        let name = base(&words.get(runner)?.text);
        let (_, runs) = PROGRAMS.iter().find(|(program, _)| *program == name)?;
        Some(Self {
            program: words[..=runner].to_vec(),
            flags: words[runner + 1..].to_vec(),
            runs: *runs,
        })
    }

    /// The position of a flag, and of its value if that is a separate word.
    fn at(&self, names: &[&str]) -> Option<usize> {
        let mut at = self.flags.len();
        // The last one counts.
        while at > 0 {
            at -= 1;
            let text = self.flags[at].text.as_str();
            let name = text.split_once('=').map_or(text, |(name, _)| name);
            if names.contains(&name) && !self.is_value(at) {
                return Some(at);
            }
        }
        None
    }

    /// Whether the word at `at` is the value of the flag before it.
    fn is_value(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1).map(|at| &self.flags[at].text) else {
            return false;
        };
        before.starts_with('-')
            && !before.contains('=')
            && !SWITCHES.contains(&before.as_str())
            && !self.flags[at].text.starts_with('-')
    }

    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.at(names).is_some()
    }

    /// The value of a flag, variables included; empty if it has none.
    pub(super) fn value(&self, names: &[&str]) -> Option<&str> {
        let at = self.at(names)?;
        if let Some((_, value)) = self.flags[at].text.split_once('=') {
            return Some(value);
        }
        let next = self.flags.get(at + 1);
        Some(
            next.filter(|_| self.is_value(at + 1))
                .map_or("", |word| &word.text),
        )
    }

    /// Removes every occurrence of a flag.
    pub(super) fn remove(&mut self, names: &[&str]) {
        while let Some(at) = self.at(names) {
            if at + 1 < self.flags.len() && self.is_value(at + 1) {
                self.flags.remove(at + 1);
            }
            self.flags.remove(at);
        }
    }

    /// Sets a flag to this value, in its old place if it had one.
    pub(super) fn set(&mut self, names: &[&str], value: &str) {
        let at = self.at(names).unwrap_or(self.flags.len());
        self.remove(names);
        let at = at.min(self.flags.len());
        let words = [names[0], value].map(Word::new);
        self.flags.splice(at..at, words);
    }

    /// Adds a flag, with its value as the next word.
    pub(super) fn push(&mut self, words: &[&str]) {
        self.flags.extend(words.iter().map(|word| Word::new(*word)));
    }

    /// Everything, as a line for the shell.
    pub(super) fn for_shell(&self) -> String {
        let words = self.program.iter().chain(&self.flags);
        words.map(for_shell).collect::<Vec<_>>().join(" ")
    }

    /// Everything, word by word.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        let words = self.program.iter().chain(&self.flags);
        words.map(|word| word.text.as_str())
    }

    /// Whether a variable may stand for flags that are unknown here.
    pub(super) fn is_open(&self) -> bool {
        let mut at = 0..self.flags.len();
        at.any(|at| self.flags[at].open && !self.is_value(at))
    }
}

fn base(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

fn for_shell(word: &Word) -> String {
    let plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(c, '_' | '.' | '/' | ':' | '=' | '@' | '%' | '+' | ',' | '-')
    };
    if word.open || (!word.text.is_empty() && word.text.chars().all(plain)) {
        return word.text.clone();
    }
    format!("'{}'", word.text.replace('\'', r"'\''"))
}

/// The words of `command` or `entrypoint`: a list, or a string that compose splits. `None` if its
/// quotes do not match.
pub(super) fn words(value: &Value) -> Option<Vec<Word>> {
    match value {
        Value::Array(items) => Some(
            items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Word::new(text),
                    other => Word::new(other.to_string()),
                })
                .collect(),
        ),
        Value::String(text) => split(text),
        _ => None,
    }
}

/// Splits as compose does: by the shell's quoting rules, and none of its other rules.
fn split(text: &str) -> Option<Vec<Word>> {
    let mut words = Vec::new();
    let mut word: Option<Word> = None;
    let mut quote: Option<char> = None;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        let now = |word: &mut Option<Word>, text: &str| {
            word.get_or_insert_with(|| Word::new(""))
                .text
                .push_str(text);
        };
        match (quote, c) {
            (_, '$') => {
                let variable = variable(rest);
                taken = if rest.starts_with("$$") {
                    2
                } else {
                    variable.max(1)
                };
                now(&mut word, &rest[..taken]);
                if variable > 0
                    && quote.is_none()
                    && let Some(word) = &mut word
                {
                    word.open = true;
                }
            }
            (Some(open), _) if c == open => quote = None,
            (Some('"') | None, '\\') => {
                let next = rest[1..].chars().next()?;
                taken += next.len_utf8();
                let special = quote.is_none() || matches!(next, '"' | '\\');
                if next == '\n' && quote.is_none() {
                    words.extend(word.take());
                } else {
                    now(&mut word, &rest[usize::from(special)..taken]);
                }
            }
            (None, '\'' | '"') => {
                quote = Some(c);
                now(&mut word, "");
            }
            (None, c) if c.is_ascii_whitespace() => words.extend(word.take()),
            _ => now(&mut word, &rest[..taken]),
        }
        rest = &rest[taken..];
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// The length of the compose variable that `text` begins with: `$X`, `${X:-a b}`. 0 if it is only a
/// dollar sign.
fn variable(text: &str) -> usize {
    let after = &text[1..];
    if after.starts_with('{') {
        return closing_brace(after).map_or(0, |end| end + 2);
    }
    let name = after
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(after.len());
    if name > 0 { name + 1 } else { 0 }
}
