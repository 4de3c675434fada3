//! `runArgs`: options of `docker run`, as fields of a service.

use jsonc_edit::Refusal;
use serde_json::{Map, Value, json};

use super::Compose;
use super::super::compose::text::literal;
use super::variables::{Paths, resolve};

/// How an option becomes a field.
#[derive(Clone, Copy)]
enum Kind {
    /// One value; a second one replaces it.
    Text(&'static str),
    /// Each occurrence adds an element.
    List(&'static str),
    /// Present or absent.
    Switch(&'static str),
}

/// Options of `docker run` for which a service has a field (docker's reference of both).
const OPTIONS: [(&str, Kind); 47] = [
    ("--network", Kind::Text("network_mode")),
    ("--net", Kind::Text("network_mode")),
    ("--cap-add", Kind::List("cap_add")),
    ("--cap-drop", Kind::List("cap_drop")),
    ("--security-opt", Kind::List("security_opt")),
    ("--env", Kind::List("environment")),
    ("-e", Kind::List("environment")),
    ("--env-file", Kind::List("env_file")),
    ("--publish", Kind::List("ports")),
    ("-p", Kind::List("ports")),
    ("--expose", Kind::List("expose")),
    ("--volume", Kind::List("volumes")),
    ("-v", Kind::List("volumes")),
    ("--mount", Kind::List("volumes")),
    ("--volumes-from", Kind::List("volumes_from")),
    ("--tmpfs", Kind::List("tmpfs")),
    ("--init", Kind::Switch("init")),
    ("--privileged", Kind::Switch("privileged")),
    ("--read-only", Kind::Switch("read_only")),
    ("--shm-size", Kind::Text("shm_size")),
    ("--ipc", Kind::Text("ipc")),
    ("--pid", Kind::Text("pid")),
    ("--uts", Kind::Text("uts")),
    ("--userns", Kind::Text("userns_mode")),
    ("--cgroupns", Kind::Text("cgroup")),
    ("--cgroup-parent", Kind::Text("cgroup_parent")),
    ("--hostname", Kind::Text("hostname")),
    ("-h", Kind::Text("hostname")),
    ("--domainname", Kind::Text("domainname")),
    ("--mac-address", Kind::Text("mac_address")),
    ("--add-host", Kind::List("extra_hosts")),
    ("--dns", Kind::List("dns")),
    ("--dns-search", Kind::List("dns_search")),
    ("--device", Kind::List("devices")),
    ("--device-cgroup-rule", Kind::List("device_cgroup_rules")),
    ("--group-add", Kind::List("group_add")),
    ("--user", Kind::Text("user")),
    ("-u", Kind::Text("user")),
    ("--label", Kind::List("labels")),
    ("-l", Kind::List("labels")),
    ("--memory", Kind::Text("mem_limit")),
    ("-m", Kind::Text("mem_limit")),
    ("--platform", Kind::Text("platform")),
    ("--runtime", Kind::Text("runtime")),
    ("--restart", Kind::Text("restart")),
    ("--stop-signal", Kind::Text("stop_signal")),
    ("--sysctl", Kind::List("sysctls")),
];

/// Adds every option to the service.
pub(super) fn add(words: &[&str], place: &Paths<'_>, service: &mut Compose) -> Result<(), Refusal> {
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let (name, mut value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value)),
            _ => (word, None),
        };
        let mut known = OPTIONS.iter().find(|(option, _)| *option == name);
        // `-p8080:80`
        if known.is_none() && word.len() > 2 && !word.starts_with("--") && word.is_char_boundary(2)
        {
            known = OPTIONS.iter().find(|(option, _)| *option == &word[..2]);
            value = Some(&word[2..]);
        }
        let Some((name, kind)) = known else {
            let why = match name {
                "--name" => "two projects with one name collide".to_owned(),
                "--gpus" => "compose says it by deploy.resources, per driver".to_owned(),
                "--rm" | "-d" | "-it" | "-t" | "-i" => "it is for a terminal".to_owned(),
                _ => "azup knows no equivalent in a compose file".to_owned(),
            };
            return Err(Refusal(format!("runArgs has {name}: {why}")));
        };
        if let Kind::Switch(field) = kind {
            match value {
                None | Some("true") => service.set(field, true),
                Some("false") => service.set(field, false),
                Some(value) => return Err(Refusal(format!("runArgs has {name}={value}"))),
            }
            continue;
        }
        let value = value.or_else(|| words.next());
        let value = value.ok_or_else(|| Refusal(format!("runArgs has {name} without a value")))?;
        one(name, *kind, value, place, service)?;
    }
    Ok(())
}

fn one(
    name: &str,
    kind: Kind,
    value: &str,
    place: &Paths<'_>,
    service: &mut Compose,
) -> Result<(), Refusal> {
    let what = format!("runArgs {name}");
    match name {
        "--mount" => service.push("volumes", mount(&what, value, place)?),
        "--network" | "--net" => {
            let joined =
                ["host", "none", "bridge"].contains(&value) || value.starts_with("container:");
            if !joined {
                return Err(Refusal(format!(
                    "runArgs has --network {value}: a network that compose did not make has to be \
                     named as external in a compose file"
                )));
            }
            service.set("network_mode", resolve(&what, value, place)?);
        }
        "--env-file" => {
            // The tools run docker in the project's folder.
            let from_project = !value.starts_with(['/', '~']) && !value.contains('$');
            let file = if from_project {
                literal(&place.relative(&place.project.join(value)))
            } else {
                resolve(&what, value, place)?
            };
            service.push("env_file", file);
        }
        "--volume" | "-v" if value.starts_with("./") || value.starts_with("../") => {
            return Err(Refusal(format!(
                "runArgs has {name} {value}: a path that is relative"
            )));
        }
        _ => {
            let value = resolve(&what, value, place)?;
            match kind {
                Kind::List(field) => service.push(field, value),
                Kind::Text(field) | Kind::Switch(field) => service.set(field, value),
            }
        }
    }
    Ok(())
}

/// `source=…,target=…,type=bind` as an element of `volumes`.
pub(super) fn mount(what: &str, text: &str, place: &Paths<'_>) -> Result<Value, Refusal> {
    let mut made = Map::new();
    made.insert("type".to_owned(), json!("volume"));
    for part in text.split(',') {
        let (key, value) = part.split_once('=').unwrap_or((part, "true"));
        let value = resolve(what, value, place)?;
        match key.trim() {
            "type" if ["bind", "volume", "tmpfs"].contains(&value.as_str()) => {
                made.insert("type".to_owned(), value.into());
            }
            "source" | "src" => {
                made.insert("source".to_owned(), value.into());
            }
            "target" | "destination" | "dst" => {
                made.insert("target".to_owned(), value.into());
            }
            "readonly" | "ro" => {
                made.insert("read_only".to_owned(), json!(value != "false"));
            }
            "consistency" => {
                made.insert("consistency".to_owned(), value.into());
            }
            other => {
                return Err(Refusal(format!(
                    "{what} says {other}={value}, which azup does not know"
                )));
            }
        }
    }
    if !made.contains_key("target") {
        return Err(Refusal(format!("{what} has no target")));
    }
    if made["type"] == "volume" && made.contains_key("source") {
        return Err(Refusal(format!(
            "{what} names a volume, which a compose file would call by another name: \
             use `mounts` in devcontainer.json"
        )));
    }
    Ok(Value::Object(made))
}
