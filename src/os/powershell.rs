//! Hints for PowerShell: translates azup's advice from a Unix shell's syntax.

/// Unix commands and their equivalents here. The rest of the line are the arguments.
const WORDS: [(&str, &str); 14] = [
    ("ls -ld ", "Get-Acl "),
    ("ls -la ", "Get-ChildItem -Force "),
    ("cat ", "Get-Content "),
    ("chmod 600 ", "icacls /reset "),
    ("chmod u+rwx ", "icacls /reset "),
    ("rm -r ", "Remove-Item -Recurse "),
    ("rm -rf ", "Remove-Item -Recurse -Force "),
    ("rm ", "Remove-Item "),
    ("which -a ", "where.exe "),
    ("unset ", "Remove-Item Env:"),
    ("pgrep -a azup", "Get-Process azup"),
    ("df -h", "Get-PSDrive -PSProvider FileSystem #"),
    ("date", "Get-Date"),
    ("cd", "Set-Location $HOME"),
];

/// Things that exist only on Unix, anywhere in a hint.
const FOREIGN: [&str; 12] = [
    "sed ",
    "awk ",
    "findmnt ",
    "ulimit ",
    "sudo ",
    "chmod ",
    "chown ",
    "mkdir -m ",
    "$(",
    "ldd ",
    "apt-get ",
    "test -",
];

/// A hint in PowerShell's syntax; `None` for one without an equivalent.
pub fn hint(text: String) -> Option<String> {
    if let Some(rest) = text.strip_prefix("export ") {
        let (name, value) = rest.split_once('=')?;
        if value.contains("$(") {
            return None;
        }
        let value = value.trim_matches(['\'', '"']);
        return Some(format!("$env:{name} = '{}'", value.replace('\'', "''")));
    }
    let known = WORDS.iter().find_map(|(unix, windows)| {
        let rest = text.strip_prefix(unix)?;
        (unix.ends_with(' ') || rest.is_empty() || rest.starts_with(' '))
            .then(|| format!("{windows}{rest}"))
    });
    let text = known.unwrap_or(text);
    // Old PowerShells do not support `&&`.
    let text = text.replace(" && ", "; ");
    (!FOREIGN.iter().any(|foreign| text.contains(foreign))).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn a_hint_for_windows_holds_no_command_of_unix() {
        for (unix, windows) in [
            ("ls -ld C:\\x", Some("Get-Acl C:\\x")),
            ("cat 'C:\\a b'", Some("Get-Content 'C:\\a b'")),
            ("rm -r C:\\x", Some("Remove-Item -Recurse C:\\x")),
            (
                "unset IDENTITY_HEADER",
                Some("Remove-Item Env:IDENTITY_HEADER"),
            ),
            ("export HOME=C:\\me", Some("$env:HOME = 'C:\\me'")),
            ("pgrep -a azup", Some("Get-Process azup")),
            ("date", Some("Get-Date")),
            ("datefile", Some("datefile")),
            ("azup renew && azup trust", Some("azup renew; azup trust")),
            ("sed -i 's/\\r$//' C:\\x", None),
            ("chmod 600 a && sed -i x a", None),
            ("export XDG_DATA_HOME=\"$(mktemp -d)\"", None),
        ] {
            if let Some(windows) = windows {
                assert_eq!(hint(unix.to_owned()).as_deref(), Some(windows), "{unix}");
            } else {
                assert_eq!(hint(unix.to_owned()), None, "{unix}");
            }
        }
    }
}
