//! `azup up -d` and `azup down`.

use std::fs;
use std::io::Write as _;
use std::process::{Child, Stdio};

use insta::assert_snapshot;
use rustix::process::Signal;

use super::site::{Site, gone, lives, signal};
use crate::sandbox::Done;

/// A process that only the test may stop.
struct Innocent(Child);

impl Innocent {
    fn new(site: &Site) -> Self {
        Self(site.sandbox.command("sleep").arg("600").spawn().unwrap())
    }
}

impl Drop for Innocent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pids(site: &Site) -> [u32; 2] {
    let state = site.state();
    ["pid", "azurite_pid"].map(|name| u32::try_from(state[name].as_u64().unwrap()).unwrap())
}

#[test]
fn it_stays_in_the_background_and_a_second_one_succeeds() {
    let site = Site::new();
    let done = site.azup_up(&["-d", "--json"]).ok();
    assert_snapshot!(site.shown(&done), @r#"
    exit: 0
    --- stdout
    {
      "version": 1,
      "blob": "https://127.0.0.1:[BLOB]/devstoreaccount1",
      "queue": "https://127.0.0.1:[QUEUE]/devstoreaccount1",
      "table": "https://127.0.0.1:[TABLE]/devstoreaccount1",
      "identity": {
        "endpoint": "http://127.0.0.1:[IDENTITY]/msi/token"
      },
      "pid": [PID],
      "azurite": "3.37.0",
      "node": "[NODE]",
      "location": "[HOME]/.local/share/azup/data",
      "certificate": {
        "ca": "azup local CA [ID]",
        "ca_sha256": "[SHA256]",
        "not_after": "[TIME]"
      },
      "round_trip": true
    }
    --- stderr
    made certificates in [HOME]/.local/share/azup/certs
    "#);
    let [azup, azurite] = pids(&site);
    assert_eq!(done.json()["pid"], azup);

    // It survives the end of the terminal.
    signal(azup, Signal::HUP);
    let again = site.azup_up(&["-d"]).ok();
    assert!(again.stderr.starts_with("already running (pid "), "{again}");
    assert!(again.stdout.ends_with("\nazup down stops it\n"), "{again}");
    assert_eq!(pids(&site), [azup, azurite], "it is still the same");
    site.store("kept");

    // A project may have its own set, which this Azurite does not serve.
    let own = site.sandbox.root().join("own");
    let own = own.to_str().unwrap();
    let renew = ["renew", "--certs", own, "--stores", "none"];
    site.sandbox.azup(renew).ok();
    let foreign = site.azup_up(&["-d", "--certs", own]).ok();
    assert!(
        foreign
            .stderr
            .contains("warning: it serves another certificate, signed by azup local CA"),
        "{foreign}"
    );

    let other = site.sandbox.azup(["up", "-d"]);
    assert_snapshot!(site.shown(&other), @r"
    exit: 1
    --- stdout
    --- stderr
    error: the data in [HOME]/.local/share/azup/data is in use by the azup with pid [PID]
    hint: azup down --location [HOME]/.local/share/azup/data
    ");
    let second = site.azup_up(&[]);
    assert_eq!(second.code, 1);
    assert!(
        second.stderr.contains("is in use by the azup with pid"),
        "{second}"
    );

    let would = site.sandbox.azup(["down", "--dry-run"]).ok();
    assert!(
        would.stdout.starts_with("would stop the Azurite"),
        "{would}"
    );
    assert!(lives(azurite));
    let down = site.sandbox.azup(["down", "--json"]).ok();
    assert_snapshot!(site.shown(&down), @r#"
    exit: 0
    --- stdout
    {
      "version": 1,
      "stopped": [
        {
          "pid": [PID],
          "location": "[HOME]/.local/share/azup/data"
        }
      ]
    }
    --- stderr
    "#);
    assert!(gone(azup) && gone(azurite));
    let down = site.sandbox.azup(["down"]).ok();
    assert_eq!(down.stdout, "nothing to stop\n");

    // Data stored in the background is there in the foreground.
    let up = site.up(&[]);
    assert_eq!(site.stored(), "kept 200");
    up.end_with(Signal::INT).ok();
}

#[test]
fn down_stops_only_the_location_that_it_is_given() {
    let site = Site::new();
    let other = Site::new();
    let ports: Vec<String> = ["blob", "queue", "table"]
        .iter()
        .zip(other.ports)
        .map(|(name, port)| format!("--{name}-port={port}"))
        .collect();
    let (one, two) = (
        site.sandbox.root().join("one"),
        site.sandbox.root().join("two"),
    );
    let location = |path: &std::path::Path| format!("--location={}", path.display());
    site.azup_up(&["-d", &location(&one)]).ok();
    let mut words = ["up", "-d", "--no-identity"].map(str::to_owned).to_vec();
    words.push(location(&two));
    words.extend(ports);
    site.sandbox.azup(&words).ok();
    assert_eq!(site.run_files("json").len(), 2);

    // A link to the same data.
    let link = site.sandbox.root().join("link");
    std::os::unix::fs::symlink(&two, &link).unwrap();
    let down = site.sandbox.azup(["down", &location(&link)]).ok();
    assert!(down.stdout.contains(&*two.to_string_lossy()), "{down}");
    assert_eq!(site.state()["location"], one.to_string_lossy().as_ref());
    let nowhere = site.sandbox.azup(["down", "--location", "/nowhere"]).ok();
    assert_eq!(nowhere.stdout, "nothing to stop\n");
    let down = site.sandbox.azup(["down"]).ok();
    assert_eq!(down.stdout.lines().count(), 1, "{down}");
    assert!(down.stdout.contains(&*one.to_string_lossy()), "{down}");
    let names: Vec<String> = fs::read_dir(&one)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| !name.contains("azurite") && !name.ends_with("storage__"))
        .collect();
    assert!(
        names.is_empty(),
        "azup leaves nothing in the data folder: {names:?}"
    );
}

#[test]
fn a_failure_in_the_background_is_reported_in_the_foreground() {
    let site = Site::new();
    let first = site.azup_up(&["-d", "--in-memory"]).ok();
    assert!(first.stderr.contains("made certificates"), "{first}");
    let second = site.azup_up(&["-d"]);
    assert_snapshot!(site.shown(&second), @r"
    exit: 1
    --- stdout
    --- stderr
    error: port [BLOB] for the blob service is in use by another Azurite that azup runs (pid [PID], data in memory)
    hint: azup down
    ");
    let json = site.azup_up(&["-d", "--json"]).json();
    assert_eq!(json["error"]["hint"], "azup down");
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn what_a_killed_pair_left_behind_is_harmless() {
    let site = Site::new();
    site.azup_up(&["-d"]).ok();
    let [azup, azurite] = pids(&site);
    signal(azurite, Signal::KILL);
    signal(azup, Signal::KILL);
    assert!(gone(azup) && gone(azurite));
    assert_eq!(site.run_files("json").len(), 1, "nobody could remove it");
    let down = site.sandbox.azup(["down"]).ok();
    assert_eq!(down.stdout, "nothing to stop\n");
    assert!(site.run_files("json").is_empty());
    site.azup_up(&["-d"]).ok();
    site.sandbox.azup(["down"]).ok();
}

#[test]
fn a_recycled_process_number_is_never_signalled() {
    let site = Site::new();
    let mut innocent = Innocent::new(&site);
    let run = site.sandbox.own().join("run");
    fs::create_dir_all(&run).unwrap();
    let path = run.join("0011223344556677.lock");
    let lock = fs::File::create(&path).unwrap();
    let holder = format!(
        r#"{{"pid":{},"start_time":1,"location":"/x"}}"#,
        innocent.0.id()
    );
    fs::write(path.with_extension("holder"), holder).unwrap();

    // Not locked: the process that it names does not count.
    let down = site.sandbox.azup(["down"]).ok();
    assert_eq!(down.stdout, "nothing to stop\n");

    // Locked, but the process was started at another time than the one that took the lock.
    lock.lock().unwrap();
    let mut down = site
        .sandbox
        .azup_command(["down"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(down.try_wait().unwrap().is_none(), "it waits for the lock");
    lock.unlock().unwrap();
    Done::from(down.wait_with_output().unwrap()).ok();
    assert!(
        innocent.0.try_wait().unwrap().is_none(),
        "it was left alone"
    );
}

#[test]
fn two_at_once_end_with_one_azurite() {
    let site = Site::new();
    let start = || {
        site.sandbox
            .azup_command(site.words(&["-d"]))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start(), start()].map(|child| Done::from(child.wait_with_output().unwrap()));
    let both = both.map(Done::ok);
    assert_eq!(both[0].stdout, both[1].stdout);
    site.state();
    site.sandbox.azup(["down"]).ok();
}

/// A running Azurite is worth more than the lines about it, which a full disk has lost.
#[test]
fn an_azurite_whose_answer_could_not_be_written_goes_on() {
    let site = Site::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let stderr = site.sandbox.root().join("stderr");
    let mut up = site.sandbox.azup_command(site.words(&["--in-memory"]));
    up.stdout(full.unwrap())
        .stderr(std::fs::File::create(&stderr).unwrap());
    let mut child = up.spawn().unwrap();
    let said = || std::fs::read_to_string(&stderr).unwrap();
    crate::sandbox::until(|| {
        said().contains("warning: cannot write to standard output: No space left on device")
    });
    let done = site.curl("GET", "?comp=list", &site.token(), None);
    signal(child.id(), Signal::TERM);
    super::site::ended(&mut child);
    assert!(done.ends_with(" 200"), "{done}");
}

#[test]
fn status_lists_what_runs_and_logs_prints_what_it_says() {
    let site = Site::new();
    let done = site.sandbox.azup(["status"]).ok();
    assert_eq!(
        done.stdout,
        "azup is not running an Azurite; azup up -d starts one\n"
    );
    let done = site.sandbox.azup(["logs"]);
    assert_eq!(done.code, 1);
    assert!(done.stderr.ends_with("hint: azup up -d\n"), "{done}");
    site.azup_up(&["-d", "--in-memory"]).ok();
    let done = site.sandbox.azup(["status"]).ok();
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 9, "{done}");
    let [blob, _, _] = site.ports;
    let url = format!("blob        https://127.0.0.1:{blob}/devstoreaccount1");
    assert_eq!(lines[0], url);
    assert_eq!(lines[4], "data        in memory");
    let document = site.sandbox.azup(["status", "--json"]).ok().json();
    let one = &document["azurites"][0];
    assert_eq!(one["pid"], site.state()["pid"]);
    let log = std::path::Path::new(one["log"].as_str().unwrap());
    let done = site.sandbox.azup(["logs"]).ok();
    assert_eq!(done.stdout, fs::read_to_string(log).unwrap());
    assert!(done.stdout.contains("Azurite Blob service"), "{done}");
    // Followed until Azurite ends.
    let mut follow = site.sandbox.azup_command(["logs", "-f"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut added = fs::OpenOptions::new().append(true).open(log).unwrap();
    writeln!(added, "the last line").unwrap();
    let lines = std::io::BufRead::lines(std::io::BufReader::new(follow.stdout.take().unwrap()));
    let last = lines
        .map(Result::unwrap)
        .find(|line| line == "the last line");
    assert!(last.is_some());
    follow.kill().unwrap();
    follow.wait().unwrap();
    site.sandbox.azup(["down"]).ok();
    let done = site.sandbox.azup(["status", "--json"]).ok();
    assert_eq!(done.json()["azurites"], serde_json::json!([]));
}

/// On Windows only its holder can read a locked file, so the text is in a file next to it.
#[test]
fn locked_files_are_empty() {
    let site = Site::new();
    site.azup_up(&["-d"]).ok();
    let locked: Vec<_> = ["lock", "users", "claim"]
        .iter()
        .flat_map(|end| site.run_files(end))
        .collect();
    assert!(!locked.is_empty());
    for file in locked {
        assert_eq!(fs::read(&file).unwrap(), b"", "{}", file.display());
    }
    assert_eq!(site.run_files("holder").len(), 1);
    site.sandbox.azup(["down"]).ok();
    assert!(
        site.run_files("holder").is_empty(),
        "it goes with its holder"
    );
}
