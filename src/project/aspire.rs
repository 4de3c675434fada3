//! .NET Aspire: an `AppHost` starts every program of a solution, and usually its own Azurite, over
//! HTTP and on its own ports. What it starts would use nothing that `azup init` writes, so nothing
//! is written unless the user insists, and the user is told how to get to azup's Azurite.

use std::path::{Path, PathBuf};

use super::language::{Tree, is};
use super::record::Record;
use super::Project;
use crate::failure::{Exit, Failure, command_line, shown};

/// How many source files to look into.
const MOST: usize = 2_000;

/// The methods that add a resource of an Azurite service, and that service's port.
const RESOURCES: [(&str, u16); 6] = [
    (".AddBlobs(", 10000),
    (".AddBlobService(", 10000),
    (".AddQueues(", 10001),
    (".AddQueueService(", 10001),
    (".AddTables(", 10002),
    (".AddTableService(", 10002),
];

/// An `AppHost`.
struct AppHost {
    /// Its project, or its single file.
    project: PathBuf,
    /// Where it starts an Azurite.
    azurite: Option<(PathBuf, usize)>,
    /// What it passes to its programs: the name of each connection string, and the port behind it.
    resources: Vec<(String, u16)>,
}

impl Project {
    /// Refuses to write here without `--force`, if an `AppHost` starts the programs to debug. A
    /// project that is already set up was meant to be.
    pub fn refuse_aspire(&self, words: &[std::ffi::OsString]) -> anyhow::Result<()> {
        let Some(host) = AppHost::find(&self.folder) else {
            return Ok(());
        };
        if Record::load(&self.folder)?.is_some() {
            return Ok(());
        }
        let words = ["azup".into()].into_iter().chain(words.iter().cloned());
        let words = words.chain(["--force".into(), self.folder.clone().into_os_string()]);
        Err(Failure::new(host.why())
            .snippet(host.way())
            .hint(command_line(words))
            .exit(Exit::Refused)
            .into())
    }
}

impl AppHost {
    fn find(folder: &Path) -> Option<Self> {
        let tree = Tree::read(folder);
        let is_project = |name: &str| is(name, "csproj") || is(name, "fsproj");
        let hosts = |text: &str| {
            ["Aspire.AppHost.Sdk", "<IsAspireHost>true", "Aspire.Hosting.AppHost\""]
                .iter()
                .any(|sign| text.contains(sign))
        };
        let single = |text: &str| {
            let mut lines = text.lines().take(20);
            lines.any(|line| line.trim().starts_with("#:sdk") && line.contains("Aspire.AppHost.Sdk"))
        };
        let project = tree
            .all(is_project)
            .find(|file| hosts(&tree.text(file)))
            .or_else(|| {
                let mut sources = tree.all(|name| is(name, "cs")).take(MOST);
                sources.find(|file| single(&tree.text(file)))
            })?
            .to_owned();
        let mut this = Self {
            azurite: None,
            resources: Vec::new(),
            project,
        };
        let own = this.folder().to_owned();
        let sources = tree.all(|name| is(name, "cs") || is(name, "fs"));
        for source in sources.filter(|file| file.starts_with(&own)).take(MOST) {
            this.look(source, &tree.text(source));
        }
        Some(this)
    }

    fn folder(&self) -> &Path {
        self.project.parent().unwrap_or(Path::new(""))
    }

    /// Works for any layout of the statements: storage is added, and somewhere runs as an emulator.
    fn look(&mut self, path: &Path, text: &str) {
        let Some(added) = text.find("AddAzureStorage(") else {
            return;
        };
        let line = text[..added].matches('\n').count() + 1;
        if self.azurite.is_none() && text.contains("RunAsEmulator") {
            self.azurite = Some((path.to_owned(), line));
        }
        for (method, port) in RESOURCES {
            for (at, _) in text.match_indices(method) {
                let rest = text[at + method.len()..].trim_start();
                if let Some(name) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next())
                    && !name.is_empty()
                    && !self.resources.iter().any(|(known, _)| known == name)
                {
                    self.resources.push((name.to_owned(), port));
                }
            }
        }
    }

    fn why(&self) -> String {
        match &self.azurite {
            Some((path, line)) => format!(
                "{}:{line} starts Aspire's own Azurite, over HTTP, without tokens and on other \
                 ports: programs that F5 starts would not use azup's, so nothing was written",
                shown(path)
            ),
            None => format!(
                "{} is an Aspire AppHost, which starts your programs: without a change, none of \
                 them would use azup's Azurite, so nothing was written",
                shown(&self.project)
            ),
        }
    }

    /// Lines to paste. The `AppHost` passes its environment on to what it starts (measured).
    fn way(&self) -> String {
        let usual = [("files".to_owned(), 10000)];
        let resources = if self.resources.is_empty() { &usual[..] } else { &self.resources };
        let mut code = String::new();
        let mut strings = Vec::new();
        for (name, port) in resources {
            let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            code += &format!("var {plain} = builder.AddConnectionString(\"{name}\");\n");
            strings.push(format!("\"{name}\": \"https://127.0.0.1:{port}/devstoreaccount1\""));
        }
        let settings = self.folder().join("appsettings.Development.json");
        let run = ["azup", "run", "--", "dotnet", "run", "--project"].map(std::ffi::OsStr::new);
        let project = if self.folder() == Path::new("") { Path::new(".") } else { self.folder() };
        let run = command_line(run.into_iter().chain([project.as_os_str()]));
        format!(
            "to use azup's Azurite, replace the storage in the AppHost's code by:\n\
             {code}in {}:\n\"ConnectionStrings\": {{ {} }}\nand then:\n{run}\n",
            shown(&settings),
            strings.join(", ")
        )
    }
}
