//! The environment as it was before azup, for a program that answers in azup's place. Otherwise an
//! `az` that is logged in by managed identity would ask azup, which asks `az`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::{directory, merged};
use crate::machine::Machine;

/// The prefixes of variables that azup sets, or that name a managed identity in another way.
const STARTS: [&str; 11] = [
    "AZUP_",
    "AZURE_IDENTITY_",
    "AZURE_IMDS_",
    "AZURE_MSI_",
    "AZURE_STORAGE_",
    "AZURE_TOKEN_CREDENTIALS",
    "AzureWebJobsStorage",
    "IDENTITY_",
    "IMDS_",
    "MSI_",
    "RCLONE_AZUREBLOB_",
];

/// Those that name a bundle: the user's own stays.
const BUNDLES: [&str; 4] = [
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
];

/// The same machine without anything that `azup env`, `azup run` or a dev container has set.
pub fn before(machine: &Machine) -> Machine {
    machine.with_variables(|name, value| {
        let text = name.to_string_lossy();
        if STARTS.iter().any(|start| text.starts_with(start)) {
            return None;
        }
        if name == "SSL_CERT_DIR" && !value.is_empty() {
            return folders(machine);
        }
        if BUNDLES.contains(&&*text) && !value.is_empty() {
            return merged::before(Path::new(value), machine).map(Into::into);
        }
        Some(OsStr::to_owned(value))
    })
}

fn folders(machine: &Machine) -> Option<OsString> {
    std::env::join_paths(directory::users(machine)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_azup_sets_is_gone_and_what_is_the_users_stays() {
        let home = tempfile::tempdir().expect("a folder");
        let own = home.path().join(".local/share/azup/bundles");
        std::fs::create_dir_all(&own).expect("a folder");
        let ours = |name: &str, text: &str| {
            let path = own.join(name);
            std::fs::write(&path, text).expect("written");
            path.to_string_lossy().into_owned()
        };
        let plain = ours("plain.pem", "# azup: made from \n");
        let company = ours("company.pem", "# azup: made from /etc/company.pem\n");
        let folders = format!("{}:/etc/certs", own.display());
        for (name, value, expected) in [
            ("IDENTITY_HEADER", "x", None),
            ("IDENTITY_SERVER_THUMBPRINT", "x", None),
            ("AZURE_MSI_SECRET", "x", None),
            ("AZURE_STORAGE_CONNECTION_STRING", "x", None),
            ("AzureWebJobsStorage", "x", None),
            ("MSI_ENDPOINT", "x", None),
            ("REQUESTS_CA_BUNDLE", &plain, None),
            ("REQUESTS_CA_BUNDLE", &company, Some("/etc/company.pem")),
            ("SSL_CERT_FILE", "/etc/company.pem", Some("/etc/company.pem")),
            ("SSL_CERT_DIR", &folders, Some("/etc/certs")),
            ("HTTPS_PROXY", "http://proxy", Some("http://proxy")),
            ("AZURE_CONFIG_DIR", "/other", Some("/other")),
        ] {
            let machine = Machine::for_test(home.path(), &[(name, value.as_ref())]);
            let before = before(&machine);
            assert_eq!(before.var(name), expected.map(OsStr::new), "{name}={value}");
        }
    }
}
