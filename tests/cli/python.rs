//! Python environments as people make them: venv with pip, and uv; the packages come from wheels
//! that `tests/run` downloaded, so no test needs the network.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::sandbox::{Done, Sandbox, azup, part};

/// A virtual environment.
pub struct Environment {
    /// Its folder.
    pub folder: PathBuf,
}

impl Environment {
    /// `python3 -m venv` and `pip install`, at `folder` below the project.
    pub fn by_pip(sandbox: &Sandbox, folder: &str, packages: &[&str]) -> Self {
        let folder = sandbox.project().join(folder);
        let mut venv = sandbox.command("python3");
        venv.args(["-m", "venv"]).arg(&folder);
        Done::from(venv.output().unwrap()).ok();
        let this = Self { folder };
        this.pip(sandbox, &["install"], packages).ok();
        this
    }

    /// `uv venv` and `uv pip install`, which links files from uv's cache in `link_mode`.
    pub fn by_uv(sandbox: &Sandbox, folder: &str, link_mode: &str, packages: &[&str]) -> Self {
        let folder = sandbox.project().join(folder);
        let this = Self { folder };
        let mut venv = Self::uv(sandbox, link_mode);
        venv.args(["venv", "--python", "python3"]).arg(&this.folder);
        Done::from(venv.output().unwrap()).ok();
        let mut install = Self::uv(sandbox, link_mode);
        install
            .args(["pip", "install", "--no-index", "--find-links"])
            .arg(part("wheels"))
            .arg("--python")
            .arg(this.python())
            .args(packages);
        Done::from(install.output().unwrap()).ok();
        this
    }

    /// A project with a lock file and these packages, its environment made by `uv sync`.
    pub fn of_uv_project(sandbox: &Sandbox, folder: &str, packages: &[&str]) -> Self {
        let text = format!(
            "[project]\nname = \"shop\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n\
             dependencies = {packages:?}\n"
        );
        let file = sandbox.write(format!("{folder}/pyproject.toml"), text);
        let folder = file.with_file_name(".venv");
        let this = Self { folder };
        this.uv_sync(sandbox, &[]).ok();
        this
    }

    /// Runs `uv sync` in the folder of the environment's project, with hard links to uv's cache.
    pub fn uv_sync(&self, sandbox: &Sandbox, words: &[&str]) -> Done {
        let mut uv = Self::uv(sandbox, "hardlink");
        uv.args(["sync", "--python", "python3", "--no-index", "--find-links"])
            .arg(part("wheels"))
            .args(words)
            .current_dir(self.folder.parent().unwrap());
        uv.output().unwrap().into()
    }

    fn uv(sandbox: &Sandbox, link_mode: &str) -> std::process::Command {
        let mut uv = sandbox.command(part("venv/bin/uv"));
        uv.env("UV_OFFLINE", "1")
            .env("UV_LINK_MODE", link_mode)
            .env("UV_CACHE_DIR", uv_cache(sandbox));
        uv
    }

    /// Runs pip in the environment on the downloaded wheels.
    pub fn pip(&self, sandbox: &Sandbox, words: &[&str], packages: &[&str]) -> Done {
        let mut pip = sandbox.command(self.python());
        pip.args(["-m", "pip", "--disable-pip-version-check", "-q"])
            .args(words)
            .args(["--no-index", "--find-links"])
            .arg(part("wheels"))
            .args(packages);
        pip.output().unwrap().into()
    }

    /// Runs `uv pip` for the environment on the downloaded wheels, with hard links.
    pub fn uv_pip(&self, sandbox: &Sandbox, words: &[&str], packages: &[&str]) -> Done {
        let mut uv = Self::uv(sandbox, "hardlink");
        uv.arg("pip")
            .args(words)
            .args(["--no-index", "--find-links"])
            .arg(part("wheels"))
            .arg("--python")
            .arg(self.python())
            .args(packages);
        uv.output().unwrap().into()
    }

    /// The environment's interpreter.
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Runs a Python program in the environment.
    pub fn run(&self, sandbox: &Sandbox, program: &str, words: &[&str]) -> Done {
        let mut python = sandbox.command(self.python());
        python.args(["-c", program]).args(words);
        python.output().unwrap().into()
    }

    /// certifi's bundle.
    pub fn bundle(&self) -> PathBuf {
        let mut lib = std::fs::read_dir(self.folder.join("lib")).unwrap();
        let python = lib.next().unwrap().unwrap().path();
        python.join("site-packages/certifi/cacert.pem")
    }

    /// The bytes of certifi's bundle.
    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.bundle()).unwrap()
    }
}

/// uv's cache in this sandbox.
pub fn uv_cache(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".cache/uv")
}

/// How many names a file has.
pub fn links(path: &Path) -> u64 {
    path.symlink_metadata().unwrap().nlink()
}

const MARK: &[u8] = b"# azup begin ";

/// Whether a bundle contains one of azup's blocks.
#[track_caller]
pub fn has_ca(bundle: &Path) -> bool {
    let bytes =
        std::fs::read(bundle).unwrap_or_else(|error| panic!("{}: {error}", bundle.display()));
    bytes.windows(MARK.len()).any(|window| window == MARK)
}

/// A folder as an installer leaves it, with certifi's real files. Returns its bundle.
pub fn shaped(root: impl AsRef<Path>) -> PathBuf {
    let certifi = root.as_ref().join("lib/python3.12/site-packages/certifi");
    std::fs::create_dir_all(&certifi).unwrap();
    let python = std::fs::read_dir(part("venv/lib")).unwrap().next().unwrap();
    let real = python.unwrap().path().join("site-packages/certifi");
    for name in ["cacert.pem", "core.py"] {
        std::fs::copy(real.join(name), certifi.join(name)).unwrap();
    }
    certifi.join("cacert.pem")
}

/// `azup` in a mount namespace in which the machine's own environments cannot be written, after a
/// shell program that prepares it.
pub fn azup_after(sandbox: &Sandbox, prepare: &str, arguments: &[&str]) -> Done {
    let program = format!(
        "set -e\n\
         for at in /opt /usr /home; do\n\
         mount --bind $at $at && mount -o remount,bind,ro $at\n\
         done\n\
         {prepare}\n\
         exec \"$@\""
    );
    let mut command = sandbox.command("unshare");
    command
        .args(["--mount", "--map-root-user", "sh", "-c", &program, "sh"])
        .arg(azup())
        .args(arguments);
    command.output().unwrap().into()
}

/// `azup trust` of certifi's kind alone, with nothing outside the sandbox in reach.
pub fn trust(sandbox: &Sandbox, scope: &str) -> Done {
    azup_after(
        sandbox,
        "",
        &["trust", "--stores", "certifi", "--scope", scope],
    )
}

/// `untrust` looks everywhere without being told.
pub fn untrust(sandbox: &Sandbox) -> Done {
    azup_after(sandbox, "", &["untrust", "--stores", "certifi"]).ok()
}
