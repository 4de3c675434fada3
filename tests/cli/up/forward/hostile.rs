//! Attempts to get at the user's login, or to be run in its place.

use std::fs;

use super::{TOKEN, VAULT, forwarded, local, refused};
use crate::sandbox::{Sandbox, write_program};
use crate::up::site::Site;

/// An `az` in a repository.
const EVIL: &str = "#!/bin/sh\ntouch \"$EVIL_RAN\"\n";

#[test]
fn what_a_repository_brings_is_never_run_in_the_place_of_az() {
    let mut site = Site::new();
    let ran = site.sandbox.root().join("evil-ran");
    site.sandbox.set("EVIL_RAN", &ran);
    let project = site.sandbox.project();
    for folder in ["", "bin", ".venv/bin", "node_modules/.bin"] {
        fs::create_dir_all(project.join(folder)).unwrap();
        for name in ["az", "azd", "python", "python3", "bash"] {
            write_program(&project.join(folder).join(name), EVIL);
        }
    }
    let link = site.sandbox.root().join("link-into-the-project");
    std::os::unix::fs::symlink(&project, &link).unwrap();
    let path = format!(
        ".:bin::{0}/bin:{0}/.venv/bin:{0}/node_modules/.bin:{1}/bin:/usr/local/bin:/usr/bin:/bin",
        project.display(),
        link.display()
    );
    // `sh` by its path: the command is the user's choice, and may be the project's.
    let ask = format!("PATH=/usr/bin:/bin; {}ask {VAULT}", super::ASK);
    let command = ["/bin/sh".into(), "-c".into(), ask.into()];
    site.sandbox.set("PATH", &path);
    let done = site.run(&[], &command).ok();
    assert!(refused(&done.stdout), "{done}");
    let done = site.run(&["--forward=az"], &command);
    assert_eq!(done.code, 1, "{done}");
    assert!(!ran.exists());

    // pip's az starts `python -m azure.cli`: with neither the project's Python nor its packages.
    site.fake(
        "az",
        &format!("python3 -c 'import azure.cli' 2>/dev/null && touch \"$EVIL_RAN\"; {TOKEN}"),
    );
    for name in [
        "azure/__init__.py",
        "azure/cli/__init__.py",
        "azure/cli/__main__.py",
    ] {
        site.sandbox.write(name, "");
    }
    site.sandbox
        .set("PATH", format!("{path}:{}", site.bin().display()));
    site.sandbox.set("PYTHONPATH", &project);
    let done = site.run(&[], &command).ok();
    assert!(forwarded(&done.stdout), "{done}");
    assert!(!ran.exists());
}

#[test]
fn a_resource_that_is_more_than_a_name_starts_no_process() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let mut script = String::new();
    let resources = [
        "@/etc/passwd",
        "--debug",
        "https://vault.azure.net --debug",
        "https://vault.azure.net$(id)",
        "https://vault.azure.net\n",
        "http://vault.azure.net",
        "api://shop",
        "vault.azure.net",
        "https://",
        "",
    ];
    for resource in resources {
        script += &format!("ask '{resource}'; ");
    }
    let done = site.ask(&[], &script).ok();
    let answers: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(answers.len(), resources.len(), "{done}");
    assert!(answers.iter().all(|line| refused(line)), "{done}");
    assert_eq!(site.calls("az"), "");
}

#[test]
fn only_the_header_of_this_start_works_and_only_on_this_machine() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    // A container that has the header anyway, a page, a proxy, IMDS without any header.
    let script = format!(
        r#"ask {VAULT} wrong
        ask https://storage.azure.com wrong
        more() {{ curl --silent --header "$1" --header "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?resource={VAULT}"; echo; }}
        port=${{IDENTITY_ENDPOINT##*127.0.0.1:}}
        port=${{port%%/*}}
        more "Host: host.docker.internal:$port"
        more "Host: 169.254.169.254"
        more "Host: evil.example"
        more "Origin: https://evil.example"
        more "X-Forwarded-For: 10.0.0.1"
        curl --silent --header "Metadata: true" "http://127.0.0.1:$port/metadata/identity/oauth2/token?resource={VAULT}"; echo
        curl --silent --header "Host: host.docker.internal" --header "X-IDENTITY-HEADER: $IDENTITY_HEADER" "$IDENTITY_ENDPOINT?resource=https://storage.azure.com"; echo
        "#
    );
    let done = site.ask(&[], &script).ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 9, "{done}");
    assert!(!done.stdout.contains("token-of-the-fake-az"), "{done}");
    assert!(local(lines[8]), "{done}");
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("access_token"))
            .count(),
        1
    );
    assert_eq!(site.calls("az"), "");
}

/// Whatever the command asks azup for, neither the header nor a token remains.
#[test]
fn the_header_and_the_tokens_are_in_no_file_and_die_with_the_command() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let azup = crate::sandbox::azup().display();
    let script = format!(
        "ask {VAULT} > /dev/null; echo $IDENTITY_HEADER $IDENTITY_ENDPOINT
         {azup} env --format dotenv > .env; {azup} env --format functions > local.settings.json
         {azup} env --format json > env.json; {azup} init --yes --language python > /dev/null 2>&1
         {azup} identity -d --port {} > /dev/null; . ./.env; ask {VAULT}; ask https://storage.azure.com",
        site.identity
    );
    let done = site.ask(&[], &script).ok();
    let mut lines = done.stdout.lines();
    let (header, endpoint) = lines.next().unwrap().split_once(' ').unwrap();
    assert!(
        header.starts_with("azup-forward-") && header.len() > 70,
        "{done}"
    );
    let pid = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let entry = entry.unwrap();
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).into_owned();
        let port = format!("--port={}", site.identity);
        let pid = entry.file_name().to_string_lossy().parse::<u32>().ok()?;
        (words.contains("--detached-child") && words.contains(&port)).then_some(pid)
    });
    let pids: Vec<u32> = pid.collect();
    let _end = crate::sandbox::OnDrop(move || {
        for pid in &pids {
            crate::up::site::signal(*pid, rustix::process::Signal::TERM);
        }
    });
    // What `azup env` prints there only opens the emulator.
    let (vault, storage) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(refused(vault) && local(storage), "{done}");
    for (path, bytes) in Sandbox::files(&site.sandbox.home())
        .into_iter()
        .chain(Sandbox::files(&site.sandbox.project()))
    {
        let text = String::from_utf8_lossy(&bytes);
        for secret in [header, "token-of-the-fake-az"] {
            assert!(!text.contains(secret), "{}", path.display());
        }
    }
    // Neither the next start's endpoint nor a lasting one accepts it.
    let later = format!(
        "ask {VAULT} {header}; IDENTITY_ENDPOINT=http://127.0.0.1:{}/msi/token; \
         ask {VAULT} {header}; IDENTITY_ENDPOINT={endpoint}; ask {VAULT} {header}",
        site.identity
    );
    let done = site.ask(&[], &later).ok();
    assert!(!done.stdout.contains("access_token"), "{done}");
}

/// A value from the environment is never accepted as a header to forward for.
#[test]
fn a_header_from_the_environment_forwards_nothing() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    for header in ["known-to-somebody", "azup-forward-known-to-somebody"] {
        site.sandbox.set("IDENTITY_HEADER", header);
        let done = site.ask(&[], &format!("ask {VAULT} {header}")).ok();
        assert!(!forwarded(&done.stdout), "{done}");
    }
    assert_eq!(site.calls("az"), "");
}

/// Nor by a link, be it to a folder that is not there yet: az's settings name extensions, which are code.
#[test]
fn az_gets_no_folder_of_the_projects_by_a_link() {
    let mut site = Site::new();
    site.fake("az", TOKEN);
    let link = site.sandbox.root().join("link");
    std::os::unix::fs::symlink(site.sandbox.project(), &link).unwrap();
    let later = site.sandbox.root().join("later");
    std::os::unix::fs::symlink(site.sandbox.project().join("made/later"), &later).unwrap();
    for (name, value) in [
        ("AZURE_CONFIG_DIR", link.clone()),
        ("AZURE_EXTENSION_DIR", link.join("made/later")),
        ("AZD_CONFIG_DIR", later.clone()),
        ("AZURE_LOGGING_LOG_DIR", site.sandbox.project().join("logs")),
        ("SSL_CERT_DIR", later.join("certs")),
        ("LD_LIBRARY_PATH", link.clone()),
        ("ENV", link.join("made/later")),
    ] {
        site.sandbox.set(name, value);
    }
    let done = site.ask(&[], &format!("ask {VAULT}")).ok();
    assert!(forwarded(&done.stdout), "{done}");
    let saw = fs::read_to_string(site.sandbox.root().join("az-saw")).unwrap();
    for folder in [link, later, site.sandbox.project()] {
        let shown = folder.display().to_string();
        let named = |line: &&str| line.contains(&shown) && !line.starts_with("PWD=");
        assert_eq!(saw.lines().find(named), None);
    }
}

/// What azup knows stays in its memory when it is killed by something that leaves a core file, which would lie in
/// the project. The words of every process are for all users of the machine to read.
#[test]
fn a_crash_leaves_no_token_and_no_process_is_started_with_one() {
    use std::os::unix::process::ExitStatusExt as _;
    let mut site = Site::new();
    site.fake(
        "az",
        &format!("{TOKEN}; cat /proc/[0-9]*/cmdline > \"$0-words\" 2>/dev/null"),
    );
    let crash = |site: &Site, script: String| {
        let mut command = site.sandbox.command("sh");
        let status = command
            .args(["-c", &format!("ulimit -c unlimited; {script}")])
            .output()
            .unwrap()
            .status;
        let cores = fs::read_dir(site.sandbox.project()).unwrap();
        let cores = cores.filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("core")
        });
        (status.core_dumped(), cores.count())
    };
    // Where this machine writes none at all, there is nothing to see.
    if !crash(&site, "kill -ABRT $$".into()).0 {
        return;
    }
    for entry in fs::read_dir(site.sandbox.project()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    let words = site.run_words(&[]);
    let words: Vec<_> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let azup = crate::sandbox::azup();
    // The command's own words are its own business.
    let inner = format!(
        "printf 'X-IDENTITY-HEADER: %s' $IDENTITY_HEADER | tee header |
         curl --silent --header @- \"$IDENTITY_ENDPOINT?resource={VAULT}\" > answer; kill -ABRT $PPID"
    );
    site.sandbox.write("inner.sh", &inner);
    let script = format!("exec {} {} -- sh inner.sh", azup.display(), words.join(" "));
    assert_eq!(crash(&site, script), (false, 0));
    let project = site.sandbox.project();
    let answer = fs::read_to_string(project.join("answer")).unwrap();
    assert!(forwarded(&answer), "{answer}");
    let header = fs::read_to_string(project.join("header")).unwrap();
    let header = header.split(' ').next_back().unwrap();
    assert!(header.starts_with("azup-forward-"), "{header}");
    let seen = fs::read(site.bin().join("az-words")).unwrap();
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("get-access-token"), "the fake saw itself");
    assert!(
        !seen.contains(header),
        "a process was started with the header"
    );
}
