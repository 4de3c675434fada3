//! The command that restores a damaged bundle of a Python environment.

use std::ffi::OsString;
use std::path::Path;
use std::rc::Rc;

use crate::failure::command_line;

/// The command that restores a damaged bundle with the environment's own installer. Built only for
/// the bundle that needs it.
#[derive(Clone, Debug)]
pub struct Reinstall {
    pub(super) root: Rc<Path>,
    pub(super) package: &'static str,
    pub(super) by: Installer,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Installer {
    Pip,
    /// For an environment without pip.
    Uv,
    Conda,
}

impl Reinstall {
    /// The command to paste.
    pub fn command(&self) -> String {
        self.words(true)
    }

    /// The same for a package that is not installed yet.
    pub(super) fn first(root: &Path, package: &'static str, pip: bool) -> String {
        let by = if pip { Installer::Pip } else { Installer::Uv };
        let root = root.into();
        Self { root, package, by }.words(false)
    }

    fn words(&self, again: bool) -> String {
        let python = self.root.join("bin/python").into_os_string();
        let (before, target, after, option) = match self.by {
            Installer::Pip => (
                &[][..],
                python,
                &["-m", "pip", "install"][..],
                "--force-reinstall",
            ),
            Installer::Uv => (
                &["uv", "pip", "install", "--python"][..],
                python,
                &[][..],
                "--reinstall",
            ),
            Installer::Conda => (
                &["conda", "install", "--prefix"][..],
                self.root.as_os_str().to_owned(),
                &[][..],
                "--force-reinstall",
            ),
        };
        let words = before.iter().map(OsString::from);
        let words = words
            .chain([target])
            .chain(after.iter().map(OsString::from));
        let option = again.then(|| option.into());
        command_line(words.chain(option).chain([self.package.into()]))
    }
}
