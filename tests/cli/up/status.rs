//! `azup status` says which of this user's stores trust what an Azurite serves.

use super::site::Site;
use crate::python::Environment;

#[test]
fn status_says_which_stores_trust_the_certificate_that_is_served() {
    let mut site = Site::new();
    let _up = site.up(&["--in-memory"]);
    let status = |site: &Site, more: &[&str]| {
        let words = |format: &[&'static str]| [&["status"], more, format].concat();
        let text = site.sandbox.azup(words(&[])).ok().stdout;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("trusted     "));
        let document = site.sandbox.azup(words(&["--json"])).ok().json();
        let level = document["azurites"][0]["trust"]["level"]
            .as_str()
            .unwrap()
            .to_owned();
        (line.map(str::to_owned), level)
    };
    let said = |line: &str, level: &str| (Some(line.to_owned()), level.to_owned());
    assert_eq!(
        status(&site, &[]),
        (None, "none".to_owned()),
        "--stores none"
    );

    site.sandbox.set("AZUP_STORES", "certifi");
    let environment = Environment::by_uv(&site.sandbox, ".venv", "copy", &["requests"]);
    assert_eq!(status(&site, &[]), said("by no store: azup trust", "none"));
    let before = std::fs::read(environment.bundle()).unwrap();
    site.sandbox.azup(["trust"]).ok();
    assert_eq!(
        status(&site, &[]),
        said("by the one store that is here", "full")
    );
    site.sandbox.write("other.pem", before);
    let other = ["--bundle", "other.pem"];
    assert_eq!(
        status(&site, &other),
        said("by 1 of 2 stores, not by bundle", "partial")
    );
    // It has only looked.
    assert_eq!(
        status(&site, &other),
        said("by 1 of 2 stores, not by bundle", "partial")
    );
}
