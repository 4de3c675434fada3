//! Variables as text that a shell, a program or the Functions host reads back as exactly
//! the same.

mod dotenv;

use anyhow::Result;
use jsonc_parser::{JsonValue, ParseOptions, parse_to_value};
use serde_json::{Map, Value, json};

use super::{Environment, Variable};
use crate::azurite::{Account, Ports};
use crate::cli::Format;
use crate::failure::Failure;
use crate::files;
use crate::machine::Machine;

/// The settings file of a Functions project.
const SETTINGS: &str = "local.settings.json";

/// The settings by which the Functions host reaches each service.
const SERVICE_URIS: [&str; 3] = [
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsStorage__queueServiceUri",
    "AzureWebJobsStorage__tableServiceUri",
];

/// What the Functions host prefers to those, so that they would have no effect.
const OVERRIDING: [&str; 2] = ["AzureWebJobsStorage", "AzureWebJobsStorage__accountName"];

/// The variables in `format`, with its line ends. Adds a warning to `environment` for a
/// value that not every reader of `.env` files takes for the same.
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

/// Inside of single quotes only those end the text, among them the typographic ones, and
/// each is doubled.
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

/// A `local.settings.json` with which the Functions host uses this Azurite.
pub fn functions(account: &Account, ports: Ports) -> String {
    let mut values = Map::new();
    for (name, (_, port)) in SERVICE_URIS.into_iter().zip(ports.services()) {
        values.insert(name.to_owned(), account.url(port).into());
    }
    format!("{:#}\n", json!({ "IsEncrypted": false, "Values": values }))
}

/// The settings in this folder's `local.settings.json` that override those of
/// [`functions`].
pub fn functions_warnings(machine: &Machine) -> Vec<Failure> {
    let path = machine.absolute(SETTINGS.as_ref());
    let Ok(Some(bytes)) = files::read_if_there(&path) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&bytes);
    let Ok(settings) = parse_to_value(&text, &ParseOptions::default()) else {
        let why = format!("{SETTINGS} is no JSON: it was not looked at");
        return vec![Failure::new(why)];
    };
    let Some(JsonValue::Object(settings)) = settings else {
        return Vec::new();
    };
    let Some(values) = settings.get_object("Values") else {
        return Vec::new();
    };
    OVERRIDING
        .into_iter()
        .filter(|name| values.get(name).is_some())
        .map(|name| {
            Failure::new(format!(
                "{name} in {SETTINGS} comes before these settings: delete it there"
            ))
        })
        .collect()
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
