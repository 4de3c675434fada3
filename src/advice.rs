//! The commands that azup tells people to run. The code that finds a fault does not know which
//! options were given; here, where the command is printed, it gets those that it needs to mean the
//! same certificates and the same stores.

use std::ffi::OsStr;

use crate::failure::quoted;
use crate::options::Global;

/// The commands that look for trust stores, and those that use a certificate set.
const STORES: &[&str] = &["init", "trust", "untrust", "renew", "doctor", "status"];
const CERTS: &[&str] = &["init", "trust", "untrust", "renew", "doctor", "up", "restart", "run", "env"];

/// The options that were typed. Those set by a variable also apply to the next command.
#[derive(Debug, Default)]
pub struct Given {
    certs: String,
    stores: String,
}

impl Given {
    /// Which of the options were typed.
    pub fn of(global: &Global) -> Self {
        let mut this = Self::default();
        let option = |name: &str, value: &OsStr| format!(" --{name} {}", quoted(value));
        if let (Some(folder), true) = (&global.certs, global.typed.certs) {
            this.certs = option("certs", folder.as_os_str());
        }
        if let (Some(kinds), true) = (&global.stores, global.typed.stores) {
            let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            this.stores += &option("stores", names.join(",").as_ref());
        }
        for file in &global.bundles {
            this.stores += &option("bundle", file.as_os_str());
        }
        if let Some(scope) = global.scope {
            this.stores += &option("scope", scope.name().as_ref());
        }
        this
    }

    /// The command with these options. A command that names its own stores gets no other stores.
    pub fn in_command(&self, command: &str) -> String {
        if self.certs.is_empty() && self.stores.is_empty() {
            return command.to_owned();
        }
        let parts = command.split(" && ").map(|part| self.in_part(part));
        parts.collect::<Vec<_>>().join(" && ")
    }

    fn in_part(&self, part: &str) -> String {
        let start = match part.find("azup ") {
            Some(at) if at == 0 || part[..at].ends_with([' ', '(']) => at + "azup ".len(),
            _ => return part.to_owned(),
        };
        let is_letter = |c: char| c.is_ascii_lowercase();
        let length = part[start..].find(|c| !is_letter(c));
        let end = length.map_or(part.len(), |length| start + length);
        let (before, after) = part.split_at(end);
        let verb = &before[start..];
        let has = |option: &str| after.contains(option);
        let mut options = String::new();
        let searches = STORES.contains(&verb);
        if CERTS.contains(&verb) && !has(" --certs") && !has(" --ca ") {
            options += &self.certs;
        }
        if searches && !has(" --stores") && !has(" --bundle") {
            options += &self.stores;
        }
        format!("{before}{options}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::{Kind, Scope, Typed};
    use crate::trust::{nss, python};

    fn given() -> Given {
        Given::of(&Global {
            certs: Some("my certs".into()),
            stores: Some(vec![python::KIND, nss::KIND]),
            bundles: vec!["b.pem".into()],
            scope: Some(Scope::All),
            typed: Typed {
                certs: true,
                stores: true,
            },
            ..Global::default()
        })
    }

    #[test]
    fn a_command_repeats_what_was_typed() {
        let stores = "--stores certifi,nss --bundle b.pem --scope all";
        for (command, expected) in [
            ("azup trust", format!("azup trust --certs 'my certs' {stores}")),
            ("azup renew --certs x", format!("azup renew {stores} --certs x")),
            (
                "azup down && azup up -d --blob-port 1",
                "azup down && azup up --certs 'my certs' -d --blob-port 1".to_owned(),
            ),
            (
                "sudo azup trust --stores none --bundle x",
                "sudo azup trust --certs 'my certs' --stores none --bundle x".to_owned(),
            ),
            (
                "eval \"$(azup env)\"",
                "eval \"$(azup env --certs 'my certs')\"".to_owned(),
            ),
            ("cat /opt/azup log", "cat /opt/azup log".to_owned()),
            ("azup token", "azup token".to_owned()),
        ] {
            assert_eq!(given().in_command(command), expected, "{command}");
        }
    }

    #[test]
    fn what_a_variable_says_is_not_repeated() {
        let global = Global {
            stores: Some(vec![Kind::NONE]),
            certs: Some("c".into()),
            ..Global::default()
        };
        assert_eq!(Given::of(&global).in_command("azup trust"), "azup trust");
    }

    #[test]
    fn the_commands_take_what_is_repeated_and_no_other_does() {
        for command in crate::cli::published().get_subcommands() {
            let takes = |id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
            let name = command.get_name();
            assert_eq!(takes("stores"), STORES.contains(&name), "{name}");
            assert_eq!(takes("certs"), CERTS.contains(&name), "{name}");
        }
    }
}
