//! File systems that lack what azup prefers: no exchange, no rename that refuses to replace, no
//! hard links, no permissions.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::hostile::as_root;
use crate::merge::tree;
use crate::sandbox::{Done, OnDrop, Sandbox, azup, public_roots};

/// exFAT's answers, injected by strace: EINVAL for flags of rename, EPERM for a hard link.
fn as_on_exfat(sandbox: &Sandbox, words: &[&str], more: &[&str]) -> Done {
    let mut strace = sandbox.command("strace");
    strace.args([
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "trace=renameat2,linkat",
    ]);
    strace.args(["-e", "inject=renameat2:error=EINVAL"]);
    strace.args(["-e", "inject=linkat:error=EPERM"]);
    strace.args(more).arg(azup()).args(words);
    strace.output().unwrap().into()
}

#[test]
fn with_injected_faults_a_file_system_without_exchange_and_hard_links_serves() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let bundle = sandbox.write("bundle.pem", public_roots());
    let before = tree(&sandbox.project());
    let init = ["init", "--yes", "--bundle", "bundle.pem"];
    as_on_exfat(&sandbox, &init, &[]).ok();
    assert!(std::fs::read(&bundle).unwrap() != public_roots());
    let key = sandbox
        .project()
        .join(".devcontainer/azurite-certs/key.pem");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let set_up = tree(&sandbox.project());
    as_on_exfat(&sandbox, &init, &[]).ok();
    assert!(tree(&sandbox.project()) == set_up, "nothing is left beside");
    as_on_exfat(&sandbox, &["renew", "--bundle", "bundle.pem"], &[]).ok();
    as_on_exfat(&sandbox, &["untrust", "--bundle", "bundle.pem"], &[]).ok();
    as_on_exfat(&sandbox, &["remove", "--yes"], &[]).ok();
    assert!(tree(&sandbox.project()) == before);
}

/// Killed at each rename, the next run continues; there is never half a file.
#[test]
fn with_injected_faults_a_crash_on_such_a_file_system_leaves_no_half_file() {
    let mut rounds = 0;
    for count in 1..60 {
        let mut sandbox = Sandbox::new();
        sandbox.set("AZUP_STORES", "none");
        let before = tree(&sandbox.project());
        // The last step for each new file: the plain rename, which has its own number.
        let kill = format!("inject=renameat:signal=SIGKILL:when={count}");
        let more = ["-e", "trace=renameat2,linkat,renameat", "-e", &kill];
        let done = as_on_exfat(&sandbox, &["init", "--yes"], &more);
        if done.code == 0 {
            break;
        }
        rounds += 1;
        for (path, bytes) in Sandbox::files(&sandbox.project()) {
            let hidden = path.to_string_lossy().contains(".azup-");
            assert!(hidden || !bytes.is_empty(), "killed at {count}: {path:?}");
        }
        let done = as_on_exfat(&sandbox, &["init", "--yes"], &[]);
        assert_eq!(done.code, 0, "killed at {count}: {done}");
        as_on_exfat(&sandbox, &["remove", "--yes"], &[]).ok();
        assert!(tree(&sandbox.project()) == before, "killed at {count}");
    }
    assert!(rounds > 10, "{rounds} rounds");
}

/// exFAT on a loop device, by FUSE. `None`, with a message, if this machine cannot have one.
fn exfat(
    sandbox: &Sandbox,
    umask: &str,
) -> Option<(std::path::PathBuf, OnDrop<impl Fn() + use<>>)> {
    let (image, at) = (
        sandbox.root().join("exfat.img"),
        sandbox.root().join("exfat"),
    );
    std::fs::create_dir(&at).unwrap();
    std::fs::File::create(&image)
        .unwrap()
        .set_len(64 << 20)
        .unwrap();
    let script = "mkfs.exfat \"$1\" && device=$(losetup -f --show \"$1\") \
        && { mount.exfat-fuse -o \"$3\" \"$device\" \"$2\" || { losetup -d \"$device\"; false; } } \
        && echo \"$device\"";
    let options = format!("umask={umask}");
    let mut sh = sandbox.command("sh");
    sh.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let done: Done = sh
        .args(["-c", script, "sh"])
        .args([image.as_os_str(), at.as_os_str(), OsStr::new(&options)])
        .output()
        .unwrap()
        .into();
    if done.code != 0 {
        // Not by a macro, whose output is hidden if the test passes.
        let needs = "root, loop devices, exfat-fuse, exfatprogs";
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no exFAT here ({needs}): {done}"
        );
        return None;
    }
    let device = done.stdout.lines().last().unwrap().to_owned();
    let mount = at.clone();
    let drop = OnDrop(move || {
        let _ = std::process::Command::new("umount").arg(&mount).status();
        let mut losetup = std::process::Command::new("losetup");
        let _ = losetup.args(["-d", &device]).status();
    });
    Some((at, drop))
}

#[test]
fn on_a_real_exfat_a_project_is_set_up_and_given_back() {
    let mut sandbox = Sandbox::new();
    sandbox.set("AZUP_STORES", "none");
    let Some((at, _unmount)) = exfat(&sandbox, "022") else {
        return;
    };
    let project = at.join("project");
    std::fs::create_dir(&project).unwrap();
    std::fs::write(project.join("bundle.pem"), public_roots()).unwrap();
    let before = tree(&project);
    let azup = |words: &[&str]| -> Done {
        let mut azup = sandbox.azup_command(words);
        azup.current_dir(&project).output().unwrap().into()
    };
    azup(&["init", "--yes", "--bundle", "bundle.pem"]).ok();
    azup(&["renew", "--bundle", "bundle.pem"]).ok();
    azup(&["trust", "--bundle", "bundle.pem"]).ok();
    azup(&["untrust", "--bundle", "bundle.pem"]).ok();
    azup(&["remove", "--yes"]).ok();
    assert!(tree(&project) == before);
}

#[test]
fn on_a_real_exfat_the_home_folder_serves_where_it_is_private() {
    let mut sandbox = Sandbox::new();
    let Some((at, _unmount)) = exfat(&sandbox, "077") else {
        return;
    };
    sandbox.set("HOME", &at);
    let bundle = sandbox.write("bundle.pem", public_roots());
    let trust = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
    sandbox.azup(trust).ok();
    let with = std::fs::read(&bundle).unwrap();
    assert!(with != public_roots());
    assert!(at.join(".local/share/azup/certs/key.pem").exists());
    sandbox.azup(trust).ok();
    assert!(std::fs::read(&bundle).unwrap() == with);
}

/// If home itself is open to everybody, the hint names another folder, and that one is accepted.
/// Done with permissions, since a file system without any reports the same ones.
#[test]
fn the_hint_never_names_the_folder_that_was_refused() {
    let mut sandbox = Sandbox::new();
    sandbox.write("bundle.pem", public_roots());
    let open = |folder: &Path| {
        std::fs::create_dir_all(folder).unwrap();
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    };
    let share = sandbox.home().join(".local/share");
    let shared = sandbox.root().join("shared");
    for (folder, home_is_open) in [(&shared, false), (&share, true)] {
        open(folder);
        open(&folder.join("azup"));
        sandbox.set("XDG_DATA_HOME", folder);
        let trust = ["trust", "--stores", "none", "--bundle", "bundle.pem"];
        let done = sandbox.azup(trust);
        assert_eq!(done.code, 1, "{done}");
        let hint = done
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("hint: "));
        let hint = hint.unwrap().to_owned();
        let named = hint.rsplit('=').next().unwrap().to_owned();
        assert_ne!(Path::new(&named), folder, "{done}");
        assert_eq!(
            !hint.contains(&*share.to_string_lossy()),
            home_is_open,
            "{done}"
        );
        // Pasted, it works. Not in this machine's own folders, which it may name.
        let there = sandbox.root().join("there");
        let (hint, made) = if home_is_open {
            let outside = hint.contains("/run/user/") || hint.contains("/var/tmp/");
            assert!(outside, "{done}");
            std::fs::DirBuilder::new().create(&there).unwrap();
            std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o700)).unwrap();
            (
                format!("export XDG_DATA_HOME={}", there.display()),
                there.join("azup"),
            )
        } else {
            (hint, share.join("azup"))
        };
        let script = format!("{hint}; exec \"$@\"");
        let mut sh = sandbox.command("sh");
        sh.args(["-c", &script, "sh"]).arg(azup()).args(trust);
        Done::from(sh.output().unwrap()).ok();
        assert!(made.join("certs/ca.pem").exists(), "{hint}");
        as_root(
            &sandbox,
            &["rm", "-r"]
                .map(OsStr::new)
                .into_iter()
                .chain([folder.as_os_str()])
                .collect::<Vec<_>>(),
        );
    }
}
