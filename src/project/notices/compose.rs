//! Compose files, line by line: which service runs an Azurite, and which publishes its ports. Read
//! as text, since a line number is needed and the file may be of any kind.

use std::path::Path;

use super::Notice;

/// Whether a file is a compose file, by its name.
pub(super) fn is_compose(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let kind = path.extension().unwrap_or_default();
    (kind == "yml" || kind == "yaml") && name.contains("compose")
}

#[derive(Default)]
struct Service {
    name: String,
    azurite: Option<usize>,
    /// Azurite ports that it publishes, and in which line.
    ports: Vec<(u16, usize)>,
}

/// `is_taken_over`: the dev container is made from this file, so azup takes over its Azurite.
pub(super) fn look(path: &Path, text: &str, is_taken_over: bool) -> Vec<Notice> {
    let mut found = Vec::new();
    for service in services(text) {
        let name = &service.name;
        match service.azurite {
            Some(_) if is_taken_over => {}
            Some(line) => {
                let what = format!(
                    "the service {name} runs an Azurite of its own, which azup does not use: name this \
                     file in dockerComposeFile, and it is taken over; or give it other ports than \
                     10000 to 10002"
                );
                found.push(Notice::at(path, line, what));
            }
            None => {
                for (port, line) in service.ports {
                    let what = format!(
                        "the service {name} publishes port {port}, where Azurite answers: give one of \
                         the two another port"
                    );
                    found.push(Notice::at(path, line, what));
                }
            }
        }
    }
    found
}

fn services(text: &str) -> Vec<Service> {
    let mut all: Vec<Service> = Vec::new();
    let (mut inside, mut indent, mut in_ports) = (false, None, None);
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let depth = line.len() - trimmed.len();
        if depth == 0 {
            inside = trimmed.starts_with("services:");
            indent = None;
            continue;
        }
        if !inside {
            continue;
        }
        let outer = *indent.get_or_insert(depth);
        if depth <= outer {
            let name: String = trimmed.split(':').next().unwrap_or_default().chars().take(60).collect();
            all.push(Service {
                name: name.trim_matches(['"', '\'']).to_owned(),
                ..Service::default()
            });
            in_ports = None;
        }
        let Some(service) = all.last_mut() else {
            continue;
        };
        if trimmed.contains("image:") && trimmed.to_ascii_lowercase().contains("azurite") {
            service.azurite = Some(number);
        }
        if trimmed.starts_with("ports:") || trimmed.contains("{ports:") {
            in_ports = Some(depth);
        } else if in_ports.is_some_and(|at| depth < at || depth == at && !trimmed.starts_with('-')) {
            in_ports = None;
        }
        if in_ports.is_some() {
            let ports = published(trimmed).into_iter();
            service.ports.extend(ports.map(|port| (port, number)));
        }
    }
    all
}

/// Ports 10000 to 10002 of the host in a line of `ports`.
fn published(line: &str) -> Vec<u16> {
    let words = line.split(|c: char| c.is_whitespace() || "\"',[]{}".contains(c));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let host = |word: &&str| {
        let parts: Vec<&str> = word.trim_end_matches("/tcp").split(':').collect();
        match parts.as_slice() {
            [host, _] | [_, host, _] => host.parse::<u16>().ok(),
            _ => None,
        }
    };
    let mut ports: Vec<u16> = words.iter().filter_map(host).collect();
    if let Some(at) = words.iter().position(|word| *word == "published:") {
        ports.extend(words.get(at + 1).and_then(|port| port.parse::<u16>().ok()));
    }
    ports.retain(|port| (10000..=10002).contains(port));
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_azurite_and_taken_ports_are_told_by_line() {
        let text = "services:\n  storage:\n    image: mcr.microsoft.com/azure-storage/azurite\n    ports: [\"10000:10000\"]\n  app:\n    image: debian\n    ports:\n      - 127.0.0.1:10001:80\n      - target: 80\n        published: \"10002\"\n    environment:\n      A: 10000:1\nvolumes:\n  x: {}\n";
        let said = |taken| -> Vec<String> {
            let found = look(Path::new("docker-compose.yml"), text, taken);
            found.iter().map(|found| found.text().chars().take(50).collect()).collect()
        };
        assert_eq!(said(false), [
            "docker-compose.yml:3: the service storage runs an ",
            "docker-compose.yml:8: the service app publishes po",
            "docker-compose.yml:10: the service app publishes p",
        ]);
        assert_eq!(said(true).len(), 2);
    }
}
