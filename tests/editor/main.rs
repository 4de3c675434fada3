//! A real editor presses F5: code-server is the workbench of VS Code, its extension host and its
//! debugger for JavaScript, with a page in the place of a window. Headless Chromium shows it, and
//! `hand.cjs` presses the keys. Microsoft's debugger for Python is not to be had outside of its
//! registry: `debugpy/` stands in for it and starts the real debugpy.
//!
//! `tests/run` brings the parts and runs these tests by `tests/editor/alone`, where Azurite's ports
//! are free. Everything is done as an ordinary user with a home of its own. Of a story that fails,
//! what could be seen is kept: `editor-STORY.png` in Cargo's folder for tests' files.
//!
//! With `AZUP_EDITOR_PICTURES` set, one is kept after each F5: `editor-STORY-NUMBER.png`.
//!
//! With `AZUP_EDITOR_WITHOUT` set, each story is told without that which it is about, and has to
//! fail: so it is known to see it.

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
mod hostile;
mod measured;
mod node;
mod python;
