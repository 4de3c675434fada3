//! Clients of Data Lake's own endpoint (dfs), which Azurite does not have.

use std::path::Path;

use super::comments::is_comment;
use super::Notice;

/// Names of such clients in Python, JavaScript, .NET, Java and Go, in lower case.
const CLIENTS: [&str; 10] = [
    "azdatalake",
    "azure.storage.filedatalake",
    "datalakedirectoryclient",
    "datalakefileclient",
    "datalakefilesystemclient",
    "datalakeserviceclient",
    "storage-file-datalake",
    "storage.file.datalake",
    "storage.files.datalake",
    "storage_datalake",
];

/// Parts of its addresses, in lower case.
const ADDRESSES: [&str; 4] = [
    ".dfs.core.windows.net",
    ".dfs.localhost",
    "abfs://",
    "abfss://",
];

/// The first line of a file that needs it: the others add nothing.
pub(super) fn look(path: &Path, text: &str) -> Option<Notice> {
    let lower = text.to_ascii_lowercase();
    let all = || CLIENTS.iter().chain(&ADDRESSES);
    if !all().any(|word| lower.contains(word)) {
        return None;
    }
    let mut lines = (1..).zip(lower.lines());
    let (number, word) = lines.find_map(|(number, line)| {
        let word = all().find(|word| line.contains(**word))?;
        (!is_comment(path, line)).then_some((number, word))
    })?;
    let kind = if ADDRESSES.contains(word) {
        "an address"
    } else {
        "a client"
    };
    Some(Notice::at(
        path,
        number,
        format!("{word} is {kind} of Data Lake's (dfs)"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_and_addresses_of_data_lake_are_told_and_comments_are_not() {
        for (path, text, expected) in [
            (
                "a.py",
                "import os\nfrom azure.storage.filedatalake import DataLakeServiceClient\n",
                Some(2),
            ),
            (
                "a.ts",
                "import { DataLakeServiceClient } from '@azure/storage-file-datalake'\n",
                Some(1),
            ),
            ("a.cs", "using Azure.Storage.Files.DataLake;\n", Some(1)),
            (
                "a.go",
                "import \"github.com/Azure/azure-sdk-for-go/sdk/storage/azdatalake\"\n",
                Some(1),
            ),
            (
                "conf.yml",
                "path: abfss://lake@account.dfs.core.windows.net/x\n",
                Some(1),
            ),
            ("a.py", "# DataLakeServiceClient\n", None),
            (
                "a.py",
                "from azure.storage.blob import BlobServiceClient\n",
                None,
            ),
        ] {
            let line = look(Path::new(path), text).and_then(|found| found.line);
            assert_eq!(line, expected, "{text}");
        }
    }
}
