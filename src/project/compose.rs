//! The compose files: the project's own with the dev container, and azup's overlay with
//! Azurite. Azurite is in a file of its own so that no compose file of a user ever has to
//! be edited; devcontainer.json names both.
//!
//! [`read()`] reads a user's files the way compose merges them, and [`overlay()`] writes
//! the text of azup's: a new Azurite, or what the user's own Azurite still lacks.

mod adopt;
mod command;
mod depth;
mod overlay;
mod reach;
mod read;
mod recognise;
mod service;
pub(in crate::project) mod text;

use std::path::Path;

use super::{OWN_FOLDER, ProjectFile};

pub use adopt::Adopted;
pub(in crate::project) use overlay::relative;
pub use overlay::{Overlay, overlay};
pub use read::{Services, parse, read};
pub use service::Port;

/// The project's compose file, with the dev container as its only service.
const APP: &str = include_str!("../../templates/docker-compose.yml");

/// The overlay with Azurite, which joins the network of that service.
const OVERLAY: &str = include_str!("../../templates/overlay.yml");

/// Both compose files of a new project.
pub fn files() -> Vec<ProjectFile> {
    vec![
        ProjectFile::text(".devcontainer/docker-compose.yml", APP),
        ProjectFile::text(Path::new(OWN_FOLDER).join("docker-compose.yml"), OVERLAY),
    ]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says where it fails")]
mod tests;
