//! For C# developers: what .NET reads besides the environment, its own store, and what `init` does
//! to their projects. `dotnet` is a stand-in here, and is called one: azup only looks at files.
//! What a real .NET program does is in `up/dotnet.rs`.

mod functions;
mod init;
mod overriding;
mod settings;
mod store;

use crate::sandbox::{Done, Sandbox, write_program};

const PROJECT: &str = "<Project Sdk=\"Microsoft.NET.Sdk\">\n  <PropertyGroup>\n    <OutputType>Exe</OutputType>\n    <TargetFramework>net10.0</TargetFramework>\n  </PropertyGroup>\n</Project>\n";

/// A project with these files in a sandbox in which no store is touched, with a stand-in for dotnet
/// that prints one variable.
fn project(files: &[(&str, &str)]) -> Sandbox {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    for (path, text) in files {
        sandbox.write(path, text);
    }
    stand_in(&mut sandbox);
    sandbox
}

/// Puts a stand-in for dotnet on PATH.
fn stand_in(sandbox: &mut Sandbox) {
    let bin = sandbox.root().join("bin-of-stand-ins");
    std::fs::create_dir_all(&bin).unwrap();
    let script = "#!/bin/sh\n# A stand-in for dotnet.\necho \"$AZURE_STORAGE_BLOB_ENDPOINT\"\n";
    write_program(&bin.join("dotnet"), script);
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
    sandbox.set("PATH", path);
}

/// `azup run --dry-run -- WORDS`: what it would say before it starts the command.
fn would_run(sandbox: &Sandbox, words: &str) -> Done {
    let words = ["run", "--dry-run", "--"]
        .into_iter()
        .chain(words.split(' '));
    sandbox.azup(words)
}

/// The warnings and hints of a command.
fn said(done: &Done) -> String {
    let lines = done.stderr.lines();
    let lines: Vec<&str> = lines
        .filter(|line| line.starts_with("warning: ") || line.starts_with("hint: "))
        .collect();
    lines.join("\n")
}
