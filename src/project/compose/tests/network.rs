//! A new Azurite: its network, names and paths.

use super::*;

const APP: &str = include_str!("../../../../templates/docker-compose.yml");

fn mode(overlay: &Overlay) -> String {
    let service = &yaml(overlay)["services"][&overlay.service];
    service["network_mode"].as_str().unwrap().to_owned()
}

#[test]
fn a_new_project_gets_the_template_byte_for_byte() {
    let made = overlay(&one(APP), "devcontainer", Path::new(PROJECT)).unwrap();
    assert_eq!(made.text, OVERLAY);
    assert_eq!(made.service, "azurite");
    assert_eq!(made.host, "127.0.0.1");
    assert_eq!(made.adopted, None);
    let forwarded: Vec<String> = made
        .forward_ports()
        .iter()
        .map(|(what, port)| format!("{what} {port}"))
        .collect();
    assert_eq!(forwarded, ["blob 10000", "queue 10001", "table 10002"]);
}

#[test]
fn the_network_is_that_of_the_app() {
    for (text, expected) in [
        ("services: {app: {image: a}}", "service:app"),
        ("services: {app: {image: a, networks: [x]}}", "service:app"),
        (
            "services: {app: {image: a, network_mode: bridge}}",
            "service:app",
        ),
        ("services: {app: {image: a, network_mode: host}}", "host"),
        (
            "services: {app: {image: a, network_mode: 'service:db'}, db: {image: b}}",
            "service:db",
        ),
        (
            "services: {app: {image: a, network_mode: 'service:db'}, db: {network_mode: 'service:vpn'}, vpn: {image: v}}",
            "service:vpn",
        ),
        (
            "services: {app: {network_mode: 'service:db'}, db: {network_mode: host}}",
            "host",
        ),
    ] {
        assert_eq!(mode(&made(text)), expected, "{text}");
    }
}

#[test]
fn a_network_that_cannot_be_joined_is_refused() {
    for (text, why) in [
        ("services: {app: {network_mode: none}}", "no network at all"),
        (
            "services: {app: {network_mode: 'container:vpn'}}",
            "the container vpn",
        ),
        (
            "services: {app: {network_mode: 'service:b'}, b: {network_mode: 'service:app'}}",
            "leads back",
        ),
        (
            "services: {app: {network_mode: 'service:b'}}",
            "there is no service b",
        ),
        (
            "services: {web: {image: a}, db: {image: b}}",
            "there is no service app",
        ),
        (
            "services: {web: {image: a}, db: {image: b}}",
            "there is: web, db",
        ),
        ("", "there is no service app"),
    ] {
        let error = refused(text);
        assert_has(&error, why);
        assert_has(&error, ".devcontainer/docker-compose.yml");
    }
}

#[test]
fn chains_of_networks_are_followed_to_their_owner() {
    let read = one(
        "services: {a: {network_mode: 'service:b'}, b: {network_mode: 'service:c'}, c: {image: x}, d: {network_mode: none}, e: {network_mode: 'container:x'}}",
    );
    assert_eq!(read.namespace("a"), Ok(Namespace::Service("c".to_owned())));
    assert_eq!(read.namespace("d"), Ok(Namespace::None));
    assert_eq!(
        read.namespace("e"),
        Ok(Namespace::Container("x".to_owned()))
    );
}

#[test]
fn paths_count_from_the_first_file() {
    for (first, source, own, folder) in [
        (
            ".devcontainer/docker-compose.yml",
            "./azurite-certs",
            "../docker-compose.yml",
            ".devcontainer",
        ),
        (
            "docker-compose.yml",
            "./.devcontainer/azurite-certs",
            "../../docker-compose.yml",
            "the project's",
        ),
        (
            ".devcontainer/../docker-compose.yml",
            "./.devcontainer/azurite-certs",
            "../../docker-compose.yml",
            "the project's",
        ),
        (
            ".devcontainer/web/compose.yaml",
            "../azurite-certs",
            "../web/compose.yaml",
            ".devcontainer/web",
        ),
        (
            "deploy/local/compose.yml",
            "../../.devcontainer/azurite-certs",
            "../../deploy/local/compose.yml",
            "deploy/local",
        ),
        (
            "two words/it's.yml",
            "../.devcontainer/azurite-certs",
            "'../../two words/it'\\''s.yml'",
            "'two words'",
        ),
        (
            "../other/compose.yml",
            "../project/.devcontainer/azurite-certs",
            "../../../other/compose.yml",
            "../other",
        ),
    ] {
        let read = services(&[(first, "services: {app: {image: a}}")]);
        let made = overlay(&read, "app", Path::new(PROJECT)).unwrap();
        assert_eq!(
            yaml(&made)["services"]["azurite"]["volumes"][0]["source"],
            source,
            "{first}"
        );
        assert_has(&made.text, &format!("change\n# {own} instead."));
        assert_has(&made.text, &format!("first file: {folder}.\n"));
    }
}

#[test]
fn a_path_is_neither_yaml_nor_a_variable() {
    for name in [
        "two words",
        "it's",
        "a\"b",
        "a$b${c}",
        "a: b #c",
        "größe",
        "back\\slash",
        "%tag",
        "new\nline",
    ] {
        let project = Path::new("/home/dev").join(name);
        let files = [(
            PathBuf::from("/home/dev/compose.yml"),
            b"services: {app: {image: a}}".to_vec(),
        )];
        let made = overlay(&parse(&files).unwrap(), "app", &project).unwrap();
        let source = &yaml(&made)["services"]["azurite"]["volumes"][0]["source"];
        let source = source.as_str().unwrap();
        assert_eq!(
            source.replace("$$", "$"),
            format!("./{name}/.devcontainer/azurite-certs")
        );
        assert!(!source.replace("$$", "").contains('$'));
    }
}

#[test]
fn names_that_are_taken_are_not_taken_again() {
    let made = made(
        "services: {app: {image: a}, azurite: {image: nginx}}\nvolumes: {azurite-https-data: , azurite-data: }",
    );
    assert_eq!(made.service, "azurite-https");
    let file = yaml(&made);
    assert!(file["services"]["azurite"].is_null());
    assert_eq!(
        file["services"]["azurite-https"]["volumes"][2],
        "azurite-https-data-2:/data".replace("-data-2", "-data-https")
    );
    assert_eq!(made.adopted, None);
}

#[test]
fn services_with_odd_names_can_be_joined() {
    for name in ["app", "1", "a.b", "my_app-2", "true", "null"] {
        let read = one(&format!("services: {{\"{name}\": {{image: a}}}}"));
        let made = overlay(&read, name, Path::new(PROJECT)).unwrap();
        assert_eq!(mode(&made), format!("service:{name}"));
    }
}
