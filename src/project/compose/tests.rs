//! What is read from compose files of every shape, and what the overlay says for them.

use std::path::{Path, PathBuf};

use super::read::Services;
use super::service::Namespace;
use super::{OVERLAY, Overlay, overlay, parse};

const PROJECT: &str = "/home/dev/project";

fn services(files: &[(&str, &str)]) -> Services {
    try_services(files).unwrap()
}

fn try_services(files: &[(&str, &str)]) -> anyhow::Result<Services> {
    let files: Vec<(PathBuf, Vec<u8>)> = files
        .iter()
        .map(|(path, text)| (Path::new(PROJECT).join(path), text.as_bytes().to_vec()))
        .collect();
    parse(&files)
}

fn one(text: &str) -> Services {
    services(&[(".devcontainer/docker-compose.yml", text)])
}

#[track_caller]
fn made(text: &str) -> Overlay {
    overlay(&one(text), "app", Path::new(PROJECT)).unwrap()
}

#[track_caller]
fn refused(text: &str) -> String {
    let error = overlay(&one(text), "app", Path::new(PROJECT)).unwrap_err();
    assert_eq!(
        crate::failure::Failure::exit_of(&error),
        crate::failure::Exit::Refused
    );
    error.to_string()
}

#[track_caller]
fn yaml(overlay: &Overlay) -> serde_json::Value {
    serde_yaml::from_str(&overlay.text).unwrap_or_else(|error| panic!("{error}\n{}", overlay.text))
}

#[track_caller]
fn assert_has(text: &str, wanted: &str) {
    assert!(text.contains(wanted), "{wanted:?} is not in:\n{text}");
}

mod adoption;
mod network;
mod reading;
