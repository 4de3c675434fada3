//! The compose files: the project's own with the dev container, and azup's overlay with
//! Azurite. Azurite is in a file of its own so that no compose file of a user ever has to
//! be edited; devcontainer.json names both.

use std::path::Path;

use super::{OWN_FOLDER, ProjectFile};

/// The project's compose file, with the dev container as its only service.
const APP: &str = include_str!("../../templates/docker-compose.yml");

/// The overlay with Azurite, which joins the network of that service.
const OVERLAY: &str = include_str!("../../templates/overlay.yml");

/// Both compose files of a new project.
#[must_use]
pub fn files() -> Vec<ProjectFile> {
    vec![
        ProjectFile::text(".devcontainer/docker-compose.yml", APP),
        ProjectFile::text(Path::new(OWN_FOLDER).join("docker-compose.yml"), OVERLAY),
    ]
}
