//! Storage accounts: the one that every Azurite has, and more of the user's own.
//!
//! Keys of the user's own accounts are stored in a file of mode 0600, so that `azup env` knows
//! them, and passed to Azurite in its environment: any user can read a command line.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{ACCOUNT, ADDRESS, Ports, Service};
use crate::change::{self, Change};
use crate::failure::{Exit, Failure, command_line, shown};
use crate::files::{self, Content, random};
use crate::identity::is_account;
use crate::machine::Machine;
use crate::options::Named;

/// The key of [`ACCOUNT`], which Microsoft publishes: it opens emulators only.
const PUBLIC_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const FILE: &str = "accounts.json";

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, key) = match text.split_once(':') {
            Some((name, key)) => (name, Some(key)),
            None => (text, None),
        };
        if !is_account(name) {
            return Err("a name has 3 to 24 lower-case letters and digits".to_owned());
        }
        if let Some(key) = key
            && (key.is_empty() || STANDARD.decode(key).is_err())
        {
            // Never with the key itself.
            return Err(format!("the key of {name} is not base64"));
        }
        if name == ACCOUNT && key.is_some_and(|key| key != PUBLIC_KEY) {
            return Err(format!("{ACCOUNT} always has its public key; no other can be set"));
        }
        Ok(Self {
            name: name.to_owned(),
            key: key.map(str::to_owned),
        })
    }
}

/// A storage account and its key.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    name: String,
    key: String,
}

/// Without the key, which would end up in some log.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Account").field(&self.name).finish()
    }
}

impl Default for Account {
    /// The account that every Azurite has.
    fn default() -> Self {
        Self {
            name: ACCOUNT.to_owned(),
            key: PUBLIC_KEY.to_owned(),
        }
    }
}

impl Account {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// The account's URL: with the account in the path, or in the host name as in the cloud.
    pub fn url(&self, service: Service, port: u16, host_style: bool) -> String {
        if host_style {
            return format!("https://{}:{port}", self.host(service));
        }
        format!("https://{ADDRESS}:{port}/{}", self.name)
    }

    /// The account's host name.
    pub fn host(&self, service: Service) -> String {
        format!("{}.{}.localhost", self.name, service.name())
    }

    /// The connection string that every SDK and Azure CLI accept instead of a URL and a credential.
    pub fn connection_string(&self, ports: Ports, host_style: bool) -> String {
        let url = |service, port| self.url(service, port, host_style);
        format!(
            "DefaultEndpointsProtocol=https;AccountName={};AccountKey={};\
             BlobEndpoint={};QueueEndpoint={};TableEndpoint={};FileEndpoint={};",
            self.name,
            self.key,
            url(Service::Blob, ports.blob),
            url(Service::Queue, ports.queue),
            url(Service::Table, ports.table),
            // Azurite has no file shares; without this, their clients contact the cloud (measured).
            url(Service::Blob, ports.blob)
        )
    }
}

/// The value of `AZURITE_ACCOUNTS`. It replaces Azurite's own account, which is therefore included.
pub fn variable(accounts: &[Account]) -> String {
    let all = [Account::default()];
    all.iter()
        .chain(accounts)
        .map(|account| format!("{}:{}", account.name, account.key))
        .collect::<Vec<_>>()
        .join(";")
}

/// The account that `azup env --account` names.
pub fn known(named: Option<&Named>, machine: &Machine) -> Result<Account> {
    let Some(named) = named.filter(|named| named.name != ACCOUNT) else {
        return Ok(Account::default());
    };
    let key = match &named.key {
        Some(key) => key.clone(),
        None => load(machine)?.0.remove(&named.name).ok_or_else(|| {
            Failure::new(format!("the key of account {} is not known", named.name))
                .hint(command_line(["azup", "up", "--account", &named.name]))
        })?,
    };
    Ok(Account {
        name: named.name.clone(),
        key,
    })
}

/// The accounts that are named in addition to Azurite's own. One without a key gets its previous
/// key, else a random one; both are stored.
pub fn ensure(named: &[Named], machine: &Machine) -> Result<Vec<Account>> {
    let named: Vec<&Named> = named.iter().filter(|named| named.name != ACCOUNT).collect();
    if named.is_empty() {
        return Ok(Vec::new());
    }
    for (at, one) in named.iter().enumerate() {
        if named[..at].iter().any(|other| other.name == one.name) {
            let what = format!("--account {} is given twice", one.name);
            return Err(Failure::new(what).exit(Exit::Usage).into());
        }
    }
    let _lock = change::exclusively(machine)?;
    let (mut keys, expect) = load(machine)?;
    let before = keys.clone();
    let accounts = named
        .into_iter()
        .map(|named| {
            let key = match (&named.key, keys.get(&named.name)) {
                (Some(key), _) | (None, Some(key)) => key.clone(),
                (None, None) => STANDARD.encode(random::<64>()),
            };
            keys.insert(named.name.clone(), key.clone());
            Account {
                name: named.name.clone(),
                key,
            }
        })
        .collect();
    if keys != before {
        let bytes = serde_json::to_vec_pretty(&keys)?;
        let folder = Change::Directory {
            path: machine.own_folder()?,
            mode: 0o700,
        };
        let write = Change::Write {
            path: file(machine)?,
            expect,
            content: Content::File { bytes, mode: 0o600 },
        };
        change::apply(&[folder, write], machine)?;
    }
    Ok(accounts)
}

type Keys = BTreeMap<String, String>;

/// The stored keys, and the bytes of their file.
fn load(machine: &Machine) -> Result<(Keys, Option<Vec<u8>>)> {
    let path = file(machine)?;
    let Some(bytes) = files::read_if_there(&path)? else {
        return Ok((Keys::new(), None));
    };
    change::require_private(&path)?;
    let keys = serde_json::from_slice(&bytes).map_err(|_| {
        Failure::new(format!("{} contains no account keys", shown(&path)))
            .hint(command_line(["rm".as_ref(), path.as_os_str()]))
    })?;
    Ok((keys, Some(bytes)))
}

fn file(machine: &Machine) -> Result<PathBuf> {
    Ok(machine.own_folder()?.join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_keys_are_azures() {
        for (text, ok) in [
            ("abc", true),
            ("devstoreaccount1", true),
            ("abc:a2V5", true),
            ("ab", false),
            ("Abc", false),
            ("a-b-c", false),
            ("abc:", false),
            ("abc:not base64", false),
            ("abc:a2V5;other:a2V5", false),
            ("devstoreaccount1:a2V5", false),
            ("abcdefghijklmnopqrstuvwxy", false),
        ] {
            assert_eq!(text.parse::<Named>().is_ok(), ok, "{text}");
        }
    }

    #[test]
    fn keys_are_remembered_for_their_owner_alone() {
        use std::os::unix::fs::MetadataExt as _;
        let home = tempfile::tempdir().expect("a folder");
        let machine = Machine::for_test(home.path(), &[]);
        let named: Named = "mine".parse().expect("a name");
        known(Some(&named), &machine).expect_err("not known yet");
        let first = ensure(std::slice::from_ref(&named), &machine).expect("an account");
        assert_eq!(known(Some(&named), &machine).expect("known"), first[0]);
        assert_eq!(ensure(&[named], &machine).expect("the same"), first);
        let path = file(&machine).expect("a path");
        let mode = path.metadata().expect("a file").mode();
        assert_eq!(mode & 0o7777, 0o600);
        assert!(!format!("{first:?}").contains(&first[0].key));
    }
}
