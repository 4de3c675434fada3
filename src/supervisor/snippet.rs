//! What `azup up` shows of code at the end of its answer, in the language of the project: a program
//! that stores a blob and reads it back, with what installs its packages and what runs it. For .NET
//! it is the two lines that any program needs.

use serde_json::Value;

use crate::azurite::url;
use crate::failure::command_line;
use crate::options::Language;

/// What the code of a project is written in, as far as azup knows a program in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// What `azup init` knows, too.
    Of(Language),
    /// With a `Cargo.toml`.
    Rust,
}

/// In this language, Python where none was seen. `blob` is the port of the blob service, and `azup`
/// how this azup is started.
pub(super) fn of(code: Option<Code>, blob: u16, has_identity: bool, azup: &str) -> String {
    let run = |words: &[&str]| command_line([&[azup, "run", "--"], words].concat());
    let language = match code {
        None => Language::Python,
        Some(Code::Of(language)) => language,
        Some(Code::Rust) => {
            return format!(
                "// Rust: cargo add azure_core azure_identity azure_storage_blob tokio --features tokio/full; save this as src/main.rs; then {}\n{}",
                run(&["cargo", "run"]),
                include_str!("../../templates/hello/main.rs")
            );
        }
    };
    match language {
        Language::Python => python(blob, has_identity, azup, &run(&["python", "hello.py"])),
        Language::Node => format!(
            "// Node.js: npm install @azure/identity @azure/storage-blob; save this as hello.mjs; then {}\n{}",
            run(&["node", "hello.mjs"]),
            include_str!("../../templates/hello/hello.mjs")
        ),
        Language::Dotnet => format!(
            r#"// .NET: dotnet add package Azure.Identity && dotnet add package Azure.Storage.Blobs; then {}
var credential = new DefaultAzureCredential();
new BlobServiceClient(new Uri(Environment.GetEnvironmentVariable("AZURE_STORAGE_BLOB_ENDPOINT")), credential)
"#,
            run(&["dotnet", "run"])
        ),
        Language::Java => format!(
            "// Java: add com.azure:azure-identity:1.18.4 and com.azure:azure-storage-blob:12.35.0 to pom.xml; \
             save this as src/main/java/Hello.java; then {}\n{}",
            run(&["mvn", "-q", "compile", "exec:java", "-Dexec.mainClass=Hello"]),
            include_str!("../../templates/hello/Hello.java")
        ),
        Language::Go => format!(
            "// Go: go get github.com/Azure/azure-sdk-for-go/sdk/azidentity github.com/Azure/azure-sdk-for-go/sdk/storage/azblob; \
             save this as main.go; then {}\n{}",
            run(&["go", "run", "."]),
            include_str!("../../templates/hello/main.go")
        ),
        Language::Powershell => format!(
            "# PowerShell, with the URLs in AZURE_STORAGE_BLOB_ENDPOINT and its kin: {}\n",
            run(&["pwsh", "-File", "app.ps1"])
        ),
    }
}

/// The same: as in production where somebody answers for the credential, else with one of its own.
fn python(blob: u16, has_identity: bool, azup: &str, run: &str) -> String {
    let before = if has_identity {
        format!(
            r#"# Python: pip install azure-identity azure-storage-blob; save this as hello.py; then {run}
import os
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient

url = os.environ["AZURE_STORAGE_BLOB_ENDPOINT"]
hello = ContainerClient(url, "hello", DefaultAzureCredential())
"#
        )
    } else {
        // A JSON string is also a Python string.
        let azup = Value::from(azup);
        let url = url(blob);
        format!(
            r#"# Python, in a virtual environment: pip install azure-storage-blob, then azup trust
import subprocess, time
from azure.core.credentials import AccessToken
from azure.storage.blob import ContainerClient

class LocalCredential:
    def get_token(self, *scopes, **options):
        return AccessToken(subprocess.check_output([{azup}, "token"], text=True).strip(), int(time.time()) + 3600)

hello = ContainerClient("{url}", "hello", LocalCredential())
"#
        )
    };
    before
        + r#"created = hello.exists() or hello.create_container()
stored = hello.upload_blob("hello.txt", b"Hello, Azurite", overwrite=True)
print(hello.download_blob("hello.txt").readall().decode())
"#
}
