//! A real editor presses F5: code-server is VS Code's workbench, its extension host and its
//! debugger for JavaScript, with a page instead of a window. Headless Chromium shows it, and
//! `hand.cjs` presses the keys. Microsoft's debugger for Python is only available from its own
//! registry: `debugpy/` stands in for it and starts the real debugpy.
//!
//! `tests/run` installs the parts and runs these tests through `tests/editor/alone`, where
//! Azurite's ports are free. Everything is done as an ordinary user with a home of their own. If a
//! story fails, its last picture is kept: `editor-STORY.png` in Cargo's folder for tests' files.
//!
//! With `AZUP_EDITOR_PICTURES` set, one is kept after each F5: `editor-STORY-NUMBER.png`.
//!
//! With `AZUP_EDITOR_WITHOUT` set, each story runs without the thing that it tests, and has to
//! fail: this shows that it would notice.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    unreachable_pub,
    reason = "a test that cannot go on should say where, and nothing here is a library"
)]

mod desk;
mod editor;
mod hand;

mod chain;
mod functions;
mod hostile;
mod measured;
mod node;
mod python;
