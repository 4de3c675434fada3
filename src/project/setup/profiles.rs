//! The launch profiles of .NET projects, if the user asks for them.

use anyhow::Result;

use super::{Request, Setup};
use crate::failure::shown;
use jsonc_edit::Refusal;
use crate::project::launch_profile::runnable;

impl Setup<'_> {
    pub(super) fn launch_profiles(&mut self, request: &Request) -> Result<()> {
        if !request.launch_profile {
            return Ok(());
        }
        let projects = runnable(&self.project.folder);
        if projects.is_empty() {
            self.notes.push(
                "--launch-profile: no .NET project here is started by a launch profile".to_owned(),
            );
        }
        for project in projects {
            let Some((real, bytes)) = self.read_there(&project.path)? else {
                self.create(&project.new_file()?);
                continue;
            };
            match jsonc_edit::parse(&bytes) {
                Ok(value) => {
                    let edits = [project.edit(&value)];
                    self.edit(&project.path, &real, &bytes, &edits);
                }
                Err(Refusal(why)) => {
                    let path = shown(&project.path);
                    self.notes.push(format!("{path}: left alone: {why}"));
                }
            }
        }
        Ok(())
    }
}
