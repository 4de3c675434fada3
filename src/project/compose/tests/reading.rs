//! Shapes of compose files.

use serde_json::json;

use super::*;
use crate::project::compose::Port;
use crate::project::compose::service::Volume;

#[test]
fn every_form_of_a_field_is_read() {
    let read = one(r#"
services:
  app:
    build: {context: .., dockerfile: Dockerfile.dev}
    command: sleep infinity
    environment:
      - A=1
      - B
    depends_on: [db]
    links: ["cache:c"]
    networks: [front, back]
    ports:
      - "127.0.0.1:8080:80"
      - 9000
      - "7000-7002:6000-6002/udp"
      - target: 443
        published: "8443"
      - "${PORT:-1234}:1234"
      - "${ELSEWHERE}:55"
    volumes:
      - ..:/workspace:cached
      - data:/data/
      - /anonymous
      - type: bind
        source: ./x
        target: /x
  db:
    image: postgres
    environment: {A: 2, B: ~, C: text}
    depends_on:
      cache: {condition: service_healthy}
    networks: {back: {aliases: [database]}}
  cache:
    image: redis
    network_mode: bridge
volumes:
  data:
"#);
    let app = read.get("app").unwrap();
    assert_eq!(app.dockerfile().unwrap(), "../Dockerfile.dev");
    assert_eq!(app.field("command"), Some(&json!("sleep infinity")));
    assert_eq!(app.environment("A"), Some(Some("1".to_owned())));
    assert_eq!(app.environment("B"), Some(None));
    assert_eq!(app.environment("C"), None);
    assert_eq!(app.depends_on(), ["db", "cache"]);
    assert_eq!(app.networks(), ["front", "back"]);
    let port = |target, published| Port { target, published };
    assert_eq!(
        app.ports(),
        [
            port(Some((80, 80)), Some((8080, 8080))),
            port(Some((9000, 9000)), None),
            port(Some((6000, 6002)), Some((7000, 7002))),
            port(Some((443, 443)), Some((8443, 8443))),
            port(Some((1234, 1234)), Some((1234, 1234))),
            port(None, None),
        ]
    );
    let volume = |source: Option<&str>, target: &str| Volume {
        source: source.map(str::to_owned),
        target: target.to_owned(),
    };
    assert_eq!(
        app.volumes(),
        [
            volume(Some(".."), "/workspace"),
            volume(Some("data"), "/data"),
            volume(None, "/anonymous"),
            volume(Some("./x"), "/x"),
        ]
    );
    let db = read.get("db").unwrap();
    assert_eq!(db.environment("A"), Some(Some("2".to_owned())));
    assert_eq!(db.environment("B"), Some(None));
    assert_eq!(db.depends_on(), ["cache"]);
    assert_eq!(db.networks(), ["back"]);
    assert_eq!(read.get("cache").unwrap().networks(), [""; 0]);
    assert_eq!(read.volumes, ["data"]);
}

#[test]
fn later_files_replace_scalars_and_lengthen_lists() {
    let read = services(&[
        (
            "docker-compose.yml",
            "services:\n  app:\n    image: one\n    command: [a, b]\n    ports: ['1:1']\n    volumes: ['a:/a', 'b:/b']\n    environment: [A=1, B=1]\n    networks: [x]\n    build: .\n",
        ),
        (
            ".devcontainer/docker-compose.yml",
            "services:\n  app:\n    image: two\n    command: [c]\n    ports: ['2:2']\n    volumes: ['c:/a']\n    environment: {B: 2}\n    networks: {y: }\n    build: {target: dev}\n",
        ),
    ]);
    let app = read.get("app").unwrap();
    assert_eq!(app.image(), Some("two"));
    assert_eq!(app.field("command"), Some(&json!(["c"])));
    assert_eq!(app.ports().len(), 2);
    let volumes: Vec<_> = app
        .volumes()
        .into_iter()
        .map(|at| (at.source.unwrap(), at.target))
        .collect();
    assert_eq!(
        volumes,
        [("b", "/b"), ("c", "/a")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!(app.environment("A"), Some(Some("1".to_owned())));
    assert_eq!(app.environment("B"), Some(Some("2".to_owned())));
    assert_eq!(app.networks(), ["x", "y"]);
    assert_eq!(
        app.field("build"),
        Some(&json!({"context": ".", "target": "dev"}))
    );
    assert_eq!(read.folder(), Path::new(PROJECT));
}

#[test]
fn anchors_and_merge_keys_are_applied_also_one_through_another() {
    let read = one(r"
x-base: &base
  image: python
  environment: &env {A: 1}
x-more: &more
  <<: *base
  network_mode: host
services:
  app:
    <<: [*more, {image: never}]
    environment:
      <<: *env
      B: 2
");
    let app = read.get("app").unwrap();
    assert_eq!(app.image(), Some("python"));
    assert_eq!(app.network_mode(), Some("host"));
    assert_eq!(app.environment("A"), Some(Some("1".to_owned())));
    assert_eq!(app.environment("B"), Some(Some("2".to_owned())));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_no_matter() {
    let plain = "# one\nservices:\n  app:\n    image: python\n    command: |\n      a\n      b\n";
    for text in [
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        format!("\u{feff}---\r\n{}", plain.replace('\n', "\r\n")),
        format!("---\n{plain}...\n"),
        plain.trim_end().to_owned(),
    ] {
        assert_eq!(
            one(&text).get("app").unwrap().image(),
            Some("python"),
            "{text:?}"
        );
    }
}

#[test]
fn tags_of_compose_take_values_away() {
    let read = services(&[
        (
            "a.yml",
            "services:\n  app:\n    image: a\n    ports: ['1:1']\n    volumes: ['a:/a']\n    environment: {A: 1}\n    command: x\n  gone:\n    image: b\n",
        ),
        (
            "b.yml",
            "services:\n  app:\n    ports: !override ['2:2']\n    volumes: !reset []\n    command: !reset null\n    environment: {A: !reset null}\n    labels: !unknown {a: b}\n  gone: !reset null\n",
        ),
    ]);
    let app = read.get("app").unwrap();
    assert_eq!(app.ports().len(), 1);
    assert_eq!(app.ports()[0].target, Some((2, 2)));
    assert!(app.volumes().is_empty());
    assert_eq!(app.field("command"), None);
    assert_eq!(app.image(), Some("a"));
    assert_eq!(app.field("labels"), Some(&json!({"a": "b"})));
    assert!(read.get("gone").is_none());
}

#[test]
fn a_service_has_what_it_extends() {
    let read = one(r"
services:
  base: {image: python, environment: {A: 1}, ports: ['1:1']}
  app: {extends: base, ports: ['2:2']}
  other: {extends: {service: app}, image: node}
");
    let app = read.get("app").unwrap();
    assert_eq!((app.image(), app.ports().len()), (Some("python"), 2));
    let other = read.get("other").unwrap();
    assert_eq!((other.image(), other.ports().len()), (Some("node"), 2));
}

#[test]
fn other_files_are_followed_and_addresses_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    };
    write(
        "parts/storage.yml",
        "include: [more.yml]\nservices:\n  storage: {image: mcr.microsoft.com/azure-storage/azurite}\n",
    );
    write(
        "parts/more.yml",
        "services:\n  more: {image: redis}\nvolumes: {kept: }\n",
    );
    write("base.yml", "services:\n  base: {image: python}\n");
    let path = write(
        "docker-compose.yml",
        "include:\n  - parts/storage.yml\n  - path: ['https://example.invalid/x.git']\n  - ${PART}/x.yml\n\
         services:\n  app: {extends: {file: base.yml, service: base}}\n",
    );
    let read = super::super::read(&[path]).unwrap();
    assert_eq!(read.get("app").unwrap().image(), Some("python"));
    assert!(read.get("storage").is_some() && read.get("more").is_some());
    assert_eq!(read.volumes, ["kept"]);
    assert_eq!(
        read.unread,
        ["https://example.invalid/x.git", "${PART}/x.yml"]
    );
}

#[test]
fn circles_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("compose.yml");
    for text in [
        "include: [compose.yml]\nservices: {}\n",
        "services:\n  a: {extends: b}\n  b: {extends: a}\n",
    ] {
        std::fs::write(&path, text).unwrap();
        let error = super::super::read(std::slice::from_ref(&path))
            .unwrap_err()
            .to_string();
        assert_has(&error, "leads back");
    }
}

#[test]
fn what_is_no_compose_file_is_refused_by_name() {
    for (text, why) in [
        ("a: 1\n---\nb: 2\n", "more than one document"),
        ("services:\n  app: {}\n  app: {}\n", "duplicate"),
        (
            "services:\n  app:\n    image: a\n    image: b\n",
            "duplicate",
        ),
        ("- services\n", "not a mapping"),
        ("services: [app]\n", "`services` is not a mapping"),
        ("services:\n  ! <<: {}\n", "is not a service name"),
        ("services:\n  a b: {}\n", "is not a service name"),
        ("services:\n  ? {a: b}\n  : {}\n", "is not a service name"),
        ("services:\n\tapp: {}\n", "line 2"),
        ("services: {app: {image: *nothing}}\n", "anchor"),
        ("{", "line 2"),
        ("services: {app: {<<: [text]}}", "not a mapping"),
    ] {
        let error = try_services(&[("some folder/a.yml", text)]).unwrap_err();
        assert_has(&error.to_string(), "some folder/a.yml");
        assert_has(&error.to_string(), why);
        assert_eq!(
            crate::failure::Failure::exit_of(&error),
            crate::failure::Exit::Refused
        );
    }
    let error = parse(&[(PathBuf::from("a.yml"), b"\xff\xfe".to_vec())]).unwrap_err();
    assert_has(&error.to_string(), "a.yml: it is not UTF-8");
    let missing = [PathBuf::from("/nowhere/docker-compose.yml")];
    let error = super::super::read(&missing).unwrap_err().to_string();
    assert_eq!(
        error,
        "cannot read /nowhere/docker-compose.yml: there is no such file"
    );
}

#[test]
fn empty_files_have_no_services() {
    for text in [
        "",
        "# nothing\n",
        "services:\n",
        "services: {}\n",
        "version: '3'\n",
        "volumes: {a: }\n",
    ] {
        assert_eq!(one(text).services, [], "{text:?}");
    }
}

#[test]
fn azups_own_overlay_is_passed_over() {
    let read = services(&[
        (
            ".devcontainer/docker-compose.yml",
            "services: {app: {image: a}}",
        ),
        (".devcontainer/azurite/docker-compose.yml", OVERLAY),
    ]);
    assert_eq!(read.files.len(), 1);
    assert_eq!(read.services.len(), 1);
}

#[test]
fn many_services_are_read_in_their_order() {
    let mut text = "x-c: &c {restart: always, environment: &e {A: 1}}\nservices:\n".to_owned();
    for number in 0..57 {
        text.push_str(&format!("  s{number}:\n    <<: *c\n    image: i:{number}\n    environment:\n      <<: *e\n      N: {number}\n"));
    }
    let read = one(&text);
    assert_eq!(read.services.len(), 57);
    assert_eq!(read.services[56].0, "s56");
    assert_eq!(
        read.services[56].1.environment("A"),
        Some(Some("1".to_owned()))
    );
    assert_eq!(
        read.services[7].1.environment("N"),
        Some(Some("7".to_owned()))
    );
}
