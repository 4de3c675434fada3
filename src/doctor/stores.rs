//! The trust stores, kind by kind: what `azup trust` would change there is what is wrong.

use anyhow::Result;

use super::{Check, Context, Finding, Mend};
use crate::certificates::day;
use crate::failure::shown;
use crate::options::{Kind, Scope};
use crate::trust::record::Record;
use crate::trust::{
    Found, Goal, Outcome, Plan, Removal, Row, Selection, bundle, dotnet, java, nss, overrides, python,
    storage_explorer, system,
};

/// The faults of the set because of which no store gets its CA.
const NO_CA: &[&str] = &[
    "certificate-origin",
    "certificate-set",
    "certificate-dates",
    "certificate-key",
    "certificate-names",
    "certificate-chain",
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "store-certifi",
        title: "Python's bundles have the CA (requests, Azure SDK)",
        explained_by: NO_CA,
        starts_program: false,
        run: |context| store(context, Kind::Certifi),
    },
    Check {
        id: "store-variables",
        title: "no variable names a bundle without the CA",
        explained_by: NO_CA,
        starts_program: false,
        run: variables,
    },
    Check {
        id: "store-nss",
        title: "Chromium's and Firefox's databases have the CA",
        explained_by: NO_CA,
        starts_program: false,
        run: |context| store(context, Kind::Nss),
    },
    Check {
        id: "store-system",
        title: "the operating system trusts the CA (curl, OpenSSL, Go)",
        explained_by: NO_CA,
        starts_program: false,
        run: |context| store(context, Kind::System),
    },
    Check {
        id: "store-java",
        title: "Java's keystores have the CA",
        explained_by: NO_CA,
        // An encrypted one is read by keytool.
        starts_program: true,
        run: |context| store(context, Kind::Java),
    },
    Check {
        id: "store-dotnet",
        title: ".NET's own store has the CA (F5, Rider, dotnet run)",
        explained_by: NO_CA,
        starts_program: false,
        run: |context| store(context, Kind::Dotnet),
    },
    Check {
        id: "store-storage-explorer",
        title: "Storage Explorer has the CA",
        explained_by: NO_CA,
        starts_program: false,
        run: |context| store(context, Kind::StorageExplorer),
    },
    Check {
        id: "store-bundle",
        title: "the bundles named by --bundle have the CA",
        explained_by: NO_CA,
        starts_program: false,
        run: bundles,
    },
    Check {
        id: "store-expired",
        title: "no CA of azup's that has expired is left in a store",
        explained_by: &["certificate-dates"],
        starts_program: true,
        run: expired,
    },
];

/// Every store of a kind, as far away as `azup trust` looks.
fn found(context: &Context, kind: Kind) -> Vec<Found> {
    let machine = &context.machine;
    let scope = context.global.scope.unwrap_or(Scope::User);
    match kind {
        Kind::Certifi => python::find(machine, scope),
        Kind::Nss => nss::find(machine),
        Kind::System => system::find(machine),
        Kind::Java => java::find(machine),
        Kind::Dotnet => dotnet::find(machine, false),
        Kind::StorageExplorer => storage_explorer::find(machine),
        Kind::Bundle | Kind::None => Vec::new(),
    }
}

fn store(context: &Context, kind: Kind) -> Result<Finding> {
    let of_project = context.global.scope == Some(Scope::Project);
    if !context.wants(kind) || (of_project && kind != Kind::Certifi) {
        return Ok(Finding::skip("not among the stores that were asked for"));
    }
    Ok(judge(context, found(context, kind)))
}

fn bundles(context: &Context) -> Result<Finding> {
    Ok(judge(context, named(context).collect()))
}

/// The bundles of `--bundle`.
fn named(context: &Context) -> impl Iterator<Item = Found> {
    let named = context.global.bundles.iter();
    let named = named.map(|path| context.machine.absolute(path));
    named.map(|path| Found::Store(Box::new(bundle::Bundle::named(path)) as _))
}

fn variables(context: &Context) -> Result<Finding> {
    if !context.wants(Kind::Certifi) && !context.wants(Kind::System) {
        return Ok(Finding::skip("not among the stores that were asked for"));
    }
    // What is a bundle of certifi's or a named one anyway is judged there: one fault, one finding.
    let mut known = if context.wants(Kind::Certifi) {
        found(context, Kind::Certifi)
    } else {
        Vec::new()
    };
    known.extend(named(context));
    Ok(judge(context, overrides::find(&context.machine, &known)))
}

/// What `azup trust` would say of these stores.
fn judge(context: &Context, found: Vec<Found>) -> Finding {
    let Some(ca) = context.ca() else {
        return Finding::fail("there is no CA");
    };
    let goal = Goal::Add(ca);
    let rows = Plan::new(found, &goal, &context.machine).rows(&goal);
    let wrong: Vec<(&Row, String)> = rows
        .iter()
        .filter_map(|row| {
            let why = row.detail.clone().unwrap_or_default();
            let why = match row.outcome {
                // It would be added: so it is not there.
                Outcome::Added => "the CA is missing".to_owned(),
                Outcome::Failed => why,
                Outcome::Skipped if row.fix.is_some() => why,
                _ => return None,
            };
            Some((row, format!("{}: {why}", shown(&row.path))))
        })
        .collect();
    let Some((first, _)) = wrong.first() else {
        let trusted: Vec<String> = rows
            .iter()
            .filter(|row| row.outcome == Outcome::Trusted)
            .map(|row| shown(&row.path))
            .collect();
        return if trusted.is_empty() {
            let why = rows.iter().find_map(|row| row.detail.clone());
            Finding::skip(why.unwrap_or_else(|| "there is none".to_owned()))
        } else {
            Finding::ok(trusted.join("\n"))
        };
    };
    let missing = wrong.iter().any(|(row, _)| row.outcome == Outcome::Added);
    let lines: Vec<&str> = wrong.iter().map(|(_, line)| line.as_str()).collect();
    let finding = Finding::fail(lines.join("\n"));
    if missing {
        return finding.fix("azup trust").mend(Mend::Trust);
    }
    match &first.fix {
        Some(fix) => finding.fix(fix),
        None => finding.fix("azup trust -v"),
    }
}

fn expired(context: &Context) -> Result<Finding> {
    let now = context.machine.now();
    let removal = Removal {
        expired_by: Some(now),
        ..Removal::default()
    };
    let goal = Goal::Remove(&removal);
    let selection = Selection::of(&context.global, &context.machine);
    let found = selection.find(&context.machine, &goal);
    let rows = Plan::new(found, &goal, &context.machine).rows(&goal);
    let left: Vec<String> = rows
        .iter()
        .filter(|row| row.outcome == Outcome::Removed)
        .map(|row| {
            format!(
                "{}: has one that was valid before {}",
                shown(&row.path),
                day(now)
            )
        })
        .collect();
    if left.is_empty() {
        return Ok(Finding::ok("none"));
    }
    let finding = Finding::warn(left.join("\n")).mend(Mend::Prune);
    Ok(if Record::holds_expired(&context.machine) {
        finding.fix("azup trust")
    } else {
        finding.fix("azup doctor --fix store-expired")
    })
}
