//! The compose files: the project's own with the dev container, and azup's overlay with Azurite.
//! Azurite is in a separate file so that a user's compose file never has to be edited;
//! devcontainer.json names both.
//!
//! [`read()`] reads a user's files the way compose merges them, and [`overlay()`] writes azup's: a
//! new Azurite, or what the user's own Azurite lacks.

mod adopt;
mod command;
mod depth;
mod names;
mod outcome;
mod overlay;
mod parts;
mod reach;
mod read;
mod recognise;
mod service;
pub(in crate::project) mod text;

use super::ProjectFile;
use super::language::Container;

pub use outcome::Overlay;
pub use overlay::overlay;
pub(in crate::project) use parts::relative;
pub use read::{Services, parse, read};
pub use service::{Port, Service};

/// The project's compose file, with the dev container as its only service.
const APP: &str = include_str!("../../templates/docker-compose.yml");

/// The image in it, which each project replaces.
const IMAGE: &str = "mcr.microsoft.com/devcontainers/base:debian";

/// The overlay with Azurite, which joins the network of that service.
const OVERLAY: &str = include_str!("../../templates/overlay.yml");

/// The compose file of a new project.
pub fn new_file(container: &Container) -> ProjectFile {
    let plain = |c: char| c.is_ascii_alphanumeric() || "./:@_-".contains(c);
    let image = if container.image.chars().all(plain) {
        container.image.clone()
    } else {
        text::quoted(&text::literal(&container.image))
    };
    let mut service = APP.replacen(IMAGE, &image, 1);
    if !container.environment.is_empty() {
        let lines = container.environment.iter().fold(String::new(), |all, (name, value)| {
            all + "      " + name + ": " + &text::quoted(value) + "\n"
        });
        let at = "    volumes:\n";
        service = service.replacen(at, &format!("    environment:\n{lines}{at}"), 1);
    }
    ProjectFile::text(".devcontainer/docker-compose.yml", service)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test says where it fails")]
mod tests;
