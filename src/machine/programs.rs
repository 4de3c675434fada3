//! The programs that azup starts for its own purposes, and their environment. The current folder
//! must not influence either: a repository may contain a `certutil`, a `node` and a `.npmrc`, and
//! so may `/tmp`.
//!
//! So a relative PATH entry is never used, nor a program that git tracks in the project; the
//! program runs in `/`, and variables may only name what is outside the project. Variables that
//! tell a client which CAs to trust stay: they are data, and azup's questions are about them.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Machine;
use crate::files;
use crate::git;
use crate::os::{OsStrExt as _, neutral};
use crate::workspace::marks::is_mark;
use crate::workspace::project_folder;

/// Folders with administrators' programs that are missing from many users' PATH (Debian, SUSE).
const ADMIN_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// Lists of folders or files from which a program loads code.
const LISTS: [&str; 12] = [
    "CLASSPATH",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_INSERT_LIBRARIES",
    "DYLD_LIBRARY_PATH",
    "GCONV_PATH",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
    "NODE_PATH",
    "PERL5LIB",
    "PYTHONPATH",
    "RUBYLIB",
];

/// Single files: code, settings that name code, and TLS secrets.
const FILES: [&str; 14] = [
    "BASH_ENV",
    "CURL_HOME",
    "ENV",
    "NODE_COMPILE_CACHE",
    "NODE_V8_COVERAGE",
    "OPENSSL_CONF",
    "OPENSSL_ENGINES",
    "OPENSSL_MODULES",
    "PREFIX",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONPYCACHEPREFIX",
    "PYTHONSTARTUP",
    "SSLKEYLOGFILE",
];

/// The same for npm, which ignores case in these names.
const NPM: [&str; 6] = [
    "npm_config_git",
    "npm_config_globalconfig",
    "npm_config_prefix",
    "npm_config_script_shell",
    "npm_config_shell",
    "npm_config_userconfig",
];

/// Functions that bash imports, and that replace programs of the same name.
const FUNCTIONS: &str = "BASH_FUNC_";

/// Folders that people keep in a project on purpose, with a login or packages of their own: these
/// only count as the repository's if git tracks their contents.
const OWN: [&str; 6] = [
    "AZURE_CONFIG_DIR",
    "AZURE_EXTENSION_DIR",
    "DOCKER_CONFIG",
    "JAVA_HOME",
    "PYTHONUSERBASE",
    "XDG_CONFIG_HOME",
];

/// Options for every Node.js, every Java and so on, with those to keep. Options that load code are
/// many, and new ones appear; those about trust and proxies are few.
const OPTIONS: [(&str, &[&str]); 7] = [
    ("NODE_OPTIONS", NODE),
    ("JAVA_TOOL_OPTIONS", JAVA),
    ("JDK_JAVA_OPTIONS", JAVA),
    ("_JAVA_OPTIONS", JAVA),
    ("PERL5OPT", &[]),
    ("RUBYOPT", &[]),
    ("TAR_OPTIONS", &[]),
];

const NODE: &[&str] = &[
    "--use-openssl-ca",
    "--use-bundled-ca",
    "--use-system-ca",
    "--use-env-proxy",
    "--tls-",
    "--max-old-space-size=",
    "--no-warnings",
];

const JAVA: &[&str] = &[
    TRUST_STORE,
    "-Djavax.net.ssl.trustStoreType=",
    "-Djavax.net.ssl.trustStorePassword=",
    "-Djdk.tls.",
    "-Dhttp.",
    "-Dhttps.",
    "-Djava.net.useSystemProxies=",
    "-Xm",
];

/// The option that names Java's trust store, which may be relative.
const TRUST_STORE: &str = "-Djavax.net.ssl.trustStore=";

/// Variables that may be relative to the user's current folder.
const SEEN_FROM_HERE: [&str; 5] = [
    "CURL_CA_BUNDLE",
    "HOME",
    "NODE_EXTRA_CA_CERTS",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_FILE",
];

impl Machine {
    /// Finds a program on PATH, then in the administrators' folders, but never through a relative
    /// PATH entry or among what the repository brings.
    pub fn find(&self, program: &str) -> Option<PathBuf> {
        self.find_all(program).next()
    }

    /// Every program of this name that [`Machine::find`] would accept, in PATH order.
    pub fn find_all(&self, program: &str) -> impl Iterator<Item = PathBuf> {
        let path = self.var("PATH").unwrap_or_default();
        std::env::split_paths(path)
            .chain(ADMIN_FOLDERS.map(PathBuf::from))
            .filter(|folder| folder.is_absolute())
            .filter_map(move |folder| which::which_in(program, Some(folder), neutral()).ok())
            .filter(|found| !self.is_of_repository(found))
    }

    /// Whether the user's current project brings this program, or any other file that a program
    /// would obey: git tracks it, or might.
    pub fn is_of_repository(&self, path: &Path) -> bool {
        let tracked = |path: &Path| git::tracks(path).unwrap_or(true);
        let real = path.canonicalize();
        let real = real.as_deref().unwrap_or(path);
        [path, real].iter().any(|path| self.is_in_project(path)) && tracked(path)
    }

    /// Whether an absolute path is outside the project, even with links resolved.
    pub fn is_outside(&self, path: &Path) -> bool {
        path.is_absolute() && !self.is_in_project(path) && !self.is_in_project(&files::followed(path))
    }

    /// Whether a path is in the user's current project.
    pub fn is_in_project(&self, path: &Path) -> bool {
        // Most are nowhere near: nothing is read for them.
        self.is_near(path)
            && (self.project().is_some_and(|top| path.starts_with(top)) || self.is_around(path))
            || self.behind_links().is_some_and(|real| real.is_in_project(path))
    }

    /// The same machine with the current folder's real name, if that differs.
    fn behind_links(&self) -> Option<Self> {
        let real = self.cwd.canonicalize().ok()?;
        (real != self.cwd).then(|| self.at(&real))
    }

    /// Whether a path is in a repository around the project: a submodule, or a nested repository,
    /// came with the outer one.
    fn is_around(&self, path: &Path) -> bool {
        let mut around = self.cwd.ancestors().take_while(|folder| !self.is_for_all(folder));
        around.any(|folder| path.starts_with(folder) && is_mark(&folder.join(".git")))
    }

    /// Whether a path and the current folder have a common ancestor, however far up, that is not
    /// shared by all users: both may have come in one archive.
    pub fn is_near(&self, path: &Path) -> bool {
        let shared = self.cwd.ancestors().find(|above| path.starts_with(above));
        shared.is_some_and(|shared| !self.is_for_all(shared))
    }

    /// The top folder of the user's current project; `None` at home or above, since everything
    /// would be in it.
    pub fn project(&self) -> Option<PathBuf> {
        Some(project_folder(self)).filter(|top| !self.is_for_all(top))
    }

    fn is_for_all(&self, folder: &Path) -> bool {
        let home = self.home.as_ref();
        folder.parent().is_none() || home.is_some_and(|home| home.starts_with(folder))
    }

    /// A command for azup's own purposes: it runs in `/`, with this machine's environment minus
    /// what the project can influence.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let env = self.neutral_environment();
        command.env_clear().envs(env).current_dir(neutral());
        command
    }

    /// A command for the user: with exactly their environment, in their current folder.
    pub fn users_command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.env).current_dir(&self.cwd);
        command
    }

    fn neutral_environment(&self) -> BTreeMap<OsString, OsString> {
        let mut env = self.env.clone();
        let outside = |path: &Path| self.is_outside(path);
        let own = |path: &Path| path.is_absolute() && !self.is_of_repository(path);
        for name in LISTS {
            change(&mut env, name, |value| listed(value, outside));
        }
        // Spaces separate the entries of this one as well.
        change(&mut env, "LD_PRELOAD", |value| {
            (!value.as_bytes().contains(&b' ')).then(|| value.to_owned())
        });
        change(&mut env, "PATH", |value| listed(value, own));
        let is_npms = |name: &str| NPM.iter().any(|one| name.eq_ignore_ascii_case(one));
        let names = env.keys().filter_map(|name| name.to_str());
        let of_npm: Vec<String> = names.filter(|name| is_npms(name)).map(str::to_owned).collect();
        for name in FILES.into_iter().chain(of_npm.iter().map(String::as_str)) {
            change(&mut env, name, |value| {
                outside(Path::new(value)).then(|| value.to_owned())
            });
        }
        env.retain(|name, _| !name.as_bytes().starts_with(FUNCTIONS.as_bytes()));
        for name in OWN {
            change(&mut env, name, |value| {
                own(Path::new(value)).then(|| value.to_owned())
            });
        }
        for (name, kept) in OPTIONS {
            change(&mut env, name, |value| self.options(value, kept));
        }
        for name in SEEN_FROM_HERE {
            change(&mut env, name, |value| {
                let absolute = |path: &Path| self.absolute(path).into_os_string();
                let empty = value.is_empty().then(OsString::new);
                Some(empty.unwrap_or_else(|| absolute(Path::new(value))))
            });
        }
        change(&mut env, "SSL_CERT_DIR", |value| {
            let folders = std::env::split_paths(value);
            std::env::join_paths(folders.map(|folder| self.absolute(&folder))).ok()
        });
        env
    }

    /// The options that begin with one of these; none if one is quoted, since each program has its
    /// own quoting rules.
    fn options(&self, value: &OsStr, kept: &[&str]) -> Option<OsString> {
        let value = value.to_str()?;
        if value.contains(['"', '\'', '\\']) {
            return None;
        }
        let words = value.split_whitespace();
        let words = words.filter(|word| kept.iter().any(|start| word.starts_with(start)));
        let words: Vec<String> = words
            .map(|word| match word.strip_prefix(TRUST_STORE) {
                Some(path) => {
                    let path = self.absolute(Path::new(path));
                    format!("{TRUST_STORE}{}", path.display())
                }
                None => word.to_owned(),
            })
            .collect();
        (!words.is_empty()).then(|| words.join(" ").into())
    }
}

/// The entries of a list that may stay; `None` if none is left.
fn listed(value: &OsStr, may_stay: impl Fn(&Path) -> bool) -> Option<OsString> {
    let paths = std::env::split_paths(value).filter(|path| may_stay(path));
    std::env::join_paths(paths)
        .ok()
        .filter(|list| !list.is_empty())
}

/// Sets an existing variable to the result of `to`, or removes it.
fn change(
    env: &mut BTreeMap<OsString, OsString>,
    name: &str,
    to: impl FnOnce(&OsStr) -> Option<OsString>,
) {
    let Some(value) = env.remove(OsStr::new(name)) else {
        return;
    };
    if let Some(value) = to(&value) {
        env.insert(name.into(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_variable_names_in_the_project_is_not_handed_on() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("a path");
        let (home, project) = (root.join("home"), root.join("project"));
        std::fs::create_dir_all(project.join(".git")).expect("a repository");
        std::fs::create_dir_all(&home).expect("a home");
        let inside = project.join("x").to_string_lossy().into_owned();
        let certificates = project.join("ca.pem").to_string_lossy().into_owned();
        let link = root.join("link");
        std::os::unix::fs::symlink(project.join("later"), &link).expect("a link to nothing yet");
        let later = link.join("x").to_string_lossy().into_owned();
        let folders = format!("/certs:{certificates}");
        let store = format!("{TRUST_STORE}{certificates}");
        for (name, value, expected) in [
            ("PATH", ".:bin::/usr/bin:./x", Some("/usr/bin")),
            ("PATH", ".:", None),
            ("PYTHONPATH", "src:/opt/lib", Some("/opt/lib")),
            ("PYTHONPATH", &inside, None),
            ("LD_LIBRARY_PATH", &later, None),
            ("PYTHONHOME", "/opt/python", Some("/opt/python")),
            ("PYTHONSTARTUP", ".startup.py", None),
            ("LD_PRELOAD", "/usr/lib/a.so ./b.so", None),
            ("LD_LIBRARY_PATH", ":/opt/lib:", Some("/opt/lib")),
            ("CURL_HOME", &inside, None),
            ("OPENSSL_CONF", "/etc/openssl.cnf", Some("/etc/openssl.cnf")),
            ("NODE_OPTIONS", "--require ./x.js", None),
            (
                "NODE_OPTIONS",
                "-r=./x.js --use-system-ca",
                Some("--use-system-ca"),
            ),
            ("NODE_OPTIONS", "--use-system-ca \"--require=x y\"", None),
            (
                "JAVA_TOOL_OPTIONS",
                "-javaagent:x.jar -Xmx1g",
                Some("-Xmx1g"),
            ),
            (
                "JDK_JAVA_OPTIONS",
                "@options -Djavax.net.ssl.trustStore=ca.pem",
                Some(&store),
            ),
            ("PERL5OPT", "-Mx", None),
            ("TAR_OPTIONS", "--to-command=sh", None),
            ("BASH_FUNC_echo%%", "() { x; }", None),
            ("Npm_Config_UserConfig", &inside, None),
            ("npm_config_userconfig", "/etc/npmrc", Some("/etc/npmrc")),
            ("SSL_CERT_FILE", "ca.pem", Some(&certificates)),
            ("SSL_CERT_FILE", "/a:b", Some("/a:b")),
            ("SSL_CERT_DIR", "/certs:ca.pem", Some(&folders)),
            ("NODE_EXTRA_CA_CERTS", "", Some("")),
            ("HTTPS_PROXY", "http://proxy", Some("http://proxy")),
        ] {
            let machine = Machine::for_test(&home, &[(name, value.as_ref())]).at(&project);
            let env = machine.neutral_environment();
            let found = env.get(OsStr::new(name)).map(OsString::as_os_str);
            assert_eq!(found, expected.map(OsStr::new), "{name}={value}");
            let users = machine.users_command("x");
            let mut users = users.get_envs();
            assert!(users.any(|(_, given)| given == Some(value.as_ref())));
        }
    }

    #[test]
    fn what_is_in_a_repository_around_the_project_is_in_it() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path().canonicalize().expect("a path");
        let (home, outer) = (root.join("home"), root.join("outer"));
        let inner = outer.join("modules/inner");
        for folder in [&home, &outer.join(".git"), &inner] {
            std::fs::create_dir_all(folder).expect("a folder");
        }
        std::fs::write(inner.join(".git"), "gitdir: ../../.git/modules/inner").expect("a file");
        let machine = Machine::for_test(&home, &[]).at(&inner);
        assert!(machine.is_in_project(&outer.join("node_modules/.bin/az")));
        assert!(machine.is_in_project(&inner.join("bin/az")));
        assert!(!machine.is_in_project(&root.join("bin/az")));
    }

    #[test]
    fn at_home_nothing_is_the_projects() {
        let home = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(home.path().join(".git")).expect("a repository");
        let machine = Machine::for_test(home.path(), &[]);
        assert_eq!(machine.project(), None);
        assert!(!machine.is_in_project(&home.path().join("bin/node")));
        assert!(
            !machine
                .at(Path::new("/"))
                .is_in_project(Path::new("/usr/bin/node"))
        );
    }
}
