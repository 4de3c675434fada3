//! `azup man`: manual pages, generated from the types that parse the command line. One to standard
//! output, or all of them to a folder.

use anyhow::Result;
use serde_json::json;

use crate::change::{self, Change};
use crate::cli::{self, Man};
use crate::failure::{Exit, shown};
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Global;
use crate::output::{Answer, coloured_diff};

pub(super) fn run(man: &Man, global: &Global, machine: &Machine) -> Result<Answer> {
    let pages = pages()?;
    let Some(folder) = &man.output else {
        let text = String::from_utf8(
            pages
                .into_iter()
                .next()
                .map(|page| page.1)
                .unwrap_or_default(),
        )?;
        return Ok(Answer {
            brief: Some(text.clone()),
            document: json!({ "page": text }),
            text,
            exit: Exit::Done,
        });
    };
    let folder = machine.absolute(folder);
    let mut changes = vec![Change::Directory {
        path: folder.clone(),
        mode: 0o755,
    }];
    for (name, bytes) in pages {
        let path = folder.join(name);
        let expect = files::read_if_there(&path)?;
        if expect.as_ref() != Some(&bytes) {
            changes.push(Change::Write {
                path,
                expect,
                content: Content::File { bytes, mode: 0o644 },
            });
        }
    }
    let written = changes.len() - 1;
    let mut text = String::new();
    if global.dry_run {
        for change in &changes {
            text += &coloured_diff(&change.preview(machine));
        }
    } else {
        change::apply(&changes, machine)?;
        text = format!("{written} manual pages written to {}\n", shown(&folder));
    }
    Ok(Answer {
        brief: None,
        text,
        document: json!({
            "dry_run": global.dry_run,
            "folder": folder.to_string_lossy(),
            "written": written,
        }),
        exit: Exit::Done,
    })
}

/// Every page with its file name, that of `azup` itself first.
fn pages() -> Result<Vec<(String, Vec<u8>)>> {
    let mut root = cli::published();
    root.build();
    let mut pages = vec![page(root.clone())?];
    for command in root.get_subcommands() {
        pages.push(page(command.clone())?);
    }
    Ok(pages)
}

fn page(command: clap::Command) -> Result<(String, Vec<u8>)> {
    let page = clap_mangen::Man::new(command);
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    Ok((page.get_filename(), bytes))
}
