//! What a person adds by hand if azup leaves a file alone: lines to paste, for each kind of file,
//! even if azup could not read it.

use std::path::{Path, PathBuf};

use jsonc_edit::{Edit, Step};
use serde_json::{Value, json};

use crate::certificates::PROJECT_FOLDER;
use crate::failure::{Exit, Failure, edited, shown};
use crate::project::compose::relative;
use crate::project::configuration::{self, Configuration};
use crate::project::vscode;

/// A separate service with an Azurite over HTTPS.
const SERVICE: &str = include_str!("../../../templates/by-hand.yml");

/// The lines for a file about which at most `edits` is known.
pub(super) fn lines(path: &Path, edits: &[Edit]) -> String {
    if !edits.is_empty() {
        return jsonc_edit::snippet(edits);
    }
    if path == Path::new(vscode::TASKS_PATH) {
        let task = vscode::our_task().unwrap_or(Value::Null);
        return jsonc_edit::snippet(&[Edit::Item {
            at: vec![Step::Key("tasks".to_owned())],
            value: task,
        }]);
    }
    if path == Path::new(vscode::LAUNCH_PATH) {
        return "in each configuration that starts Python, add:\n\
                \"preLaunchTask\": \"azup: trust\"\n"
            .to_owned();
    }
    if path.extension().is_some_and(|kind| kind == "json") {
        return jsonc_edit::snippet(&configuration::embedded_edits(&json!({}), path, false));
    }
    String::new()
}

/// A refusal to continue with a project's compose files, with the lines for them.
pub(super) fn with_compose(
    error: anyhow::Error,
    configuration: &Configuration,
    files: &[PathBuf],
    app: &str,
    project: &Path,
) -> anyhow::Error {
    if Failure::exit_of(&error) != Exit::Refused || Failure::snippet_of(&error).is_some() {
        return error;
    }
    let failure = match error.downcast::<Failure>() {
        Ok(failure) => failure,
        Err(error) => return error,
    };
    let Some(first) = files.first() else {
        return failure.into();
    };
    // If compose cannot read a file, a person has to fix it, or the reference to it.
    let is_missing = files.iter().any(|path| !path.exists());
    let failure = if is_missing { failure.hint(edited([project.join(&configuration.path)])) } else { failure };
    let folder = first.parent().unwrap_or(project);
    let certs = relative(folder, &project.join(PROJECT_FOLDER));
    let certs = if certs.starts_with("..") {
        certs.display().to_string()
    } else {
        format!("./{}", certs.display())
    };
    let quoted = |text: &str| Value::from(text).to_string();
    let service = SERVICE
        .replace("\"service:devcontainer\"", &quoted(&format!("service:{app}")))
        .replace("./azurite-certs", &quoted(&certs));
    let below = first.strip_prefix(project).unwrap_or(first);
    let path = &configuration.path;
    let edits = configuration::embedded_edits(&configuration.value, path, false);
    failure
        .snippet(format!(
            "to be added to {} by hand, or to the service there that is Azurite:\n{service}\n\
             to be added to {} by hand:\n{}",
            shown(below),
            shown(path),
            jsonc_edit::snippet(&edits)
        ))
        .into()
}
