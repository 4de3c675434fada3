//! Variables as text that a shell or a program reads back unchanged.

mod dotenv;

use anyhow::Result;
use serde_json::{Map, Value};

pub use dotenv::line_alone as dotenv_line;

use super::{Environment, Variable};
use crate::failure::Failure;
use crate::options::Format;

/// The variables in `format`, with its line endings. Adds a warning to `environment` for a value
/// that readers of `.env` files interpret differently.
pub fn written(environment: &mut Environment, format: Format) -> Result<String> {
    let mut text = String::new();
    let mut values = Map::new();
    for Variable { name, value } in &environment.variables {
        let value = match value {
            None => None,
            Some(value) => Some(value.to_str().ok_or_else(|| {
                Failure::new(format!("{name} is not UTF-8: {}", value.display()))
                    .hint("azup run -- sh")
            })?),
        };
        match (format, value) {
            (Format::Shell, Some(value)) => {
                text += &format!("export {name}='{}'\n", value.replace('\'', r"'\''"));
            }
            (Format::Shell, None) => text += &format!("unset {name}\n"),
            (Format::Fish, Some(value)) => {
                let value = value.replace('\\', r"\\").replace('\'', r"\'");
                text += &format!("set -gx {name} '{value}';\n");
            }
            (Format::Fish, None) => text += &format!("set -e {name};\n"),
            (Format::Powershell, Some(value)) => {
                text += &format!("$env:{name} = '{}'\n", powershell(value));
            }
            (Format::Powershell, None) => text += &format!("$env:{name} = $null\n"),
            (Format::Dotenv, Some(value)) => {
                let (line, alike) = dotenv::line(name, value);
                text += &line;
                if !alike {
                    environment.warnings.push(Failure::new(format!(
                        "{name} has characters that programs read differently from a .env file"
                    )));
                }
            }
            (Format::Dotenv, None) => {}
            (Format::Json | Format::Functions, value) => {
                values.insert((*name).to_owned(), value.into());
            }
        }
    }
    if format == Format::Json {
        text = format!("{:#}\n", Value::Object(values));
    }
    Ok(text)
}

/// Inside single quotes, only single quotes (including typographic ones) end the string; each is
/// doubled.
fn powershell(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        if matches!(c, '\'' | '\u{2018}'..='\u{201b}') {
            text.push(c);
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What PowerShell makes of a text in single quotes, by the rule in its tokenizer. A
    /// stand-in for PowerShell itself, which this machine does not have.
    fn stand_in_for_powershell(line: &str) -> String {
        let is_quote = |c: &char| matches!(c, '\'' | '\u{2018}'..='\u{201b}');
        let start = line.find('\'').expect("a mark");
        let mut rest = line[start + 1..].chars().peekable();
        let mut value = String::new();
        loop {
            let c = rest.next().expect("a mark");
            if is_quote(&c) && rest.next_if(is_quote).is_none() {
                assert_eq!(rest.collect::<String>(), "\n");
                return value;
            }
            value.push(c);
        }
    }

    #[test]
    fn a_stand_in_for_powershell_reads_every_value_back() {
        for value in [
            "plain",
            "it's $HOME `x` \"y\" \\z",
            "‘typo’ ‚graphic‛",
            "a\nb\r\nc",
            "",
        ] {
            let mut environment = Environment::default();
            environment.set("NO_PROXY", value);
            let text = written(&mut environment, Format::Powershell).expect("text");
            assert_eq!(stand_in_for_powershell(&text), value);
        }
    }
}
