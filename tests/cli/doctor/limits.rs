//! What Azurite lacks, or does only with an option.

use super::patient::{Patient, check};

#[test]
fn a_client_of_data_lake_is_named_with_its_line() {
    let patient = Patient::healthy();
    patient
        .sandbox
        .write("app.py", "import os\n# DataLakeServiceClient\n");
    patient.only(&[]);
    let import = "import os\nfrom azure.storage.filedatalake import DataLakeServiceClient\n";
    patient.sandbox.write("app.py", import);
    let document = patient.only(&[("data-lake", "warn")]);
    let said = check(&document, "data-lake");
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("app.py:2: azure.storage.filedatalake is a client of Data Lake's"),
        "{said}"
    );
    assert!(detail.contains("use the blob client"), "{said}");
    assert!(said["fix"].is_null(), "{said}");
}

#[test]
fn a_page_that_calls_azurite_is_told_how_it_is_let() {
    let patient = Patient::healthy();
    super::azurite::installed(&patient);
    let package =
        r#"{"dependencies": {"@azure/storage-blob": "12"}, "devDependencies": {"vite": "7"}}"#;
    patient.sandbox.write("web/package.json", package);
    // Nothing is wrong while nothing runs.
    let document = patient.only(&[]);
    let said = check(&document, "cors").to_string();
    assert!(
        said.contains("azup up --cors http://localhost:5173"),
        "{said}"
    );

    super::azurite::up(&patient);
    let document = patient.only(&[("cors", "warn")]);
    let said = check(&document, "cors");
    let detail = said["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("web/package.json: a page that vite serves calls Azurite"),
        "{said}"
    );
    let fix = said["fix"].as_str().unwrap().to_owned();
    let words: Vec<&str> = fix.split(' ').skip(1).collect();
    patient.sandbox.azup(words).ok();
    patient.only(&[]);
    patient.sandbox.azup(["down"]).ok();
}
