//! An Azurite that is there.

use super::*;
use crate::project::compose::outcome::Adopted;

const IMAGE: &str = "mcr.microsoft.com/azure-storage/azurite";

/// An app, and a service `storage` with these fields.
fn with(fields: &str) -> Overlay {
    made(&with_text(fields))
}

fn with_text(fields: &str) -> String {
    format!("services:\n  app: {{image: a}}\n  storage:\n    image: {IMAGE}\n{fields}")
}

#[track_caller]
fn adopted(overlay: &Overlay) -> &Adopted {
    overlay.adopted.as_ref().unwrap()
}

/// What it runs.
#[track_caller]
fn line(overlay: &Overlay) -> String {
    let command = &yaml(overlay)["services"][&overlay.service]["command"];
    let text = match command.as_array() {
        Some(words) => words.last().unwrap().as_str(),
        None => command.as_str(),
    };
    text.unwrap_or_else(|| panic!("{}", overlay.text)).to_owned()
}

const REST: &str = "--cert /certs/cert.pem --key /certs/key.pem --oauth basic --skipApiVersionCheck --disableTelemetry";

#[test]
fn azurite_is_known_by_its_image() {
    for image in [
        "mcr.microsoft.com/azure-storage/azurite",
        "mcr.microsoft.com/azure-storage/azurite:latest",
        "mcr.microsoft.com/azure-storage/azurite:3.35.0",
        "mcr.microsoft.com/azure-storage/azurite@sha256:0123",
        "mcr.microsoft.com/azure-storage/azurite:3.35.0@sha256:0123",
        "mcr.microsoft.com/azure-storage/azurite:${AZURITE_VERSION:-latest}",
        "mcr.microsoft.com/azure-storage/azurite:${AZURITE_VERSION}",
        "${REGISTRY}/azure-storage/azurite:4",
        "${REGISTRY:-mcr.microsoft.com}/azure-storage/azurite",
        "registry.example:5000/mirror/azurite",
        "localhost:5000/azure-storage/azurite:dev",
    ] {
        let made = made(&format!(
            "services: {{app: {{image: a}}, blobs: {{image: '{image}'}}}}"
        ));
        assert_eq!(made.service, "blobs", "{image}");
        assert!(made.adopted.is_some());
    }
    for image in [
        "nginx",
        "azurite-proxy",
        "mcr.microsoft.com/azure-storage/azurite-tools",
        "azurite/web",
    ] {
        let other = made(&format!(
            "services: {{app: {{image: a}}, blobs: {{image: '{image}'}}}}"
        ));
        assert_eq!(
            (other.service.as_str(), other.adopted),
            ("azurite", None),
            "{image}"
        );
    }
}

#[test]
fn one_without_anything_gets_everything_and_joins_the_app() {
    let made = with("");
    assert_eq!(made.service, "storage");
    assert_eq!(made.host, "127.0.0.1");
    let file = yaml(&made);
    let service = &file["services"]["storage"];
    assert_eq!(file["services"].as_object().unwrap().len(), 1);
    assert!(service["image"].is_null(), "the user's image stays");
    assert_eq!(service["network_mode"], "service:app");
    assert_eq!(service["volumes"][0]["target"], "/certs");
    assert_eq!(service["volumes"][2], "azurite-data:/data");
    assert!(
        file["volumes"]
            .as_object()
            .unwrap()
            .contains_key("azurite-data")
    );
    assert_eq!(
        line(&made),
        format!(
            "azurite -l /data --blobHost 0.0.0.0 --queueHost 0.0.0.0 --tableHost 0.0.0.0 {REST}"
        )
    );
    assert!(service["healthcheck"]["test"].is_array());
    assert_eq!(service["restart"], "unless-stopped");
    assert_eq!(service["init"], true);
    assert_eq!(
        adopted(&made).added,
        [
            "the network of the dev container (service:app)",
            "the volume azurite-data at /data",
            "the flag --oauth basic",
            "the flag --skipApiVersionCheck",
            "the flag --disableTelemetry",
            "the certificate, and HTTPS beside HTTP",
            "init",
            "restart: unless-stopped",
            "a healthcheck",
        ]
    );
    assert!(adopted(&made).notes.is_empty());
}

#[test]
fn flags_of_the_user_are_kept() {
    for (command, expected) in [
        ("azurite --loose -s", "azurite --loose -s -l /data"),
        (
            "azurite --silent --location /data --debug /data/debug.log",
            "azurite --silent --location /data --debug /data/debug.log",
        ),
        (
            "azurite -l /data --blobHost 127.0.0.1",
            "azurite -l /data --blobHost 127.0.0.1",
        ),
        (
            "azurite --blobHost=0.0.0.0 --blobPort=11000",
            "azurite --blobHost=0.0.0.0 --blobPort=11000 -l /data",
        ),
        (
            "[\"azurite\", \"-l\", \"/data\", \"--pwd\", \"it's $${me} `x`\"]",
            "azurite -l /data",
        ),
        (
            "[\"azurite\", \"-d\", \"two words.log\"]",
            "azurite -d 'two words.log' -l /data",
        ),
        (
            "azurite -d \"two 'words'.log\"",
            "azurite -d 'two '\\''words'\\''.log' -l /data",
        ),
        (
            ">-\n      azurite\n      --loose\n      --blobPort ${BLOB:-10000}",
            "azurite --loose --blobPort ${BLOB:-10000} -l /data",
        ),
        ("sh -c 'azurite --loose'", "azurite --loose -l /data"),
        (
            "/bin/sh -c \"exec /usr/local/bin/azurite -L\"",
            "/usr/local/bin/azurite -L -l /data",
        ),
        (
            "node /opt/azurite/dist/src/azurite.js --loose",
            "node /opt/azurite/dist/src/azurite.js --loose -l /data",
        ),
        ("--loose", "azurite --loose -l /data"),
        (
            "azurite --inMemoryPersistence --extentMemoryLimit 50",
            "azurite --inMemoryPersistence --extentMemoryLimit 50",
        ),
    ] {
        let made = with(&format!("    command: {command}\n"));
        assert_eq!(line(&made), format!("{expected} {REST}"), "{command}");
    }
}

#[test]
fn flags_that_are_there_are_not_repeated() {
    let made = with(
        "    command: azurite --skipApiVersionCheck -l /data --disableTelemetry --oauth basic --disableProductStyleUrl\n",
    );
    assert_eq!(
        line(&made),
        "azurite --skipApiVersionCheck -l /data --disableTelemetry --oauth basic --disableProductStyleUrl --cert /certs/cert.pem --key /certs/key.pem"
    );
    assert!(
        !adopted(&made)
            .added
            .iter()
            .any(|added| added.contains("flag")),
        "{made:?}"
    );
}

#[test]
fn oauth_without_a_certificate_is_repaired() {
    for (command, expected) in [
        (
            "azurite --oauth basic -l /data",
            "azurite --oauth basic -l /data --cert /certs/cert.pem --key /certs/key.pem --skipApiVersionCheck --disableTelemetry",
        ),
        (
            "azurite --oauth -l /data",
            &format!("azurite -l /data {REST}"),
        ),
        (
            "azurite -l /data --oauth basic --cert /c.pem",
            "azurite -l /data --oauth basic --cert /certs/cert.pem --key /certs/key.pem --skipApiVersionCheck --disableTelemetry",
        ),
        (
            "azurite -l /data --key /k.pem",
            &format!("azurite -l /data {REST}"),
        ),
    ] {
        assert_eq!(
            line(&with(&format!("    command: {command}\n"))),
            expected,
            "{command}"
        );
    }
}

#[test]
fn a_certificate_of_the_users_is_kept() {
    let made = with(
        "    command: azurite --cert /workspace/certs/cert.pem --key /workspace/certs/key.pem --oauth basic\n    volumes: ['./mine:/workspace/certs', 'd:/data']\n",
    );
    let service = &yaml(&made)["services"]["storage"];
    let command: Vec<&str> = service["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap())
        .collect();
    assert_eq!(
        command.join(" "),
        "azurite --cert /workspace/certs/cert.pem --key /workspace/certs/key.pem --oauth basic -l /data --skipApiVersionCheck --disableTelemetry"
    );
    assert!(service["volumes"].is_null());
    assert!(service["healthcheck"].is_null());
    assert_has(&adopted(&made).notes.join("\n"), "it keeps the certificate");

    // The project's own set, named in the user's file.
    let made = with(
        "    command: azurite -l /data --cert /c/cert.pem --key /c/key.pem --oauth basic --skipApiVersionCheck --disableTelemetry\n    volumes: ['./azurite-certs:/c', 'd:/data']\n    init: true\n    restart: always\n    stop_grace_period: 1s\n    network_mode: service:app\n",
    );
    assert_eq!(adopted(&made).notes, [""; 0]);
    assert_eq!(adopted(&made).added, [""; 0]);
    assert_eq!(yaml(&made)["services"], serde_json::json!({"storage": {}}));

    let made = with("    command: azurite --cert /c.pfx --pwd x -l /data\n");
    assert_has(&made.text, "- --pwd");
    assert_has(&made.text, "- --oauth");
}

#[test]
fn one_with_a_network_of_its_own_is_reached_by_its_name() {
    for fields in [
        "    ports: ['10000:10000', '10001:10001', '10002:10002']\n",
        "    networks: [default]\n",
        "    hostname: storage\n",
        "    expose: [10000]\n",
    ] {
        let made = with(&format!(
            "{fields}    command: azurite --blobHost 127.0.0.1 --queueHost 0.0.0.0\n"
        ));
        assert_eq!(made.host, "storage", "{fields}");
        assert_eq!(made.sans, ["storage"]);
        assert!(yaml(&made)["services"]["storage"]["network_mode"].is_null());
        assert_eq!(
            line(&made),
            format!(
                "azurite --blobHost 0.0.0.0 --queueHost 0.0.0.0 --tableHost 0.0.0.0 -l /data {REST}"
            )
        );
        assert_has(&adopted(&made).notes.join("\n"), "https://storage");
    }
    let made = with("    ports: ['10000-10002:10000-10002']\n");
    assert_eq!(made.published, [10000, 10001, 10002]);
    assert!(made.forward_ports().is_empty());
    let made = with("    networks: [default]\n");
    let forwarded: Vec<_> = made
        .forward_ports()
        .into_iter()
        .map(|(_, port)| port)
        .collect();
    assert_eq!(
        forwarded,
        ["storage:10000", "storage:10001", "storage:10002"]
    );
}

#[test]
fn the_name_azurite_is_in_every_certificate() {
    let made = made(&format!(
        "services: {{app: {{image: a}}, azurite: {{image: {IMAGE}, ports: ['10000:10000']}}}}"
    ));
    assert_eq!(
        (made.host.as_str(), made.sans),
        ("azurite", Vec::<String>::new())
    );
}

#[test]
fn one_that_others_depend_on_stays_where_they_look_for_it() {
    for others in [
        "  app: {image: a, depends_on: [storage]}\n",
        "  app: {image: a, depends_on: {storage: {condition: service_started}}}\n",
        "  app: {image: a, links: ['storage:blobs']}\n",
        "  app: {image: a}\n  worker: {image: w, depends_on: [storage]}\n",
        "  app: {image: a}\n  worker: {image: w, network_mode: 'service:storage'}\n",
    ] {
        let made = made(&format!(
            "services:\n{others}  storage: {{image: {IMAGE}}}\n"
        ));
        assert_eq!(made.host, "storage", "{others}");
        assert!(
            yaml(&made)["services"]["storage"]["network_mode"].is_null(),
            "a circle"
        );
    }
}

#[test]
fn one_network_for_both_is_127_0_0_1() {
    for services in [
        format!(
            "app: {{image: a, network_mode: 'service:storage'}}, storage: {{image: {IMAGE}, ports: ['10000:10000']}}"
        ),
        format!("app: {{image: a}}, storage: {{image: {IMAGE}, network_mode: 'service:app'}}"),
        format!(
            "app: {{image: a, network_mode: 'service:db'}}, db: {{image: b}}, storage: {{image: {IMAGE}, network_mode: 'service:db'}}"
        ),
        format!(
            "app: {{image: a, network_mode: host}}, storage: {{image: {IMAGE}, network_mode: host}}"
        ),
    ] {
        let made = made(&format!("services: {{{services}}}"));
        assert_eq!(made.host, "127.0.0.1", "{services}");
        assert!(yaml(&made)["services"]["storage"]["network_mode"].is_null());
    }
}

#[test]
fn an_app_in_the_network_of_another_takes_azurite_along() {
    let made = made(&format!(
        "services: {{app: {{image: a, network_mode: 'service:db'}}, db: {{image: b}}, storage: {{image: {IMAGE}}}}}"
    ));
    assert_eq!(
        yaml(&made)["services"]["storage"]["network_mode"],
        "service:db"
    );
}

#[test]
fn an_app_in_the_hosts_network_reaches_what_is_published() {
    let made = made(&format!(
        "services: {{app: {{image: a, network_mode: host, depends_on: [storage]}}, storage: {{image: {IMAGE}}}}}"
    ));
    assert_eq!(made.host, "127.0.0.1");
    let ports = &yaml(&made)["services"]["storage"]["ports"];
    assert_eq!(
        *ports,
        serde_json::json!([
            "127.0.0.1:10000:10000",
            "127.0.0.1:10001:10001",
            "127.0.0.1:10002:10002"
        ])
    );
    assert!(made.forward_ports().is_empty());
}

#[test]
fn networks_apart_are_brought_together() {
    let made_so = made(&format!(
        "services: {{app: {{image: a, networks: [front, back]}}, storage: {{image: {IMAGE}, networks: [store]}}}}\nnetworks: {{front: , back: , store: }}"
    ));
    assert_eq!(
        yaml(&made_so)["services"]["storage"]["networks"],
        serde_json::json!(["front"])
    );
    let made = made(&format!(
        "services: {{app: {{image: a, networks: [front]}}, storage: {{image: {IMAGE}, ports: ['10000:10000']}}}}\nnetworks: {{front: }}"
    ));
    assert_eq!(
        yaml(&made)["services"]["storage"]["networks"],
        serde_json::json!(["default", "front"])
    );
    for fields in [
        "network_mode: bridge",
        "network_mode: none",
        "network_mode: 'container:x'",
    ] {
        let error = refused(&format!(
            "services: {{app: {{image: a}}, storage: {{image: {IMAGE}, {fields}}}}}"
        ));
        assert_has(&error, "(storage) cannot be used");
    }
}

#[test]
fn missing_ports_are_published_on_the_loopback_alone() {
    let ports = |fields: &str| yaml(&with(fields))["services"]["storage"]["ports"].clone();
    assert_eq!(
        ports("    ports: ['10000:10000']\n"),
        serde_json::json!(["127.0.0.1:10001:10001", "127.0.0.1:10002:10002"])
    );
    assert_eq!(
        ports("    ports:\n      - {target: 10000, published: 20000}\n      - '10001'\n"),
        serde_json::json!(["127.0.0.1:10002:10002"])
    );
    assert!(ports("    ports: ['10000-10002:10000-10002']\n").is_null());
    assert!(
        ports("    ports: ['${BLOB}:${BLOB}']\n").is_null(),
        "which one it is, is not known"
    );
    assert_eq!(
        ports("    ports: ['11000:11000']\n    command: azurite --blobPort 11000\n"),
        serde_json::json!(["127.0.0.1:10001:10001", "127.0.0.1:10002:10002"])
    );
    let note = with("    ports: ['20000:10000']\n");
    assert_has(
        &adopted(&note).notes.join("\n"),
        "10000 is 20000 on the host",
    );
}

#[test]
fn data_is_kept_where_the_user_keeps_it() {
    for (fields, expected) in [
        ("    volumes: ['./d:/data']\n", None),
        (
            "    volumes: ['d:/data']\n    command: azurite -l /data/sub\n",
            None,
        ),
        (
            "    volumes: ['d:/workspace']\n    command: azurite -l /workspace\n",
            None,
        ),
        (
            "    volumes: ['d:/opt/azurite']\n    command: azurite\n",
            None,
        ),
        (
            "    volumes: ['d:/w']\n    command: azurite\n    working_dir: /w\n",
            None,
        ),
        ("    tmpfs: /data\n", None),
        ("    command: azurite --inMemoryPersistence\n", None),
        (
            "    command: azurite -l /workspace\n",
            Some("azurite-data:/workspace"),
        ),
        (
            "    command: azurite -l .store\n",
            Some("azurite-data:/opt/azurite/.store"),
        ),
        ("    command: azurite\n", Some("azurite-data:/data")),
    ] {
        let volumes = yaml(&with(fields))["services"]["storage"]["volumes"].clone();
        assert_eq!(volumes[2].as_str(), expected, "{fields}");
    }
    let taken = made(&format!("{}volumes: {{azurite-data: }}\n", with_text("")));
    assert_eq!(
        yaml(&taken)["services"]["storage"]["volumes"][2],
        "azurite-data-https:/data"
    );
}

#[test]
fn a_mount_at_certs_is_not_covered() {
    let made = with(
        "    command: azurite -l /data --debug /certs/debug.log\n    volumes: ['./c:/certs', 'd:/data']\n",
    );
    let service = &yaml(&made)["services"]["storage"];
    assert_eq!(service["volumes"][0]["target"], "/azup-certs");
    assert_has(
        &line(&made),
        "--debug /certs/debug.log --cert /azup-certs/cert.pem",
    );
    assert_has(&made.text, "/azup/serve.cjs, /azup-certs/ca.pem,");
}

#[test]
fn healthchecks_are_kept_for_plain_http_is_served_too() {
    let check = |test: &str| {
        yaml(&with(&format!("    healthcheck: {test}\n")))["services"]["storage"]["healthcheck"]
            .clone()
    };
    for kept in [
        "{test: curl -f http://127.0.0.1:10000}",
        "{test: nc -z 127.0.0.1 10000}",
        "{test: [NONE]}",
        "{disable: true}",
        "{test: ['CMD', 'curl', '-k', 'https://127.0.0.1:10000']}",
    ] {
        assert!(check(kept).is_null(), "{kept}");
    }
}

#[test]
fn options_of_node_are_kept_and_the_network_is_left_only_where_it_is_joined() {
    let variables = |fields: &str| {
        yaml(&with(fields))["services"]["storage"]["environment"].clone()
    };
    let theirs = variables("    environment: [NODE_OPTIONS=--max-old-space-size=99]\n");
    assert_eq!(
        theirs["NODE_OPTIONS"],
        "--require /azup/serve.cjs --max-old-space-size=99"
    );
    assert_eq!(theirs["AZUP_SERVE"], "leave-with-network");
    let apart = variables("    network_mode: host\n");
    assert!(apart["AZUP_SERVE"].is_null(), "{apart}");
}

#[test]
fn one_part_of_azurite_is_checked_alone() {
    let made = with("    command: azurite-blob -l /data\n");
    assert_eq!(made.ports, [Some(10000), None, None]);
    assert_has(&made.text, "/certs/ca.pem, \"10000\"]");
    assert_eq!(line(&made), format!("azurite-blob -l /data {REST}"));
    let made = with("    command: azurite --queuePort 4001 --tablePort ${T:-4002}\n");
    assert_eq!(made.ports, [Some(10000), Some(4001), Some(4002)]);
    assert_has(&made.text, "\"10000\", \"4001\", \"4002\"]");
}

#[test]
fn an_old_version_gets_the_flags_that_it_knows() {
    let text =
        |tag: &str| format!("services: {{app: {{image: a}}, storage: {{image: '{IMAGE}:{tag}'}}}}");
    let old = made(&text("3.20.1"));
    assert!(!line(&old).contains("--disableTelemetry"));
    assert!(line(&old).contains("--skipApiVersionCheck"));
    assert!(line(&made(&text("3.35.0"))).contains("--disableTelemetry"));
    assert!(line(&made(&text("latest"))).contains("--disableTelemetry"));
    assert_has(&refused(&text("3.6.0")), "older than 3.7.0");
}

#[test]
fn entrypoints_are_understood_or_refused() {
    let made = with("    entrypoint: azurite\n    command: --loose\n");
    let service = &yaml(&made)["services"]["storage"];
    assert_eq!(service["entrypoint"], serde_json::json!(["env"]));
    assert_eq!(line(&made), format!("azurite --loose -l /data {REST}"));
    let error = refused(&with_text(
        "    entrypoint: /wait-for.sh\n    command: azurite --loose\n",
    ));
    assert_has(&error, "`/wait-for.sh azurite --loose`");
    for command in [
        "sh -c 'mkdir -p /data && azurite'",
        "azurite ${FLAGS}",
        "azurite 'open",
    ] {
        assert_has(
            &refused(&with_text(&format!("    command: {command}\n"))),
            "cannot be used",
        );
    }
    let script = "    command: sh -c 'sleep 1; azurite --cert /c --key /k --oauth basic'\n";
    let made = with(script);
    assert!(yaml(&made)["services"]["storage"]["command"].is_null());
    assert_has(&adopted(&made).notes.join("\n"), "it keeps the certificate");
}

#[test]
fn one_built_from_azurite_is_azurite() {
    let folder = tempfile::tempdir().unwrap();
    let compose = |fields: &str| {
        let text =
            format!("services:\n  app: {{image: a}}\n  azurite: {{build: ./store{fields}}}\n");
        let read = parse(&[(folder.path().join("docker-compose.yml"), text.into_bytes())]).unwrap();
        overlay(&read, "app", folder.path())
    };
    std::fs::create_dir(folder.path().join("store")).unwrap();
    let dockerfile = folder.path().join("store/Dockerfile");
    std::fs::write(
        &dockerfile,
        format!("from --platform=linux/amd64 {IMAGE}:3.35.0 AS run\nRUN true\n"),
    )
    .unwrap();
    assert!(compose("").unwrap().adopted.is_some());
    std::fs::write(&dockerfile, format!("FROM {IMAGE}\nCMD azurite --loose\n")).unwrap();
    assert_has(&compose("").unwrap_err().to_string(), "Dockerfile");
    assert!(
        compose(", command: azurite --loose")
            .unwrap()
            .adopted
            .is_some()
    );
    std::fs::write(&dockerfile, "FROM node\nRUN npm install -g azurite\n").unwrap();
    assert!(
        compose(", command: azurite --loose")
            .unwrap()
            .adopted
            .is_some()
    );
    std::fs::write(&dockerfile, "FROM nginx\n").unwrap();
    let other = compose("").unwrap();
    assert_eq!(
        (other.service.as_str(), other.adopted),
        ("azurite-https", None)
    );
}

#[test]
fn of_two_the_one_that_the_app_uses_counts() {
    let two = |app: &str, second: &str| {
        format!(
            "services: {{app: {{image: a{app}}}, one: {{image: {IMAGE}}}, two: {{image: {IMAGE}{second}}}}}"
        )
    };
    let error = refused(&two("", ""));
    assert_has(&error, "several Azurites (one, two)");
    assert_eq!(made(&two(", depends_on: [two]", "")).service, "two");
    assert_eq!(
        made(&two(", network_mode: 'service:two'", "")).service,
        "two"
    );
    assert_eq!(made(&two("", ", profiles: [test]")).service, "one");
    assert_has(&refused(&two(", depends_on: [one, two]", "")), "several");
}

#[test]
fn a_profile_is_asked_for() {
    let made = made(&format!(
        "services: {{app: {{image: a}}, db: {{image: b}}, tool: {{image: c, profiles: [x]}}, storage: {{image: {IMAGE}, profiles: [azure]}}}}"
    ));
    assert_eq!(
        adopted(&made).run_services.as_deref(),
        Some(["app", "db", "storage"].map(str::to_owned).as_slice())
    );
    assert_has(&adopted(&made).notes.join("\n"), "profile (azure)");
}

#[test]
fn other_accounts_and_users_are_named() {
    for (fields, note) in [
        (
            "    environment: {AZURITE_ACCOUNTS: 'mine:a2V5'}\n",
            Some("URLs end with /mine"),
        ),
        (
            "    environment: ['AZURITE_ACCOUNTS=${ACCOUNTS}']\n",
            Some("URLs end with that name"),
        ),
        (
            "    environment: {AZURITE_ACCOUNTS: 'devstoreaccount1:a2V5'}\n",
            None,
        ),
        ("    user: '1000'\n", Some("the user 1000")),
        ("    user: root\n", None),
    ] {
        let made = with(fields);
        assert_eq!(
            adopted(&made).notes.len(),
            usize::from(note.is_some()),
            "{fields}"
        );
        assert_has(&adopted(&made).notes.join("\n"), note.unwrap_or_default());
    }
}
