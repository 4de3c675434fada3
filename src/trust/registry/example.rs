//! A store that exists in tests alone. That this file and its line in the table are all of it
//! proves that no other part of azup lists the kinds of stores.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::certificates::TrustAnchor;
use crate::change::Change;
use crate::failure::Exit;
use crate::files::{self, Content};
use crate::machine::Machine;
use crate::options::Kind;
use crate::trust::definition::Definition;
use crate::trust::{Candidate, Store};
use crate::trust::{RemovalFilter, Status};

const KIND: Kind = Kind::new("example");

/// Names its file.
const VARIABLE: &str = "AZUP_EXAMPLE";

pub(super) static STORE: Definition = Definition {
    kind: KIND,
    asked_by: &[KIND],
    of_project: false,
    check: "store-example",
    title: "the example has the CA",
    read_by_program: false,
    find: |search| {
        let named = search.machine.var(VARIABLE).map(PathBuf::from);
        let store = named.map(|path| Candidate::Store(Box::new(Example(path))));
        store.into_iter().collect()
    },
    reopen: Some(|path| Box::new(Example(path))),
};

/// A file that is one CA.
struct Example(PathBuf);

impl Store for Example {
    fn kind(&self) -> Kind {
        KIND
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn status(&self, ca: &TrustAnchor, _machine: &Machine) -> Result<Status> {
        let there = files::read_if_there(&self.0)?;
        Ok(if there.as_deref() == Some(ca.pem.as_bytes()) {
            Status::Trusted
        } else {
            Status::Missing
        })
    }

    fn add(&self, ca: &TrustAnchor, machine: &Machine) -> Result<Vec<Change>> {
        if self.status(ca, machine)? == Status::Trusted {
            return Ok(Vec::new());
        }
        let content = Content::File {
            bytes: ca.pem.clone().into_bytes(),
            mode: 0o644,
        };
        Ok(vec![Change::Write {
            path: self.0.clone(),
            expect: files::read_if_there(&self.0)?,
            content,
        }])
    }

    fn remove(&self, removal: &RemovalFilter, _machine: &Machine) -> Result<Vec<Change>> {
        let goes = |ca: TrustAnchor| removal.names(&ca.der);
        let there = files::read_if_there(&self.0)?;
        let ours = there.filter(|bytes| TrustAnchor::alone_in(bytes).is_some_and(goes));
        let path = self.0.clone();
        Ok(ours
            .map(|expect| Change::Delete { path, expect })
            .into_iter()
            .collect())
    }
}

/// One command as a user types it.
fn azup(line: &str, machine: &Machine) -> Exit {
    let words = ["azup"].into_iter().chain(line.split(' '));
    let (cli, global) = crate::cli::parse(words.map(Into::into)).expect("a command line");
    let output = crate::output::Output::new(&global);
    crate::commands::run(&cli.command, &global, machine, output).expect("an end")
}

#[test]
fn a_store_of_one_file_and_one_line_is_in_help_selection_record_and_doctor() {
    let home = tempfile::tempdir().expect("a folder");
    let ca = home.path().join("example.pem");
    let environment = [(VARIABLE, ca.as_os_str())];
    let machine = Machine::for_test(home.path(), &environment);

    assert!(crate::cli::stores_help().contains("example"));
    assert_eq!(azup("trust --stores example", &machine), Exit::Done);
    assert!(ca.exists());
    assert_eq!(azup("doctor store-example", &machine), Exit::Done);
    std::fs::remove_file(&ca).expect("removed");
    assert_eq!(azup("doctor store-example", &machine), Exit::Failed);
    assert_eq!(azup("trust --stores example", &machine), Exit::Done);

    // Out of the search's sight, it is known from the record.
    let elsewhere: [(&str, &OsStr); 0] = [];
    let machine = Machine::for_test(home.path(), &elsewhere);
    assert_eq!(azup("untrust --stores example", &machine), Exit::Done);
    assert!(!ca.exists());
}
