//! `azup init`

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::project_files::{self, Verb};
use crate::change;
use crate::cli::{Init, Trust};
use crate::failure::{in_one_line, shown};
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, Output};
use crate::project::binary::Binary;
use crate::project::{
    Notice, Plan, Project, Request, Status, configuration, devcontainer, dotenv, record,
};

/// What a user does after `init`; one line each.
const NEXT: [&str; 3] = [
    "reopen the folder in its dev container (VS Code: Dev Containers: Reopen in Container)",
    "or run Azurite here without a container: azup up",
    "commit the new files; each clone runs azup init once, for the certificates and the program \
     (azup init --vendor commits the program, too)",
];

/// Asks if one of the user's files is edited. New files alone need no question.
fn verb(init: &Init) -> Verb {
    let mut words = vec!["init".into()];
    for (given, word) in [
        (init.compose, "--compose"),
        (init.no_node_feature, "--no-node-feature"),
        (init.replace_scripts, "--replace-scripts"),
        (init.launch_profile, "--launch-profile"),
        (init.force, "--force"),
    ] {
        words.extend(given.then(|| word.into()));
    }
    if let Some(credential) = init.credential {
        words.extend(["--credential".into(), credential.name().into()]);
    }
    if let Some(language) = init.language {
        words.extend(["--language".into(), language.name().into()]);
    }
    if let Some(image) = &init.image {
        words.extend(["--image".into(), image.into()]);
    }
    if let Some(config) = &init.config {
        words.extend(["--config".into(), config.clone().into_os_string()]);
    }
    Verb {
        words,
        asks: |plan| plan.of(Status::Edited).next().is_some(),
    }
}

pub(super) fn run(
    init: &Init,
    global: &Global,
    machine: &Machine,
    output: Output,
) -> Result<Answer> {
    let project = Project::observe(machine, &init.dir)?.led_by(init.language);
    let verb = verb(init);
    if !init.force {
        project.refuse_aspire(&verb.words)?;
    }
    let request = request(init, global, &project, machine, output)?;
    let observe = || project.plan(machine, &request);
    let mut plan = observe()?;
    project_files::warn_of_keys(&project, &plan, output);
    let found = project.found(machine, &plan);
    for one in &found {
        output.progress(&format!("note: {}", in_one_line(&one.text())));
    }
    let mut text = String::new();
    if global.dry_run {
        text += &project_files::preview(&plan, machine);
    } else {
        if !plan.changes.is_empty() {
            project_files::agree(&verb, &project, &plan, init.yes, machine, output)?;
            // Planned again under the lock: another azup may have changed something.
            let _lock = change::exclusively(machine)?;
            plan = project_files::as_shown(&plan, observe()?, init.yes, &verb)?;
            change::apply(&plan.changes, machine)?;
        }
        text += &written(&project, &plan);
    }
    text += &project_files::notes(&plan);
    // What was done is printed before what then went wrong with a store.
    output.answer(&std::mem::take(&mut text))?;
    let trust = trust(&project, global, machine, output);
    let trust = if global.dry_run {
        trust?
    } else {
        trust.context("the project is set up, but its CA is not trusted")?
    };
    text += &trust.text;
    if let Some(note) = dotenv::wanted(&project.folder, machine)?.note {
        text += &format!("note: {note}\n");
    }
    // If it is already set up, there is nothing to commit.
    let next = if plan.changes.is_empty() { &NEXT[..2] } else { &NEXT[..] };
    if !global.dry_run {
        text.extend(next.iter().map(|line| format!("next: {line}\n")));
    }
    Ok(Answer {
        brief: None,
        text,
        document: json!({
            "folder": project.folder.to_string_lossy(),
            "dry_run": global.dry_run,
            "files": project_files::listed(&plan),
            "notes": plan.notes,
            "found": found.iter().map(listed).collect::<Vec<_>>(),
            "tracked_keys": plan.exposed.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
            "next": next,
            "trust": trust.document,
        }),
        exit: trust.exit,
    })
}

/// A notice, for programs.
fn listed(found: &Notice) -> Value {
    json!({
        "path": found.path.to_string_lossy(),
        "line": found.line,
        "what": found.what,
    })
}

/// The user's request; asks which of several dev containers is meant.
fn request(
    init: &Init,
    global: &Global,
    project: &Project,
    machine: &Machine,
    output: Output,
) -> Result<Request> {
    let before = record::Record::load(&project.folder)?;
    let mut before: Vec<String> = before
        .iter()
        .flat_map(|(record, _)| record.configurations.keys().cloned())
        .collect();
    if before.is_empty() {
        before = configuration::set_up(&project.folder)?;
    }
    let before: Vec<&str> = before.iter().map(String::as_str).collect();
    let named = init.config.as_deref().map(|path| machine.absolute(path));
    let configuration =
        configuration::choose(&project.folder, named.as_deref(), &before, |found| {
            let list: Vec<String> = found.iter().map(|path| shown(path)).collect();
            output.choose("Which dev container should azup set up?", &list)
        })?;
    Ok(Request {
        certs: global.certs.clone(),
        configuration,
        image: init.image.clone(),
        compose: init.compose,
        node_feature: !init.no_node_feature,
        replace_scripts: init.replace_scripts,
        launch_profile: init.launch_profile,
        credential: init
            .credential
            .unwrap_or_else(|| devcontainer::credential(&project.folder)),
        binary: Binary::choose(
            &project.folder,
            init.linux_binary.as_deref(),
            init.vendor,
            machine,
        )?,
    })
}

/// What was written, for people.
fn written(project: &Project, plan: &Plan) -> String {
    let mut text = project_files::done(plan);
    if let Some(folder) = &plan.issued {
        text += &format!("created a local CA in {}\n", shown(folder));
    }
    if text.is_empty() {
        text = format!("{} is already set up\n", shown(&project.folder));
    }
    text
}

/// Trusts the CA of the project's own copy, since its Azurite serves that set. Paths on the command
/// line are relative to the folder where it was typed.
fn trust(project: &Project, global: &Global, machine: &Machine, output: Output) -> Result<Answer> {
    let global = Global {
        certs: None,
        bundles: global
            .bundles
            .iter()
            .map(|bundle| machine.absolute(bundle))
            .collect(),
        ..global.clone()
    };
    super::trust::run(
        &Trust::default(),
        &global,
        &machine.at(&project.folder),
        output,
    )
}
