//! Clients with a switch or a short word for the emulator, all of which mean plain HTTP on the
//! usual ports: they work with azup's Azurite as with a plain one, unchanged.

use super::clients::script;
use super::serve::KEY;
use super::site::Site;
use crate::sandbox::{azup, part};

/// What the clients print, after each has read what it stored.
const ALL: &str = "a blob\na message\na blob\na message\nby rclone\na blob\nby-obstore by-rclone\n";

/// Runs these lines in a separate network, where the usual ports are free; `clients.sh` runs all
/// the clients.
fn all(lines: &str) -> String {
    let mut site = Site::new();
    let python = part("venv/bin/python");
    let node = part("node22/node_modules/node/bin/node");
    let obstore = part("emulator-clients/bin/python");
    for (name, path) in [
        ("PYTHON", python),
        ("NODE", node),
        ("OBSTORE", obstore),
        ("RCLONE", part("emulator-clients/bin/rclone")),
        ("DEVELOPMENT_PY", script("development.py")),
        ("DEVELOPMENT_MJS", script("development.mjs")),
        ("EMULATOR_PY", script("emulator.py")),
        ("PACKAGES", part("npm-sdks/node_modules")),
        ("AZUP", azup().to_owned()),
    ] {
        site.sandbox.set(name, path);
    }
    site.sandbox.set("RCLONE_CONFIG", "/dev/null");
    site.sandbox.set("RCLONE_AZUREBLOB_USE_EMULATOR", "true");
    site.sandbox.write(
        "clients.sh",
        "set -e\n\
        \"$PYTHON\" \"$DEVELOPMENT_PY\"\n\
        \"$NODE\" \"$DEVELOPMENT_MJS\" \"$PACKAGES\"\n\
        \"$RCLONE\" --quiet mkdir :azureblob:laws\n\
        echo by rclone | \"$RCLONE\" --quiet rcat :azureblob:laws/by-rclone\n\
        \"$RCLONE\" --quiet cat :azureblob:laws/by-rclone\n\
        \"$OBSTORE\" \"$EMULATOR_PY\"\n",
    );
    let line = format!("set -e; ip link set lo up; {lines}");
    let words = ["--user", "--map-root-user", "--net", "sh", "-c", &line];
    site.sandbox.run("/usr/bin/unshare", words).ok().stdout
}

#[test]
fn every_switch_for_the_emulator_works_against_azup_up() {
    let said = all(
        "\"$AZUP\" up -d --in-memory > /dev/null; code=0; sh clients.sh || code=$?\n\
         \"$AZUP\" down > /dev/null; exit $code",
    );
    assert_eq!(said, ALL);
}

/// With the variables of `azup run` set.
#[test]
fn every_switch_for_the_emulator_works_under_azup_run() {
    assert_eq!(all("exec \"$AZUP\" run --in-memory -- sh clients.sh"), ALL);
}

#[test]
fn curl_reads_and_writes_by_a_signature_over_plain_http() {
    let site = Site::new();
    let _up = site.up(&[]);
    site.curl("PUT", "/signed?restype=container", &site.token(), None);
    let signed = |protocols: &str| {
        let words = [
            script("signed.py").into_os_string(),
            KEY.into(),
            "signed".into(),
            protocols.into(),
        ];
        let done = site.sandbox.run(part("venv/bin/python"), words).ok();
        format!("/signed/blob?{}", done.stdout.trim())
    };
    let both = signed("https,http");
    let put = [
        "-X",
        "PUT",
        "-H",
        "x-ms-blob-type: BlockBlob",
        "--data-binary",
        "by curl",
    ];
    let answer = site.plain(&put, &both);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let answer = site.plain(&[], &both);
    assert!(answer.ends_with("by curl"), "{answer}");
    // As in Azure: a SAS for HTTPS only.
    let answer = site.plain(&[], &signed("https"));
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}
