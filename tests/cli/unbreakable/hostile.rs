//! What may be in the place of a bundle or of azup's own folder, and the errors of a file system
//! that refuses.

use std::ffi::OsStr;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::sandbox::{Done, Sandbox, azup, public_roots};

const TRUST: [&str; 5] = ["trust", "--stores", "none", "--bundle", "d/bundle.pem"];

/// A machine with a set, and a folder for the bundle.
pub fn prepared() -> (Sandbox, PathBuf) {
    let sandbox = Sandbox::new();
    sandbox.azup(["trust", "--stores", "none"]).ok();
    let folder = sandbox.project().join("d");
    std::fs::create_dir(&folder).unwrap();
    (sandbox, folder.join("bundle.pem"))
}

/// Runs azup with at most a gigabyte of memory and for at most one and a half minutes.
pub fn limited(sandbox: &Sandbox, arguments: &[&str]) -> Done {
    let mut command = sandbox.command("sh");
    command
        // glibc reserves 64 MB of addresses for each of many threads, which takes no memory.
        .env("MALLOC_ARENA_MAX", "2")
        .args(["-c", r#"ulimit -v 1000000; exec timeout 90 "$@""#, "sh"])
        .arg(azup())
        .args(arguments);
    Done::from(command.output().unwrap())
}

/// Runs a program as root, whoever runs the tests.
pub fn as_root(sandbox: &Sandbox, words: &[&OsStr]) -> Done {
    let sudo: &[&str] = if rustix::process::geteuid().is_root() {
        &[]
    } else {
        &["sudo", "-n"]
    };
    let mut words = sudo.iter().map(OsStr::new).chain(words.iter().copied());
    let program = words.next().unwrap();
    sandbox.run(program, words).ok()
}

/// Puts something where a bundle should be.
type Make<'a> = &'a dyn Fn(&Path);

#[test]
fn what_is_no_file_is_named_and_left_alone() {
    let (sandbox, bundle) = prepared();
    let fifo = |at: &Path| {
        sandbox.run("mkfifo", [at]).ok();
    };
    let sparse = |at: &Path| {
        let file = std::fs::File::create(at).unwrap();
        file.set_len(10 << 30).unwrap();
    };
    let socket = |at: &Path| drop(std::os::unix::net::UnixListener::bind(at).unwrap());
    let cases: [(Make<'_>, &str); 7] = [
        (&fifo, "is not a regular file"),
        (
            &|at| symlink("/dev/zero", at).unwrap(),
            "is not a regular file",
        ),
        (&sparse, "is too large (10240 MB)"),
        (&socket, "No such device or address"),
        (
            &|at| symlink("bundle.pem", at).unwrap(),
            "Too many levels of symbolic links",
        ),
        (&|at| symlink("/proc/self/mem", at).unwrap(), "cannot read"),
        (&|at| symlink("nowhere", at).unwrap(), "does not exist"),
    ];
    for (make, words) in cases {
        make(&bundle);
        let before = bundle.symlink_metadata().unwrap();
        for verb in ["trust", "untrust"] {
            let mut arguments = TRUST;
            arguments[0] = verb;
            let done = limited(&sandbox, &arguments);
            if verb == "trust" {
                assert_eq!(done.code, 1, "{words}: {done}");
                let all = format!("{}{}", done.stdout, done.stderr);
                assert!(all.contains(words), "{words}: {done}");
                assert!(!all.contains("os error"), "{done}");
            } else {
                assert!([0, 1, 3].contains(&done.code), "{words}: {done}");
            }
        }
        assert_eq!(
            bundle.symlink_metadata().unwrap().ino(),
            before.ino(),
            "{words}"
        );
        let left: Vec<_> = std::fs::read_dir(bundle.parent().unwrap())
            .unwrap()
            .collect();
        assert_eq!(left.len(), 1, "{words}: {left:?}");
        std::fs::remove_file(&bundle).unwrap();
    }
}

#[test]
fn a_hundred_thousand_certificates_take_one_more_and_give_it_back() {
    let (sandbox, bundle) = prepared();
    let one = std::fs::read(sandbox.foreign_ca("Foreign")).unwrap();
    let many = one.repeat(100_000);
    std::fs::write(&bundle, &many).unwrap();
    limited(&sandbox, &TRUST).ok();
    let after = std::fs::read(&bundle).unwrap();
    assert!(after.len() > many.len() && after.starts_with(&many));
    limited(&sandbox, &TRUST).ok();
    assert!(std::fs::read(&bundle).unwrap() == after, "twice is once");
    let mut untrust = TRUST;
    untrust[0] = "untrust";
    limited(&sandbox, &untrust).ok();
    assert!(std::fs::read(&bundle).unwrap() == many);
}

/// A file system of a quarter of a megabyte, which has room for the bundle but not for its
/// successor.
#[test]
fn a_full_disk_costs_no_byte() {
    let (sandbox, bundle) = prepared();
    let roots = sandbox.root().join("roots.pem");
    std::fs::write(&roots, public_roots()).unwrap();
    let script = r#"
        mount -t tmpfs -o size=$3 none "$1" && cp "$2" "$1/bundle.pem" || exit 99
        shift 3
        "$@"; code=$?
        cmp -s "$2" d/bundle.pem || true
        ls -A d; cat d/bundle.pem > "$KEEP"
        exit $code"#;
    let keep = sandbox.root().join("kept");
    let size = public_roots().len().next_multiple_of(4096) + 8192;
    let run = |size: usize| {
        let mut command = sandbox.command("unshare");
        command
            .env("KEEP", &keep)
            .args(["--mount", "--map-root-user", "sh", "-c", script, "sh"])
            .arg(bundle.parent().unwrap())
            .arg(&roots)
            .arg(size.to_string())
            .arg(azup())
            .args(TRUST);
        Done::from(command.output().unwrap())
    };
    let done = run(size);
    assert_eq!(done.code, 1, "{done}");
    assert!(
        format!("{done}").contains("No space left on device"),
        "{done}"
    );
    assert!(
        done.stdout.ends_with("\nbundle.pem\n"),
        "nothing else is left: {done}"
    );
    assert!(std::fs::read(&keep).unwrap() == public_roots());
    run(4 * size).ok();
    assert!(std::fs::read(&keep).unwrap().starts_with(&public_roots()));
}

/// The kernel's errors one by one, at each call by which azup writes: quota, full disk, an
/// immutable file, a failing device. strace injects them.
#[test]
fn every_refusal_at_every_step_leaves_the_old_bundle_or_a_whole_new_one() {
    let (sandbox, bundle) = prepared();
    let old = public_roots();
    let trace = sandbox.root().join("trace");
    let mut rounds = 0;
    for error in ["EDQUOT", "ENOSPC", "EIO", "EPERM", "EROFS", "EACCES"] {
        for step in ["write", "fsync", "renameat2", "fchmod", "unlinkat", "mkdir"] {
            for count in 1.. {
                std::fs::write(&bundle, &old).unwrap();
                let mut strace = sandbox.command("strace");
                strace
                    .args(["-f", "-qq", "-o"])
                    .arg(&trace)
                    .args(["-e", &format!("trace={step}"), "-e"])
                    .arg(format!("inject={step}:error={error}:when={count}"))
                    .arg(azup())
                    .args(TRUST);
                let done = Done::from(strace.output().unwrap());
                if !std::fs::read_to_string(&trace)
                    .unwrap()
                    .contains("(INJECTED)")
                {
                    break;
                }
                rounds += 1;
                let at = format!("{error} at {step} {count}");
                assert!([0, 1, 3].contains(&done.code), "{at}: {done}");
                let now = std::fs::read(&bundle).unwrap();
                let blocks = blocks(&now);
                assert!(now.starts_with(&old) && blocks <= 1, "{at}: {done}");
                assert!(now == old || blocks == 1, "{at}: neither old nor new");
                let done = sandbox.azup(TRUST).ok();
                let now = std::fs::read(&bundle).unwrap();
                assert_eq!(self::blocks(&now), 1, "{at}: {done}");
                for entry in std::fs::read_dir(bundle.parent().unwrap()).unwrap() {
                    let path = entry.unwrap().path();
                    if path != bundle {
                        // Only if the deletion itself was refused.
                        assert!(step == "unlinkat", "{at}: {}", path.display());
                        std::fs::remove_file(path).unwrap();
                    }
                }
            }
        }
    }
    assert!(rounds > 30, "{rounds} rounds");
}

/// How many of azup's blocks are in a bundle.
pub fn blocks(bundle: &[u8]) -> usize {
    String::from_utf8_lossy(bundle)
        .matches("# azup begin ")
        .count()
}

/// azup is stopped at each of its steps once it holds the lock and has looked at the bundle that it
/// is about to change; then the folder is replaced by a link to another one, which has a bundle
/// too. Nothing may change there.
#[test]
fn a_folder_that_becomes_a_link_leads_to_no_write_outside() {
    let (sandbox, bundle) = prepared();
    let folder = bundle.parent().unwrap();
    let outside = sandbox.root().join("outside");
    let aside = sandbox.root().join("aside");
    std::fs::create_dir(&outside).unwrap();
    let foreign = std::fs::read(sandbox.foreign_ca("Foreign")).unwrap();
    std::fs::write(outside.join("bundle.pem"), &foreign).unwrap();
    std::fs::write(&bundle, public_roots()).unwrap();
    let before = Sandbox::files(&outside);
    let mut untrust = TRUST;
    untrust[0] = "untrust";
    let mut rounds = 0;
    for step in ["openat", "read", "write", "fsync", "renameat2", "unlinkat"] {
        for count in 1.. {
            let trace = sandbox.root().join("trace");
            std::fs::write(&trace, "").unwrap();
            let mut strace = sandbox.command("strace");
            strace
                .args(["-f", "-qq", "-o"])
                .arg(&trace)
                .args(["-e", &format!("trace=openat,{step}"), "-e"])
                .arg(format!("inject={step}:signal=SIGSTOP:when={count}"))
                .arg(azup())
                .args(TRUST)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null());
            let mut strace = strace.spawn().unwrap();
            let stopped = loop {
                let text = std::fs::read_to_string(&trace).unwrap_or_default();
                if let Some(line) = text
                    .lines()
                    .find(|line| line.contains("stopped by SIGSTOP"))
                {
                    let process = line.split_whitespace().next().unwrap().to_owned();
                    let alone = text.split_once("/azup/lock\"").unwrap_or_default().1;
                    break Some((process, alone.contains("/d/bundle.pem\"")));
                }
                if strace.try_wait().unwrap().is_some() {
                    break None;
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            };
            let Some((process, looked)) = stopped else {
                break;
            };
            if looked {
                rounds += 1;
                std::fs::rename(folder, &aside).unwrap();
                symlink(&outside, folder).unwrap();
            }
            sandbox.run("kill", ["-CONT", &process]).ok();
            strace.wait().unwrap();
            if looked {
                std::fs::remove_file(folder).unwrap();
                std::fs::rename(&aside, folder).unwrap();
            }
            assert!(
                Sandbox::files(&outside) == before,
                "stopped at {step} {count}"
            );
            let inside = std::fs::read(&bundle).unwrap();
            assert!(
                inside.starts_with(&public_roots()),
                "stopped at {step} {count}"
            );
            assert_eq!(Sandbox::files(folder).len(), 1, "stopped at {step} {count}");
            sandbox.azup(untrust).ok();
        }
    }
    assert!(rounds > 20, "{rounds} rounds");
}

/// In a folder in which everybody may create files, another user's link leads where that user
/// wants; azup neither follows nor replaces it.
#[test]
fn a_link_that_another_user_has_planted_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (sandbox, bundle) = prepared();
    let folder = bundle.parent().unwrap();
    let victim = sandbox.write("victim.pem", public_roots());
    symlink(&victim, &bundle).unwrap();
    let words = ["chown", "-h", "65534:65534"].map(OsStr::new);
    as_root(&sandbox, &[&words[..], &[bundle.as_os_str()]].concat());
    let shared = std::fs::Permissions::from_mode(0o1777);
    std::fs::set_permissions(folder, shared).unwrap();
    let done = sandbox.azup(TRUST);
    assert_eq!(done.code, 1, "{done}");
    assert!(bundle.is_symlink(), "{done}");
    assert!(std::fs::read(&victim).unwrap() == public_roots());

    // The same link in a folder of the user's own is the user's decision.
    let own = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(folder, own).unwrap();
    sandbox.azup(TRUST).ok();
    assert!(
        std::fs::read(&victim).unwrap() == public_roots(),
        "replaced, not followed"
    );
}

/// Whoever could make azup's folder before azup does would get their own CA trusted.
#[test]
fn a_folder_of_azups_that_somebody_else_has_made_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut sandbox = Sandbox::new();
    let bundle = sandbox.write("bundle.pem", public_roots());
    let shared = sandbox.root().join("shared");
    let theirs = sandbox.root().join("theirs");
    std::fs::create_dir(&shared).unwrap();
    std::fs::create_dir(&theirs).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
    sandbox.set("XDG_DATA_HOME", &shared);
    let trust = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
    let own = shared.join("azup");
    let nobody = ["chown", "65534:65534"].map(OsStr::new);
    let plants: [&dyn Fn(); 3] = [
        &|| symlink(&theirs, &own).unwrap(),
        &|| {
            std::fs::create_dir(&own).unwrap();
            as_root(&sandbox, &[&nobody[..], &[own.as_os_str()]].concat());
        },
        &|| {
            std::fs::create_dir(&own).unwrap();
            std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).unwrap();
        },
    ];
    for plant in plants {
        plant();
        let done = sandbox.azup(trust);
        assert_eq!(done.code, 1, "{done}");
        assert!(done.stderr.contains("everybody can write to"), "{done}");
        assert!(std::fs::read(&bundle).unwrap() == public_roots());
        assert!(Sandbox::files(&theirs).is_empty());
        as_root(
            &sandbox,
            &["rm", "-r"]
                .map(OsStr::new)
                .into_iter()
                .chain([own.as_os_str()])
                .collect::<Vec<_>>(),
        );
    }
    // If nobody was faster, it is an ordinary folder, and private.
    sandbox.azup(trust).ok();
    assert_eq!(own.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
    sandbox.azup(trust).ok();
}
