//! Python's clients. Nothing from an environment in the project is run, neither its program nor its
//! packages: any process that may write to the project, such as a dev container that mounts it,
//! could change them at any moment. A Python from elsewhere reads what its clients would read, and
//! connects as they do.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::ask::ask_as;
use super::interpreter::{Python, interpreter};
use super::{Context, Finding};
use crate::failure::shown;
use crate::options::Kind;
use crate::trust::{python, system};

/// Goes before both of the following. `python -c` looks for modules in the current folder first, an
/// editable installation adds the project's folder, and a project may well have its own
/// `requests.py` or `ssl.py`: they must come only from an environment's packages. (`-P`, which does
/// the first half of this, exists from Python 3.11 on.)
const ELSEWHERE: &str = "
import sys
project = sys.argv[2]

def is_below(path, *folders):
    return any((path + '/').startswith(folder.rstrip('/') + '/') for folder in folders)

sys.path[:] = [
    path for path in sys.path
    if path.startswith('/') and (
        is_below(path, sys.prefix, sys.base_prefix) or not project or not is_below(path, project)
    )
]
";

/// What the synchronous clients of Azure's SDK use.
const REQUESTS: &str = "
try:
    import requests
except ImportError:
    sys.exit(77)
requests.get(sys.argv[1], timeout=30)
";

/// What the asynchronous ones use.
const AIOHTTP: &str = "
import asyncio
try:
    import aiohttp
except ImportError:
    sys.exit(77)

async def main():
    async with aiohttp.ClientSession(trust_env=True) as session:
        async with session.get(sys.argv[1]) as answer:
            await answer.read()

asyncio.run(main())
";

/// What both do, without their packages: the context that they create, and the proxies from the
/// variables that they read. requests also understands networks in `NO_PROXY`.
const READ: &str = "
import ipaddress, os, ssl, sys, urllib.request
url, bundle, networks = sys.argv[1:]
host = ipaddress.ip_address('127.0.0.1')

def is_direct(name):
    try:
        return host in ipaddress.ip_network(name.strip())
    except ValueError:
        return False

try:
    if not bundle:
        context = ssl.create_default_context()
    elif os.path.isdir(bundle):
        context = ssl.create_default_context(capath=bundle)
    else:
        context = ssl.create_default_context(cafile=bundle)
    handlers = [urllib.request.HTTPSHandler(context=context)]
    without = os.environ.get('no_proxy') or os.environ.get('NO_PROXY') or ''
    if networks and any(map(is_direct, without.split(','))):
        handlers.append(urllib.request.ProxyHandler({}))
    urllib.request.build_opener(*handlers).open(url, timeout=30).read()
except Exception as error:
    sys.exit(str(getattr(error, 'reason', error)))
";

/// The variables that name a bundle for requests, in order of precedence.
const BUNDLES: [&str; 2] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"];

/// One of the two packages.
struct Client {
    name: &'static str,
    package: &'static str,
    script: &'static str,
}

fn by_python(
    context: &Context,
    client: &Client,
    store: impl FnOnce(&Path) -> Kind,
    bundle: impl FnOnce(&Path) -> Option<PathBuf>,
) -> Result<Finding> {
    let python = match interpreter(context) {
        Ok(Some(python)) => python,
        Ok(None) => return Ok(Finding::skip("there is no Python")),
        Err(why) => return Ok(Finding::skip(why)),
    };
    match python {
        Python::Run(program) => run(context, client, &program, store(&program)),
        Python::Read { root, program, by } => {
            let has = |packages: PathBuf| packages.join(client.package).is_dir();
            if !python::package_folders(&root).into_iter().any(has) {
                let what = format!("{} does not have it", shown(&program));
                return Ok(Finding::skip(what));
            }
            read(
                context,
                client,
                [&program, &by],
                bundle(&root),
                store(&program),
            )
        }
    }
}

fn run(context: &Context, client: &Client, python: &Path, store: Kind) -> Result<Finding> {
    let project = context.machine.project().unwrap_or_default();
    let words = |url: &str| {
        let script = format!("{ELSEWHERE}{}", client.script);
        vec![
            python.into(),
            "-c".into(),
            script.into(),
            url.into(),
            project.into(),
        ]
    };
    told(context, client, store, words, None)
}

/// Connects as the client of `program` does, by running `by`.
fn read(
    context: &Context,
    client: &Client,
    [program, by]: [&Path; 2],
    bundle: Option<PathBuf>,
    store: Kind,
) -> Result<Finding> {
    let networks = if client.package == "requests" {
        "yes"
    } else {
        ""
    };
    let words = |url: &str| {
        let mut words: Vec<OsString> = vec![by.into()];
        words.extend(["-I", "-S", "-c", READ, url].map(Into::into));
        words.extend([bundle.unwrap_or_default().into(), networks.into()]);
        words
    };
    let name = format!("{} (read by {})", shown(program), shown(by));
    told(context, client, store, words, Some(name))
}

/// The result of a client that takes its CAs from `store`.
fn told(
    context: &Context,
    client: &Client,
    store: Kind,
    words: impl FnOnce(&str) -> Vec<OsString>,
    name: Option<String>,
) -> Result<Finding> {
    let finding = ask_as(context, client.name, store, words, None, name)?;
    Ok(if store == system::KIND {
        finding.explained_by("store-system")
    } else {
        finding
    })
}

pub(super) fn requests(context: &Context) -> Result<Finding> {
    // A distribution's own requests reads the system's store, not certifi's.
    let store = |python: &Path| {
        if python.starts_with("/usr/bin") {
            system::KIND
        } else {
            python::KIND
        }
    };
    let named = BUNDLES.iter().find_map(|name| context.machine.var(name));
    let named = named.map(|named| context.machine.absolute(Path::new(named)));
    let bundle = |root: &Path| {
        let packages = python::package_folders(root).into_iter();
        // If it is missing, the attempt to read it says so.
        let mut certifi = packages.map(|packages| packages.join("certifi/cacert.pem"));
        named.or_else(|| certifi.next())
    };
    let client = Client {
        name: "python",
        package: "requests",
        script: REQUESTS,
    };
    by_python(context, &client, store, bundle)
}

pub(super) fn aiohttp(context: &Context) -> Result<Finding> {
    let client = Client {
        name: "python-async",
        package: "aiohttp",
        script: AIOHTTP,
    };
    by_python(context, &client, |_| system::KIND, |_| None)
}
