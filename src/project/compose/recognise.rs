//! Which service of a project is Azurite, and how it is started. Of several, the one that the app
//! depends on or shares a network with; if that does not decide, the one that starts without a
//! profile; else none.

use super::command::{Line, Word, words};
use super::read::Services;
use super::service::{Namespace, Service};
use super::text::expand;
use crate::files;

/// The service that is the project's Azurite, if it has one.
pub(super) fn find(services: &Services, app: &str) -> Result<Option<String>, String> {
    let found: Vec<&str> = services
        .services
        .iter()
        .filter(|(name, service)| name != app && is_azurite(services, service))
        .map(|(name, _)| name.as_str())
        .collect();
    if let [] | [_] = found[..] {
        return Ok(found.first().map(|name| (*name).to_owned()));
    }
    let wanted = services
        .get(app)
        .map(Service::depends_on)
        .unwrap_or_default();
    let near = |name: &str| {
        wanted.iter().any(|at| at == name)
            || (services.namespace(app).is_ok()
                && services.namespace(app) == services.namespace(name)
                && services.namespace(app) != Ok(Namespace::Host))
    };
    let started = |name: &str| {
        services
            .get(name)
            .is_some_and(|at| at.profiles().is_empty())
    };
    for choose in [&near as &dyn Fn(&str) -> bool, &started] {
        let mut chosen = found.iter().filter(|name| choose(name));
        if let (Some(one), None) = (chosen.next(), chosen.next()) {
            return Ok(Some((*one).to_owned()));
        }
    }
    Err(format!(
        "there are several Azurites ({}), and {app} depends on none of them alone: \
         name the right one in its depends_on",
        found.join(", ")
    ))
}

fn is_azurite(services: &Services, service: &Service) -> bool {
    let image = service.image().is_some_and(is_azurite_image);
    // The name of an image that is built from a Dockerfile says nothing about what is in it.
    let line = [service.field("entrypoint"), service.field("command")];
    let runs_it = line.into_iter().flatten().filter_map(words).any(|words| {
        !words.is_empty() && !words[0].text.starts_with('-') && Line::read(&words).is_some()
    });
    image || runs_it || dockerfile(services, service).is_some_and(|text| from_azurite(&text))
}

/// `mcr.microsoft.com/azure-storage/azurite`, with or without tag or digest, and mirrors of it in
/// another registry.
fn is_azurite_image(image: &str) -> bool {
    // A variable without a default is a registry or a tag.
    let image = expand(image).unwrap_or_else(|| without_variables(image));
    let image = image.split('@').next().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    name.split(':').next() == Some("azurite")
}

fn without_variables(text: &str) -> String {
    let mut out = String::new();
    let mut depth = 0_usize;
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            '$' => {}
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// The version in the tag, if it is one: major and minor.
pub(super) fn version(service: &Service) -> Option<(u32, u32)> {
    let image = expand(service.image()?)?;
    let tag = image
        .split('@')
        .next()?
        .rsplit('/')
        .next()?
        .split_once(':')?
        .1;
    let mut numbers = tag.split(['.', '-']);
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

fn dockerfile(services: &Services, service: &Service) -> Option<String> {
    let path = services.folder().join(service.dockerfile()?);
    let bytes = files::read_if_there(&path).ok()??;
    String::from_utf8(bytes).ok()
}

fn instructions<'a>(text: &'a str, names: &'a [&str]) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let (name, rest) = line.trim().split_once(char::is_whitespace)?;
        let found = names.iter().any(|at| at.eq_ignore_ascii_case(name));
        found.then(|| rest.trim())
    })
}

fn from_azurite(text: &str) -> bool {
    // The last stage is what runs.
    let last = instructions(text, &["FROM"]).last().unwrap_or_default();
    let image = last.split_whitespace().find(|word| !word.starts_with("--"));
    image.is_some_and(is_azurite_image)
}

/// What starts Azurite in this service.
pub(super) enum Start {
    /// A command line that can be completed; `true`: it goes through an entrypoint of the user's.
    Line(Line, bool),
    /// Something else that already has a certificate and OAuth.
    Script,
}

pub(super) fn start(services: &Services, service: &Service) -> Result<Start, String> {
    let read = |key: &str| match service.field(key) {
        None => Ok(None),
        Some(value) => words(value)
            .map(Some)
            .ok_or(format!("the quotes in its {key} do not match")),
    };
    let entrypoint = read("entrypoint")?.unwrap_or_default();
    let command = read("command")?.unwrap_or_default();
    let has_entrypoint = !entrypoint.is_empty();
    let all: Vec<Word> = entrypoint.into_iter().chain(command).collect();
    if all.is_empty() {
        let text = dockerfile(services, service).unwrap_or_default();
        if instructions(&text, &["CMD", "ENTRYPOINT"]).next().is_some() {
            return Err(
                "its Dockerfile says how it is started: give it a `command` of \
                        its own, beginning with azurite"
                    .to_owned(),
            );
        }
        return Ok(Start::Line(Line::of_the_image(), false));
    }
    let text: Vec<&str> = all.iter().map(|word| word.text.as_str()).collect();
    let text = text.join(" ");
    let line = Line::read(&all).filter(|line| {
        !line.is_open() && !line.words().any(|word| word.contains(char::is_control))
    });
    match line {
        Some(line) => Ok(Start::Line(line, has_entrypoint)),
        None if text.contains("--cert") && text.contains("--oauth") => Ok(Start::Script),
        None => Err(format!(
            "it is started by a command of its own, `{}`: let it begin with azurite, or \
             add --cert, --key and --oauth basic to it",
            text.replace(char::is_control, " ").trim()
        )),
    }
}
