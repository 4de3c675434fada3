//! The variables that every process in the dev container has: where Azurite is, and where tokens
//! come from. They are in the Feature, which is committed, so none of them is secret. Variables
//! that the project sets itself are left alone.

use serde_json::{Map, Value, json};

use crate::azurite::{Account, Ports};
use crate::options::Credential;

/// The endpoint for tokens inside the dev container, and the header that it requires.
const ENDPOINT: &str = "http://127.0.0.1:10003/msi/token";
const HEADER: &str = crate::identity::FIXED;

/// Where the Feature puts the CA for Node.js.
const ANCHOR: &str = "/usr/local/share/ca-certificates/azup-local-ca.crt";

/// Variables that only mean something together: if the project sets one, azup sets none of the
/// group.
const TOGETHER: [&[&str]; 2] = [
    &["IDENTITY_ENDPOINT", "IDENTITY_HEADER"],
    &[
        "AZURE_MSI_ENDPOINT",
        "AZURE_IMDS_ENDPOINT",
        "AZURE_MSI_SECRET",
    ],
];

/// How code in the dev container reaches Azurite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// The host of its URLs.
    pub host: String,
    /// The ports of blob, queue and table; `None` for a service that does not run.
    pub ports: [Option<u16>; 3],
    /// The account at the end of its URLs; `None` if it is unknown.
    pub account: Option<String>,
}

impl Default for Reached {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            ports: [10000, 10001, 10002].map(Some),
            account: Some(Account::default().name().to_owned()),
        }
    }
}

/// A variable that the project sets itself, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub name: String,
    /// The place, in words.
    pub place: String,
}

/// The Feature's variables, and what to say about those that the project sets.
pub fn of(
    reached: &Reached,
    credential: Credential,
    functions: bool,
    taken: &[Taken],
) -> (Map<String, Value>, Vec<String>) {
    let mut all: Vec<(&str, String)> = Vec::new();
    let url = |port: Option<u16>| {
        let account = reached.account.as_deref()?;
        Some(format!("https://{}:{}/{account}", reached.host, port?))
    };
    let [blob, queue, table] = reached.ports.map(url);
    let named = [
        ("AZURE_STORAGE_BLOB_ENDPOINT", &blob),
        ("AZURE_STORAGE_QUEUE_ENDPOINT", &queue),
        ("AZURE_STORAGE_TABLE_ENDPOINT", &table),
        // Not AZURE_STORAGE_ACCOUNT: with it some programs build the cloud's host name.
        ("AZURE_STORAGE_ENDPOINT", &blob),
        ("AZURE_STORAGE_ACCOUNT_NAME", &reached.account),
        ("RCLONE_AZUREBLOB_ENDPOINT", &blob),
    ];
    all.extend(named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
    if let Some(connection) = connection(reached) {
        all.push(("AZURE_STORAGE_CONNECTION_STRING", connection.clone()));
        if functions {
            all.push(("AzureWebJobsStorage", connection));
        }
    }
    if credential == Credential::Local {
        for name in ["IDENTITY_ENDPOINT", "AZURE_MSI_ENDPOINT", "AZURE_IMDS_ENDPOINT"] {
            all.push((name, ENDPOINT.to_owned()));
        }
        for name in ["IDENTITY_HEADER", "AZURE_MSI_SECRET"] {
            all.push((name, HEADER.to_owned()));
        }
    }
    all.push(("NODE_EXTRA_CA_CERTS", ANCHOR.to_owned()));
    let mut notes = Vec::new();
    let mut kept = Map::new();
    for (name, value) in all {
        match taken.iter().find(|one| speaks_for(&one.name, name)) {
            None => {
                kept.insert(name.to_owned(), json!(value));
            }
            Some(one) if one.name == name => {
                notes.push(format!("{} sets {name}: it stays as it is{}", one.place, then(name)));
            }
            Some(_) => {}
        }
    }
    (kept, notes)
}

/// devstoreaccount1's key is published: it opens emulators only. No other key is ever written to a
/// file that git keeps.
fn connection(reached: &Reached) -> Option<String> {
    let account = Account::default();
    let [Some(blob), Some(queue), Some(table)] = reached.ports else {
        return None;
    };
    (reached.account.as_deref() == Some(account.name())).then(|| {
        let text = account.connection_string(Ports { blob, queue, table }, false);
        text.replace("127.0.0.1", &reached.host)
    })
}

fn speaks_for(taken: &str, name: &str) -> bool {
    let together = TOGETHER.iter().any(|group| group.contains(&taken) && group.contains(&name));
    taken == name || together
}

/// The consequence of leaving a variable alone.
fn then(name: &str) -> &'static str {
    match name {
        "NODE_EXTRA_CA_CERTS" => ", so add the local CA to the file that it names",
        "IDENTITY_ENDPOINT" | "IDENTITY_HEADER" => {
            ", so tokens come from there and not from azup"
        }
        "AZURE_STORAGE_CONNECTION_STRING" | "AzureWebJobsStorage" => {
            ", so code that reads it does not use azup's Azurite unless it names that"
        }
        _ => "",
    }
}
