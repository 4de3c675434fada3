//! `azup run` as a process: signals, exit codes, and an Azurite that stays for as long as something
//! uses it.

use std::ffi::OsString;
use std::fs;
use std::process::{Child, Stdio};

use insta::assert_snapshot;
use rustix::process::Signal;

use super::site::{PATIENCE, Site, ended, gone, lives, signal};
use crate::sandbox::{Done, part, write_program};

fn sh(script: &str) -> [OsString; 3] {
    ["sh", "-c", script].map(OsString::from)
}

impl Site {
    /// Starts `azup run` with a shell script.
    fn start(&self, script: &str) -> Child {
        let mut words = self.run_words(&["--in-memory"]);
        words.push("--".into());
        words.extend(sh(script));
        let mut command = self.sandbox.azup_command(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    /// Waits until a script has made this file.
    #[track_caller]
    fn wait_for(&self, name: &str) {
        let until = std::time::Instant::now() + PATIENCE;
        while !self.sandbox.project().join(name).exists() {
            assert!(std::time::Instant::now() < until, "no {name}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}

fn end(mut child: Child) -> Done {
    ended(&mut child);
    Done::from(child.wait_with_output().unwrap())
}

#[test]
fn it_ends_as_the_command_ends_and_says_nothing_on_standard_output() {
    let site = Site::new();
    let done = site.run(&[], &sh("cat; echo said; echo told >&2; exit 7"));
    assert_snapshot!(site.shown(&done), @r"
    exit: 7
    --- stdout
    said
    --- stderr
    starting Azurite
    made certificates in [HOME]/.local/share/azup/certs
    told
    ");
    assert!(site.run_files("json").is_empty(), "Azurite has stopped");
    let done = site.run(&["--quiet"], &sh("kill -KILL $$"));
    assert_eq!((done.code, done.stderr.as_str()), (128 + 9, ""));
}

#[test]
fn a_command_that_cannot_be_run_is_refused_before_anything_starts() {
    let site = Site::new();
    let plain = site.sandbox.write("plain", "no program");
    let folder = site.sandbox.project();
    let mut all = String::new();
    for command in [
        "nosuch".into(),
        "./nosuch".into(),
        plain.into(),
        folder.into_os_string(),
    ] {
        all += &site.shown(&site.run(&[], &[command]));
    }
    all += &site.shown(&site.sandbox.azup(["run", "--json", "--", "ls"]));
    assert_snapshot!(all, @r#"
    exit: 127
    --- stdout
    --- stderr
    error: cannot run nosuch: not on PATH
    exit: 127
    --- stdout
    --- stderr
    error: cannot run ./nosuch: no such file
    exit: 126
    --- stdout
    --- stderr
    error: cannot run [PROJECT]/plain: Permission denied
    exit: 126
    --- stdout
    --- stderr
    error: cannot run [PROJECT]: it is a folder
    exit: 2
    --- stdout
    {
      "version": 1,
      "error": {
        "message": "azup run takes no --json: standard output belongs to the command",
        "hint": "azup run -- ls",
        "exit": 2
      }
    }
    --- stderr
    error: azup run takes no --json: standard output belongs to the command
    hint: azup run -- ls
    "#);
    assert!(!site.sandbox.own().join("certs").exists());
}

#[test]
fn signals_reach_the_command_and_azurite_stops_after_it() {
    let site = Site::new();
    for (name, how) in [
        ("TERM", Signal::TERM),
        ("INT", Signal::INT),
        ("HUP", Signal::HUP),
        ("QUIT", Signal::QUIT),
    ] {
        let script = format!(
            "trap 'echo {name} came; touch came-{name}; exit 3' {name}; touch up-{name}; \
             while :; do sleep 0.1; done"
        );
        let child = site.start(&script);
        site.wait_for(&format!("up-{name}"));
        let azurite = site.state()["azurite_pid"].as_u64().unwrap();
        signal(child.id(), how);
        let done = end(child);
        assert_eq!(
            (done.code, done.stdout.as_str()),
            (3, &*format!("{name} came\n")),
            "{done}"
        );
        assert!(!lives(u32::try_from(azurite).unwrap()), "{name}");
    }
}

/// In a terminal, the kernel sends SIGINT to azup and to the command.
#[test]
fn ctrl_c_in_a_terminal_reaches_the_command_once() {
    let site = Site::new();
    let counts = site.sandbox.write(
        "counts.py",
        "import signal, sys, time\n\
         seen = []\n\
         signal.signal(signal.SIGINT, lambda *_: seen.append(1))\n\
         print('ready', flush=True)\n\
         time.sleep(1)\n\
         end = time.monotonic() + 30\n\
         while not seen and time.monotonic() < end: time.sleep(0.05)\n\
         time.sleep(1)\n\
         sys.exit(len(seen))\n",
    );
    let terminal = site.sandbox.write(
        "terminal.py",
        "import os, pty, sys\n\
         said, typed = b'', False\n\
         pid, end = pty.fork()\n\
         if pid == 0: os.execv(sys.argv[1], sys.argv[1:])\n\
         while True:\n\
         \x20   try: more = os.read(end, 4096)\n\
         \x20   except OSError: break\n\
         \x20   if not more: break\n\
         \x20   said += more\n\
         \x20   if b'ready' in said and not typed:\n\
         \x20       typed = True\n\
         \x20       os.write(end, b'\\x03')\n\
         print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n",
    );
    let mut words: Vec<OsString> = vec![terminal.into(), crate::sandbox::azup().into()];
    words.extend(site.run_words(&["--in-memory"]));
    words.extend(["--".into(), part("venv/bin/python").into(), counts.into()]);
    let done = site.sandbox.run(part("venv/bin/python"), words).ok();
    assert_eq!(done.stdout, "1\n", "{done}");
    assert!(site.run_files("json").is_empty(), "Azurite has stopped");
}

#[test]
fn an_azurite_that_runs_is_used_and_stays() {
    let site = Site::new();
    let up = site.up(&["--in-memory", "--no-identity"]);
    let done = site.run(&[], &sh("echo $AZURE_STORAGE_BLOB_ENDPOINT")).ok();
    assert_eq!(done.stdout, format!("{}\n", site.url("")));
    assert_eq!(done.stderr, "", "nothing was started");
    // Even if its ports are not named.
    let words = ["run", "--", "sh", "-c", "echo $AZURE_STORAGE_BLOB_ENDPOINT"];
    let done = site.sandbox.azup(words).ok();
    assert_eq!(done.stdout, format!("{}\n", site.url("")));
    assert!(lives(up.azurite()));
    assert_eq!(up.end_with(Signal::INT).code, 0);
}

/// A container's, or another user's: recognised only by its certificate.
#[test]
fn somebody_elses_azurite_is_used_if_it_has_the_same_ca() {
    let mut site = Site::new();
    let up = site.up(&["--in-memory", "--no-identity"]);
    let certs = site.sandbox.certs();
    let other = site.sandbox.root().join("other-home");
    fs::create_dir(&other).unwrap();
    site.sandbox.set("HOME", &other);
    let done = site.run_there(&[], &sh("true"));
    assert_eq!(done.code, 1, "{done}");
    assert!(
        done.stderr.contains("it was signed by another CA"),
        "{done}"
    );
    site.sandbox.set("AZUP_CERTS", certs);
    let python = part("venv/bin/python");
    let code = "import os; from azure.identity import DefaultAzureCredential as C; \
        from azure.storage.blob import BlobServiceClient as B; \
        print(list(B(os.environ['AZURE_STORAGE_BLOB_ENDPOINT'], C()).list_containers()))";
    let done = site
        .run_there(&[], &[python.into(), "-c".into(), code.into()])
        .ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("[]\n", ""));
    site.sandbox.unset("AZUP_CERTS");
    site.sandbox.set("HOME", site.sandbox.home());
    assert_eq!(up.end_with(Signal::INT).code, 0);
}

#[test]
fn several_at_once_share_one_azurite_and_the_last_one_stops_it() {
    let site = Site::new();
    let first = site.start("touch one; until [ -e go-one ]; do sleep 0.1; done");
    let second = site.start("touch two; until [ -e go-two ]; do sleep 0.1; done");
    site.wait_for("one");
    site.wait_for("two");
    let azurite = u32::try_from(site.state()["azurite_pid"].as_u64().unwrap()).unwrap();
    site.sandbox.write("go-one", "");
    assert_eq!(end(first).code, 0);
    assert!(lives(azurite), "the second still uses it");
    site.sandbox.write("go-two", "");
    assert_eq!(end(second).code, 0);
    assert!(!lives(azurite));
}

#[test]
fn azurite_goes_when_azup_is_killed() {
    let site = Site::new();
    let mut child = site.start("touch up; exec sleep 60");
    site.wait_for("up");
    let state = site.state();
    let pids =
        ["azurite_pid", "pid"].map(|name| u32::try_from(state[name].as_u64().unwrap()).unwrap());
    child.kill().unwrap();
    child.wait().unwrap();
    for pid in pids {
        assert!(gone(pid));
    }
}

#[test]
fn an_azurite_that_up_asks_for_meanwhile_stays() {
    let site = Site::new();
    let child = site.start("touch up; until [ -e go ]; do sleep 0.1; done");
    site.wait_for("up");
    let azurite = u32::try_from(site.state()["azurite_pid"].as_u64().unwrap()).unwrap();
    site.azup_up(&["-d", "--in-memory"]).ok();
    site.sandbox.write("go", "");
    assert_eq!(end(child).code, 0);
    // A second run finds it, and leaves it running.
    site.run(&[], &sh("true")).ok();
    assert!(lives(azurite));
    site.sandbox.azup(["down"]).ok();
    assert!(gone(azurite));
}

#[test]
fn az_gives_the_tokens_where_it_is_asked_to() {
    let mut site = Site::new();
    let shows = "env | grep -c -e IDENTITY_ -e AZURE_MSI_ -e AZURE_IMDS_";
    assert_eq!(site.run(&[], &sh(shows)).ok().stdout, "5\n");
    assert_eq!(site.run(&["--credential=az"], &sh(shows)).stdout, "0\n");
    // The SDK then runs az, here one that logs its calls and knows azup.
    let bin = site.sandbox.root().join("bin");
    fs::create_dir(&bin).unwrap();
    let azup = crate::sandbox::azup().display();
    let recording = format!(
        "#!/bin/sh\necho \"az $*\" >> {}/calls\ntoken=$({azup} token)\n\
         echo '{{\"accessToken\":\"'$token'\",\"expiresOn\":\"2099-01-01 00:00:00.000000\",\"expires_on\":4070908800}}'\n",
        site.sandbox.root().display()
    );
    write_program(&bin.join("az"), &recording);
    site.sandbox.set(
        "PATH",
        format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display()),
    );
    let code = "import os; from azure.identity import AzureCliCredential as C; \
        from azure.storage.blob import BlobServiceClient as B; \
        print(list(B(os.environ['AZURE_STORAGE_BLOB_ENDPOINT'], C()).list_containers()))";
    let python = part("venv/bin/python");
    let done = site.run(
        &["--credential=az"],
        &[python.into(), "-c".into(), code.into()],
    );
    assert_eq!(done.ok().stdout, "[]\n");
    let calls = fs::read_to_string(site.sandbox.root().join("calls")).unwrap();
    assert!(calls.contains("storage.azure.com"), "{calls}");
}

/// What tox hands on is the user's to say, and azup's variables come on top.
#[test]
fn what_tox_runs_has_the_variables_beside_those_that_its_settings_name() {
    let mut site = Site::new();
    let settings = "[tox]\nskipsdist = true\n[testenv]\npass_env = SHOP\nskip_install = true\n\
                    commands = python -c 'import os; print(*sorted(os.environ))'\n";
    site.sandbox.write("tox.ini", settings);
    site.sandbox.set("SHOP", "open");
    let tox = part("python-tools/bin/tox");
    let words = [tox.as_os_str(), "run".as_ref(), "-q".as_ref()].map(OsString::from);
    let done = site.run(&[], &words).ok();
    for name in [
        "SHOP",
        "AZURE_STORAGE_BLOB_ENDPOINT",
        "IDENTITY_HEADER",
        "REQUESTS_CA_BUNDLE",
    ] {
        assert!(
            done.stdout.split_whitespace().any(|word| word == name),
            "{name}: {done}"
        );
    }
    // One of the user's own counts as well.
    site.sandbox.set("TOX_OVERRIDE", "testenv.set_env=MORE=1");
    let done = site.run(&[], &words).ok();
    for name in ["MORE", "IDENTITY_HEADER"] {
        assert!(
            done.stdout.split_whitespace().any(|word| word == name),
            "{name}: {done}"
        );
    }
}

#[test]
fn a_python_that_is_not_the_projects_is_named_with_the_command_that_is() {
    let mut site = Site::new();
    site.sandbox
        .run("python3", ["-m", "venv", "--without-pip", ".venv"])
        .ok();
    site.sandbox
        .write("hello there.py", "import sys; print(sys.prefix)");
    let words = ["python3", "hello there.py"].map(OsString::from);
    let done = site.run(&[], &words).ok();
    assert_eq!(done.stdout, "/usr\n");
    let hint = "hint: azup run -- .venv/bin/python3 'hello there.py'";
    assert!(done.stderr.contains(hint), "{done}");
    let words = [".venv/bin/python3", "hello there.py"].map(OsString::from);
    let done = site.run(&[], &words).ok();
    assert!(
        done.stdout.ends_with("/.venv\n") && !done.stderr.contains("hint"),
        "{done}"
    );
    // If there is no other.
    site.sandbox.set("PATH", "/nonexistent");
    let done = site.sandbox.azup(["run", "--", "python", "hello there.py"]);
    assert_eq!(done.code, 127);
    assert!(
        done.stderr
            .contains("hint: azup run -- .venv/bin/python 'hello there.py'"),
        "{done}"
    );
}
