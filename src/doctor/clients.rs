//! The end-to-end test: every client found on this machine connects to a server with the set's
//! leaf, in the user's own environment. The stores may look right while a client reads another one.

use std::ffi::OsString;
use std::path::Path;

use anyhow::Result;

use super::ask::ask;
use super::python::{aiohttp, requests};
use super::{Check, Context, Finding, Run};
use crate::failure::{command_line, shown};
use crate::options::Kind;
use crate::trust::{self, Candidate, Status, Store, nss, system};

const NODE: &str = "
require('https').get(process.argv[1], answer => answer.resume())
    .on('error', error => { console.error(error.message); process.exitCode = 1 })
";

/// The faults of the set with which no client accepts it.
macro_rules! explained {
    ($($more:literal),*) => {
        &["clock", "certificate-origin", "certificate-set", "certificate-dates", "certificate-key",
          "certificate-names", "certificate-identifiers", "certificate-chain", $($more),*]
    };
}

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "client-python",
        title: "Python with requests accepts the certificate",
        explained_by: explained!["store-certifi", "store-variables", "store-bundle", "proxy"],
        starts_program: true,
        run: Run::Check(requests),
    },
    Check {
        id: "client-python-async",
        title: "Python with aiohttp accepts the certificate",
        explained_by: explained!["store-system", "store-variables", "store-bundle", "proxy"],
        starts_program: true,
        run: Run::Check(aiohttp),
    },
    Check {
        id: "client-node",
        title: "Node.js accepts the certificate",
        explained_by: explained!["store-variables", "store-bundle"],
        starts_program: true,
        run: Run::Check(node),
    },
    Check {
        id: "client-java",
        title: "Java accepts the certificate",
        explained_by: explained!["store-java"],
        starts_program: true,
        run: Run::Check(java),
    },
    Check {
        id: "client-curl",
        title: "curl accepts the certificate",
        explained_by: explained!["store-system", "store-variables", "store-bundle", "proxy"],
        starts_program: true,
        run: Run::Check(curl),
    },
    Check {
        id: "client-openssl",
        title: "OpenSSL accepts the certificate",
        explained_by: explained!["store-system", "store-variables", "store-bundle"],
        starts_program: true,
        run: Run::Check(openssl),
    },
    Check {
        id: "client-nss",
        title: "NSS accepts the CA (certutil -V)",
        explained_by: explained!["store-nss"],
        starts_program: true,
        run: Run::Check(certutil),
    },
];

fn node(context: &Context) -> Result<Finding> {
    let Some(node) = context.machine.find("node") else {
        return Ok(Finding::skip("there is no Node.js"));
    };
    let words = |url: &str| vec![node.into(), "-e".into(), NODE.into(), url.into()];
    // It reads no store at all, only what this variable names.
    let finding = ask(context, "node", Kind::BUNDLE, words, None)?;
    let told = ["NODE_EXTRA_CA_CERTS", "NODE_OPTIONS", "NODE_USE_SYSTEM_CA"]
        .iter()
        .any(|name| context.machine.var(name).is_some());
    if told || !finding.status_is_wrong_or_unasked() {
        return Ok(finding);
    }
    if !context.machine.cwd().join("package.json").is_file() {
        return Ok(Finding::skip(
            "NODE_EXTRA_CA_CERTS is not set, and no package.json is here",
        ));
    }
    Ok(
        Finding::warn("NODE_EXTRA_CA_CERTS is not set in this shell, and Node.js reads no store")
            .fix("eval \"$(azup env)\""),
    )
}

impl Finding {
    /// Whether a client refused, or its store was not requested.
    fn status_is_wrong_or_unasked(&self) -> bool {
        self.status != super::Status::Ok
    }
}

/// keytool fetches a revocation list from any URL, with Java's own TLS and stores, in a third of
/// the time that it takes to compile a program (measured).
fn java(context: &Context) -> Result<Finding> {
    let of_home = context.machine.var("JAVA_HOME");
    let of_home = of_home.map(|home| {
        context
            .machine
            .absolute(Path::new(home))
            .join("bin/keytool")
    });
    let beside_java = context.machine.find("java").and_then(|java| {
        let java = java.canonicalize().ok()?;
        Some(java.with_file_name("keytool"))
    });
    let there = [of_home, beside_java].into_iter().flatten();
    let Some(keytool) = there.into_iter().find(|program| program.is_file()) else {
        return Ok(Finding::skip("there is no Java with a keytool"));
    };
    if context.machine.is_in_project(&keytool) {
        let what = format!("{} is in the project: it is not run", shown(&keytool));
        return Ok(Finding::skip(what));
    }
    let words = |url: &str| {
        vec![
            keytool.into(),
            "-J-XX:TieredStopAtLevel=1".into(),
            "-printcrl".into(),
            "-file".into(),
            url.into(),
        ]
    };
    ask(context, "java", trust::java::KIND, words, None)
}

fn curl(context: &Context) -> Result<Finding> {
    let Some(curl) = context.machine.find("curl") else {
        return Ok(Finding::skip("there is no curl"));
    };
    let words = |url: &str| {
        let options = ["--silent", "--show-error", "--output", "/dev/null", url];
        [OsString::from(curl)]
            .into_iter()
            .chain(options.map(OsString::from))
            .collect()
    };
    ask(context, "curl", system::KIND, words, None)
}

fn openssl(context: &Context) -> Result<Finding> {
    let Some(openssl) = context.machine.find("openssl") else {
        return Ok(Finding::skip("there is no openssl"));
    };
    let words = |url: &str| {
        let server = url.strip_prefix("https://").unwrap_or(url);
        let server = server.split('/').next().unwrap_or(server);
        let options = [
            "s_client",
            "-quiet",
            "-verify_return_error",
            "-verify_ip",
            "127.0.0.1",
            "-connect",
            server,
        ];
        [OsString::from(openssl)]
            .into_iter()
            .chain(options.map(OsString::from))
            .collect()
    };
    let request = "GET /openssl HTTP/1.0\r\n\r\n";
    ask(context, "openssl", system::KIND, words, Some(request))
}

/// NSS itself says that the CA may sign for servers, and in which databases.
fn certutil(context: &Context) -> Result<Finding> {
    if !context.wants(nss::KIND) {
        return Ok(Finding::skip("not among the stores that were asked for"));
    }
    let Some(certutil) = context.machine.find("certutil") else {
        return Ok(Finding::skip("there is no certutil"));
    };
    let Some(ca) = context.ca() else {
        return Ok(Finding::skip("there is no CA"));
    };
    let stores = nss::find(&context.machine).into_iter();
    let stores: Vec<Box<dyn Store>> = stores
        .filter_map(|found| match found {
            Candidate::Store(store) => Some(store),
            _ => None,
        })
        .filter(|store| matches!(store.status(ca, &context.machine), Ok(Status::Trusted)))
        .collect();
    if stores.is_empty() {
        return Ok(Finding::skip("no database has the CA"));
    }
    let mut seen = Vec::new();
    for store in stores {
        let mut folder = OsString::from("sql:");
        folder.push(store.path());
        let words: Vec<OsString> = vec![
            certutil.clone().into(),
            "-V".into(),
            "-u".into(),
            "L".into(),
            "-n".into(),
            ca.label.clone().into(),
            "-d".into(),
            folder,
        ];
        let done = context.program(&words, None)?;
        if !done.status.success() {
            let what = format!("{}: {}", shown(store.path()), done.last_words());
            return Ok(Finding::fail(what).fix(command_line(&words)));
        }
        seen.push(shown(store.path()));
    }
    Ok(Finding::ok(seen.join("\n")))
}
