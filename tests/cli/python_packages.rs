//! Which of an environment's packages have a bundle, and which of them azup leaves alone.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::python::{Environment, azup_after, has_ca, links, shaped, trust, untrust, uv_cache};
use crate::sandbox::{Done, Sandbox, part};

/// OpenSSL reads a bundle of its own in a conda-shaped environment.
#[test]
fn a_conda_shaped_environment_has_two_bundles() {
    let mut sandbox = Sandbox::new();
    let root = sandbox.root().join("conda");
    let certifi = shaped(&root);
    std::fs::create_dir_all(root.join("conda-meta")).unwrap();
    std::fs::create_dir_all(root.join("ssl")).unwrap();
    let openssl = root.join("ssl/cacert.pem");
    std::fs::copy(&certifi, &openssl).unwrap();
    std::os::unix::fs::symlink("cacert.pem", root.join("ssl/cert.pem")).unwrap();
    sandbox.set("CONDA_PREFIX", &root);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(has_ca(&certifi) && has_ca(&openssl) && has_ca(&root.join("ssl/cert.pem")));
}

/// uv lets both environments and its cache share one file; each environment must get its own, and
/// the cache stays as it is.
#[test]
fn environments_that_share_a_file_each_get_their_own() {
    let sandbox = Sandbox::new();
    let make = |folder: &str| {
        let folder = format!("../home/.virtualenvs/{folder}");
        Environment::by_uv(&sandbox, &folder, "hardlink", &["certifi"])
    };
    let [one, two] = ["one", "two"].map(make);
    let inode = |environment: &Environment| environment.bundle().metadata().unwrap().ino();
    assert_eq!(inode(&one), inode(&two), "uv shares the file");
    assert!(links(&one.bundle()) >= 3);
    let before = one.bytes();
    let cache = Sandbox::files(&uv_cache(&sandbox));

    let done = trust(&sandbox, "all").ok();
    assert!(has_ca(&one.bundle()) && has_ca(&two.bundle()), "{done}");
    assert_eq!(Sandbox::files(&uv_cache(&sandbox)), cache);
    untrust(&sandbox);
    assert_eq!([one.bytes(), two.bytes()], [before.clone(), before]);
    assert_eq!(Sandbox::files(&uv_cache(&sandbox)), cache);
}

/// Python itself says which certifi such an environment uses.
#[test]
fn an_environment_with_the_systems_packages_uses_the_certifi_of_its_base() {
    let sandbox = Sandbox::new();
    let mut pip = sandbox.command("/usr/bin/python3");
    pip.args([
        "-m",
        "pip",
        "install",
        "-q",
        "--user",
        "--break-system-packages",
        "--no-deps",
    ])
    .args(["--ignore-installed", "--no-index", "--find-links"])
    .arg(part("wheels"))
    .arg("certifi");
    Done::from(pip.output().unwrap()).ok();
    let words = ["-m", "venv", "--system-site-packages", ".venv"];
    sandbox.run("/usr/bin/python3", words).ok();
    let environment = Environment {
        folder: sandbox.project().join(".venv"),
    };
    let program = "import certifi; print(certifi.where())";
    let used = environment.run(&sandbox, program, &[]).ok().stdout;
    let used = Path::new(used.trim());
    assert!(used.starts_with(sandbox.home()), "{}", used.display());

    // The environment is the project's, so its base's certifi is the project's too.
    sandbox
        .azup(["trust", "--stores", "certifi", "--scope", "project"])
        .ok();
    assert!(has_ca(used));
}

#[test]
fn an_environment_without_the_systems_packages_does_not() {
    let sandbox = Sandbox::new();
    let user = shaped(sandbox.home().join(".local"));
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    let done = sandbox
        .azup(["trust", "--stores", "certifi", "--scope", "project"])
        .ok();
    assert!(has_ca(&environment.bundle()) && !has_ca(&user), "{done}");
    let done = sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(
        has_ca(&user),
        "what all of the user's programs share: {done}"
    );
}

/// grpc's bundle ends without a newline, so a careless append breaks the whole file.
#[test]
fn grpcs_own_bundle_is_trusted_and_stays_readable() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi", "grpcio"]);
    let packages = environment.bundle();
    let packages = packages.parent().unwrap().parent().unwrap();
    let roots = packages.join("grpc/_cython/_credentials/roots.pem");
    let before = std::fs::read(&roots).unwrap();
    assert_ne!(before.last(), Some(&b'\n'), "else this test shows nothing");
    let count = |file: &Path| {
        let pkcs7 = "openssl crl2pkcs7 -nocrl -certfile \"$1\" | openssl pkcs7 -print_certs | grep -c ^subject";
        let all = sandbox
            .run("sh", ["-c", pkcs7, "sh", file.to_str().unwrap()])
            .ok();
        all.stdout.trim().parse::<u32>().unwrap()
    };
    let certificates = count(&roots);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert_eq!(count(&roots), certificates + 1);
    // And with gRPC's own parser, which takes the whole file or nothing.
    let load = "import grpc, sys; grpc.ssl_channel_credentials(open(sys.argv[1], 'rb').read())";
    environment
        .run(&sandbox, load, &[roots.to_str().unwrap()])
        .ok();
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();
    assert_eq!(std::fs::read(&roots).unwrap(), before);
}

#[test]
fn pips_own_bundle_is_trusted_too() {
    let sandbox = Sandbox::new();
    let environment = Environment::by_pip(&sandbox, ".venv", &["certifi"]);
    let packages = environment.bundle();
    let packages = packages.parent().unwrap().parent().unwrap();
    // A distribution's pip may be patched to use the system's store.
    environment
        .pip(&sandbox, &["install", "--force-reinstall"], &["pip"])
        .ok();
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(has_ca(&packages.join("pip/_vendor/certifi/cacert.pem")));
    environment
        .pip(&sandbox, &["download", "-d", "x"], &["idna"])
        .ok();
}

/// root can write everything, and still a distribution's files are left alone. Debian's Python
/// reads the system's store, so that is what has to be fixed.
#[test]
fn a_distributions_certifi_is_left_alone_even_by_root() {
    let sandbox = Sandbox::new();
    let real = shaped(sandbox.root().join("real"));
    let words = [
        "-m",
        "venv",
        "--without-pip",
        "--system-site-packages",
        ".venv",
    ];
    sandbox.run("/usr/bin/python3", words).ok();
    let packages = "/usr/lib/python3/dist-packages";
    let before = std::fs::read(&real).unwrap();
    for (patch, scope, warning) in [
        ("", "all", false),
        (
            "X = '/etc/ssl/certs/ca-certificates.crt'\n",
            "project",
            true,
        ),
    ] {
        std::fs::write(real.with_file_name("core.py"), patch).unwrap();
        let folder = real.parent().unwrap().parent().unwrap();
        let prepare = format!("mount --bind {} {packages}", folder.display());
        let words = ["trust", "--stores", "certifi", "--scope", scope];
        let done = azup_after(&sandbox, &prepare, &words).ok();
        let row = format!("certifi  skipped  {packages}/certifi/cacert.pem");
        assert!(done.stdout.contains(&row), "{done}");
        let hint = done.stderr.ends_with("hint: azup trust --stores system\n");
        assert_eq!(hint, warning, "{done}");
    }
    assert_eq!(std::fs::read(&real).unwrap(), before);
}

/// `/opt/az` is where Debian's Azure CLI package keeps its Python.
#[test]
fn azure_clis_python_is_trusted_where_it_may_be_written_shaped() {
    let sandbox = Sandbox::new();
    shaped(sandbox.root().join("az"));
    let az = sandbox.root().join("az");
    let writable = format!("mount -t tmpfs none /opt\ncp -R '{}' /opt/\n", az.display());
    let closed = format!("{writable}mount -o remount,ro /opt\n");
    let words = ["trust", "--stores", "certifi", "--scope", "all"];
    let done = azup_after(&sandbox, &closed, &words);
    let bundle = "/opt/az/lib/python3.12/site-packages/certifi/cacert.pem";
    assert!(
        done.stderr.contains(&format!(
            "warning: certifi, {bundle}: this user may not write there\n\
             hint: sudo azup trust --stores none --certs {} --bundle {bundle}\n",
            sandbox.certs().display()
        )),
        "{done}"
    );
    let done = azup_after(&sandbox, &writable, &words).ok();
    assert!(
        done.stdout
            .contains(&format!("certifi  added    {bundle}\n")),
        "{done}"
    );
}

/// A file that only an administrator may write: the command names the CA that was meant, and pip's
/// own copy, which is not used for Azurite, gets no warning.
#[test]
fn what_an_administrator_has_to_write_is_named_with_the_ca_that_was_meant_shaped() {
    let sandbox = Sandbox::new();
    let bundle = shaped(sandbox.root().join("az"));
    let vendored = bundle
        .ancestors()
        .nth(2)
        .unwrap()
        .join("pip/_vendor/certifi");
    std::fs::create_dir_all(&vendored).unwrap();
    for name in ["cacert.pem", "core.py"] {
        std::fs::copy(bundle.with_file_name(name), vendored.join(name)).unwrap();
    }
    let proxy = sandbox.foreign_ca("proxy");
    let az = sandbox.root().join("az");
    let closed = format!(
        "mount -t tmpfs none /opt\ncp -R '{}' /opt/\nmount -o remount,ro /opt\n",
        az.display()
    );
    let words = [
        "trust",
        "--stores",
        "certifi",
        "--scope",
        "all",
        "--ca",
        "proxy.pem",
    ];
    let done = azup_after(&sandbox, &closed, &words);
    let packages = "/opt/az/lib/python3.12/site-packages";
    let hint = format!(
        "hint: sudo azup trust --stores none --ca {} --bundle {packages}/certifi/cacert.pem\n",
        proxy.display()
    );
    assert!(done.stderr.contains(&hint), "{done}");
    assert!(!done.stderr.contains(&format!("{packages}/pip")), "{done}");
    let skipped = format!("skipped  {packages}/pip/_vendor/certifi/cacert.pem (this user may");
    assert!(done.stdout.contains(&skipped), "{done}");
}
