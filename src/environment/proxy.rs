//! Proxies: Python sends even a request to 127.0.0.1 through `HTTP_PROXY` (measured), so
//! both spellings of the exception name this machine.

use std::ffi::OsString;

use super::Variable;
use crate::machine::Machine;

/// Programs differ in which they read; if both are set, most prefer the second.
const NAMES: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// What must never go through a proxy.
const OURS: [&str; 2] = ["127.0.0.1", "localhost"];

/// Both variables with this machine added to their values. `*` already excepts everything, and
/// stays as it is.
pub(super) fn variables(machine: &Machine) -> Vec<Variable> {
    let values = NAMES.map(|name| machine.var(name));
    let mut variables = Vec::new();
    for (at, name) in NAMES.into_iter().enumerate() {
        // One that is not set takes the other's value, since it would otherwise hide that.
        let value = values[at].or(values[1 - at]).unwrap_or_default();
        if value.to_string_lossy().trim() == "*" {
            continue;
        }
        let value = Some(with_ours(&value.to_string_lossy()));
        variables.push(Variable { name, value });
    }
    variables
}

fn with_ours(value: &str) -> OsString {
    let known: Vec<&str> = value
        .split([',', ' '])
        .map(str::trim)
        .filter(|host| !host.is_empty())
        .collect();
    let mut all = value.trim_end_matches([',', ' ']).to_owned();
    for host in OURS {
        if !known.iter().any(|other| other.eq_ignore_ascii_case(host)) {
            if !all.is_empty() {
                all.push(',');
            }
            all.push_str(host);
        }
    }
    all.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::path::Path;

    fn shown(set: &[(&str, &str)]) -> Vec<String> {
        let set: Vec<(&str, &OsStr)> = set
            .iter()
            .map(|(name, value)| (*name, OsStr::new(value)))
            .collect();
        let machine = Machine::for_test(Path::new("/home/x"), &set);
        variables(&machine)
            .into_iter()
            .map(|each| {
                format!(
                    "{}={}",
                    each.name,
                    each.value.expect("a value").to_string_lossy()
                )
            })
            .collect()
    }

    #[test]
    fn this_machine_is_added_once_to_both_spellings() {
        assert_eq!(
            shown(&[]),
            [
                "NO_PROXY=127.0.0.1,localhost",
                "no_proxy=127.0.0.1,localhost"
            ]
        );
        assert_eq!(
            shown(&[("no_proxy", ".corp.example,LOCALHOST,")]),
            [
                "NO_PROXY=.corp.example,LOCALHOST,127.0.0.1",
                "no_proxy=.corp.example,LOCALHOST,127.0.0.1"
            ]
        );
        assert_eq!(
            shown(&[("NO_PROXY", "a b 127.0.0.1"), ("no_proxy", "c")]),
            [
                "NO_PROXY=a b 127.0.0.1,localhost",
                "no_proxy=c,127.0.0.1,localhost"
            ]
        );
    }

    #[test]
    fn a_star_stays_what_it_is() {
        assert!(shown(&[("NO_PROXY", "*")]).is_empty());
        assert_eq!(
            shown(&[("NO_PROXY", "*"), ("no_proxy", "a")]),
            ["no_proxy=a,127.0.0.1,localhost"]
        );
    }
}
