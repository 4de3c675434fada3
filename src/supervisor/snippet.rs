//! What `azup up` shows of code at the end of its answer, in the language of the project: a whole
//! program, or the two lines that any program needs.

use serde_json::Value;

use crate::azurite::url;
use crate::failure::command_line;
use crate::options::Language;

/// In this language, Python where none was seen. `blob` is the port of the blob service, and `azup`
/// how this azup is started.
pub(super) fn of(language: Option<Language>, blob: u16, has_identity: bool, azup: &str) -> String {
    let run = |words: &[&str]| command_line([&[azup, "run", "--"], words].concat());
    match language {
        None | Some(Language::Python) => python(blob, has_identity, azup, &run(&["python", "hello.py"])),
        Some(Language::Node) => node(&run(&["node", "hello.mjs"])),
        Some(Language::Dotnet) => format!(
            r#"// .NET: dotnet add package Azure.Identity && dotnet add package Azure.Storage.Blobs; then {}
var credential = new DefaultAzureCredential();
new BlobServiceClient(new Uri(Environment.GetEnvironmentVariable("AZURE_STORAGE_BLOB_ENDPOINT")), credential)
"#,
            run(&["dotnet", "run"])
        ),
        Some(Language::Java) => format!(
            r#"// Java, with com.azure:azure-identity and com.azure:azure-storage-blob; then {}
var credential = new DefaultAzureCredentialBuilder().build();
new BlobServiceClientBuilder().endpoint(System.getenv("AZURE_STORAGE_BLOB_ENDPOINT")).credential(credential).buildClient()
"#,
            run(&["java", "-jar", "app.jar"])
        ),
        Some(Language::Go) => format!(
            r#"// Go: go get github.com/Azure/azure-sdk-for-go/sdk/{{azidentity,storage/azblob}}; then {}
credential, err := azidentity.NewDefaultAzureCredential(nil)
azblob.NewClient(os.Getenv("AZURE_STORAGE_BLOB_ENDPOINT"), credential, nil)
"#,
            run(&["go", "run", "."])
        ),
        Some(Language::Powershell) => format!(
            "# PowerShell, with the URLs in AZURE_STORAGE_BLOB_ENDPOINT and its kin: {}\n",
            run(&["pwsh", "-File", "app.ps1"])
        ),
    }
}

/// A program that stores a blob and reads it back.
fn node(run: &str) -> String {
    format!(
        r#"// Node.js: npm install @azure/identity @azure/storage-blob; then {run}
import {{ DefaultAzureCredential }} from "@azure/identity";
import {{ BlobServiceClient }} from "@azure/storage-blob";

const url = process.env.AZURE_STORAGE_BLOB_ENDPOINT;
const hello = new BlobServiceClient(url, new DefaultAzureCredential()).getContainerClient("hello");
await hello.createIfNotExists();
const blob = hello.getBlockBlobClient("hello.txt");
await blob.uploadData(Buffer.from("Hello, Azurite"));
console.log(String(await blob.downloadToBuffer()));
"#
    )
}

/// The same: as in production where somebody answers for the credential, else with one of its own.
fn python(blob: u16, has_identity: bool, azup: &str, run: &str) -> String {
    let before = if has_identity {
        format!(
            r#"# Python: pip install azure-identity azure-storage-blob; then {run}
import os
from azure.identity import DefaultAzureCredential
from azure.storage.blob import ContainerClient

url = os.environ["AZURE_STORAGE_BLOB_ENDPOINT"]
hello = ContainerClient(url, "hello", DefaultAzureCredential())
"#
        )
    } else {
        // A JSON string is a Python string, too.
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
