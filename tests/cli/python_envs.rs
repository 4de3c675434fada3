//! Every place where Python environments are kept. The tools are real if they install offline; for
//! the others only the folders are made, and the test's name says `shaped`. Everything outside the
//! sandbox is mounted read-only.

use std::path::PathBuf;
use std::process::Command;

use crate::python::{Environment, azup_after, has_ca, shaped, trust, untrust};
use crate::sandbox::{Done, Sandbox, part};

/// One of the tools that make environments, which gets its packages from the wheels.
fn tool(sandbox: &Sandbox, name: &str) -> Command {
    let mut command = sandbox.command(part("python-tools/bin").join(name));
    command
        .env("PIP_NO_INDEX", "1")
        .env("PIP_FIND_LINKS", part("wheels"))
        .env("UV_OFFLINE", "1")
        .env("VIRTUALENV_NO_PERIODIC_UPDATE", "1");
    command
}

#[track_caller]
fn done(command: &mut Command) -> Done {
    Done::from(command.output().unwrap()).ok()
}

/// An environment that a tool made, into which pip installed certifi.
fn with_certifi(sandbox: &Sandbox, folder: &str) -> Environment {
    let environment = Environment {
        folder: folder.trim().into(),
    };
    let mut pip = sandbox.command(part("venv/bin/pip"));
    pip.args(["--python"])
        .arg(environment.python())
        .args(["install", "-q", "--no-index", "--find-links"])
        .arg(part("wheels"))
        .arg("certifi");
    done(&mut pip);
    environment
}

/// A project whose poetry environment is in poetry's cache.
fn by_poetry(sandbox: &Sandbox, folder: &str, name: &str) -> Environment {
    sandbox.write(
        format!("{folder}/pyproject.toml"),
        format!("[project]\nname = \"{name}\"\nversion = \"1\"\nrequires-python = \">=3.9\"\n"),
    );
    let project = sandbox.project().join(folder);
    let poetry = |words: &[&str]| done(tool(sandbox, "poetry").args(words).current_dir(&project));
    poetry(&["env", "use", "/usr/bin/python3"]);
    with_certifi(sandbox, &poetry(&["env", "info", "--path"]).stdout)
}

#[test]
fn poetrys_environment_of_this_project_is_found_by_its_name() {
    let sandbox = Sandbox::new();
    let own = by_poetry(&sandbox, "one", "One_Two.three");
    let other = by_poetry(&sandbox, "other", "One_Two.three");
    let cache = sandbox.home().join(".cache/pypoetry/virtualenvs");
    assert!(own.folder.starts_with(&cache), "{}", own.folder.display());
    let before = [own.bytes(), other.bytes()];

    let below = sandbox.project().join("one/src/deep");
    std::fs::create_dir_all(&below).unwrap();
    let mut azup = sandbox.azup_command(["trust", "--stores", "certifi", "--scope", "project"]);
    done(azup.current_dir(below));
    assert!(has_ca(&own.bundle()));
    assert!(
        !has_ca(&other.bundle()),
        "another project's is its own affair"
    );

    let all = trust(&sandbox, "all").ok();
    assert!(has_ca(&other.bundle()), "{all}");
    untrust(&sandbox);
    assert_eq!([own.bytes(), other.bytes()], before);
}

#[test]
fn pipenvs_environment_of_this_project_is_found_by_its_name() {
    let sandbox = Sandbox::new();
    let make = |folder: &str| {
        sandbox.write(format!("{folder}/Pipfile"), "[packages]\n");
        let project = sandbox.project().join(folder);
        let pipenv =
            |words: &[&str]| done(tool(&sandbox, "pipenv").args(words).current_dir(&project));
        pipenv(&["--python", "/usr/bin/python3"]);
        with_certifi(&sandbox, &pipenv(&["--venv"]).stdout)
    };
    let own = make("My Project");
    let other = make("other");
    assert!(
        own.folder
            .starts_with(sandbox.home().join(".local/share/virtualenvs"))
    );
    let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
    done(azup.current_dir(sandbox.project().join("My Project")));
    assert!(has_ca(&own.bundle()));
    assert!(!has_ca(&other.bundle()));
    trust(&sandbox, "all").ok();
    assert!(has_ca(&other.bundle()));
}

#[test]
fn environments_of_tox_and_nox_belong_to_the_project() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "tox.ini",
        "[tox]\nenvlist = one\n[testenv]\npackage = skip\ndeps = certifi\ncommands = python -c pass\n",
    );
    sandbox.write(
        "noxfile.py",
        "import nox\n@nox.session\ndef two(session):\n    session.install('certifi')\n",
    );
    done(tool(&sandbox, "tox").args(["-q", "run"]));
    let nox = tool(&sandbox, "nox")
        .args(["--default-venv-backend", "virtualenv"])
        .output();
    Done::from(nox.unwrap()).ok();
    let environments = [".tox/one", ".nox/two"].map(|folder| Environment {
        folder: sandbox.project().join(folder),
    });
    let done = sandbox
        .azup(["trust", "--stores", "certifi", "--scope", "project"])
        .ok();
    for environment in &environments {
        assert!(has_ca(&environment.bundle()), "{done}");
    }
}

#[test]
fn tools_of_uv_and_pipx_are_found_when_everything_is_asked_for() {
    let sandbox = Sandbox::new();
    let mut uv = sandbox.command(part("venv/bin/uv"));
    uv.args([
        "tool",
        "install",
        "--python",
        "/usr/bin/python3",
        "--no-index",
    ])
    .args(["charset-normalizer", "--with", "certifi", "--find-links"])
    .arg(part("wheels"))
    .env("UV_OFFLINE", "1");
    done(&mut uv);
    done(tool(&sandbox, "pipx").args([
        "install",
        "--python",
        "/usr/bin/python3",
        "charset-normalizer",
    ]));
    done(tool(&sandbox, "pipx").args(["inject", "charset-normalizer", "certifi"]));
    let environments = ["uv/tools", "pipx/venvs"].map(|folder| {
        let folder = sandbox.home().join(".local/share").join(folder);
        Environment {
            folder: folder.join("charset-normalizer"),
        }
    });
    let before = environments.each_ref().map(Environment::bytes);
    trust(&sandbox, "user");
    assert_eq!(environments.each_ref().map(Environment::bytes), before);
    let done = trust(&sandbox, "all");
    for environment in &environments {
        assert!(has_ca(&environment.bundle()), "{done}");
    }
    untrust(&sandbox);
    assert_eq!(environments.each_ref().map(Environment::bytes), before);
}

/// Every folder is made with nothing but certifi's files in it.
#[test]
fn folders_shaped_like_every_other_tool_are_found() {
    let mut sandbox = Sandbox::new();
    let home = sandbox.home();
    let elsewhere = sandbox.root().join("elsewhere");
    sandbox.set("MAMBA_ROOT_PREFIX", elsewhere.join("mamba"));
    let roots = [
        home.join(".virtualenvs/one"),
        home.join(".pyenv/versions/3.12.1"),
        home.join(".pyenv/versions/3.12.1/envs/two"),
        home.join(".local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu"),
        home.join(".local/pipx/venvs/tool"),
        home.join(".local/share/mise/installs/python/3.12.1"),
        home.join(".asdf/installs/python/3.12.1"),
        home.join("miniconda3"),
        home.join("miniconda3/envs/three"),
        home.join(".conda/envs/four"),
        elsewhere.join("mamba/envs/five"),
        elsewhere.join("conda listed"),
        home.join(".local"),
    ];
    std::fs::create_dir_all(home.join(".conda")).unwrap();
    let list = format!(
        "\n{}\r\n/gone\nrelative\n",
        elsewhere.join("conda listed").display()
    );
    std::fs::write(home.join(".conda/environments.txt"), list).unwrap();
    let bundles = roots.map(shaped);
    // mise keeps links with shorter versions next to the real one.
    let link = home.join(".local/share/mise/installs/python/latest");
    std::os::unix::fs::symlink("3.12.1", link).unwrap();

    let done = trust(&sandbox, "all").ok();
    for bundle in &bundles {
        assert!(has_ca(bundle), "{}: {done}", bundle.display());
    }
    let added = done.stdout.matches("  added  ").count();
    assert_eq!(added, bundles.len(), "each once: {done}");
    let again = trust(&sandbox, "all").ok();
    assert_eq!(
        again.stdout.matches("  trusted  ").count(),
        bundles.len(),
        "{again}"
    );
    untrust(&sandbox);
    for bundle in &bundles {
        assert!(!has_ca(bundle), "{}", bundle.display());
    }
}

/// The Python of a dev container, in which no environment is active.
#[test]
fn the_python_on_path_counts_where_there_is_no_environment_shaped() {
    let mut sandbox = Sandbox::new();
    let root = sandbox.root().join("python");
    let bundle = shaped(&root);
    std::fs::create_dir(root.join("bin")).unwrap();
    let python = root.join("bin/python3");
    crate::sandbox::write_program(&python, "#!/bin/false\n");
    let path = format!("{}:/usr/bin:/bin", root.join("bin").display());
    sandbox.set("PATH", path);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(has_ca(&bundle));
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();

    let environment = Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(has_ca(&environment.bundle()) && !has_ca(&bundle));
}

#[test]
fn the_scope_of_a_project_leaves_stores_that_others_share_alone() {
    let sandbox = Sandbox::new();
    Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    let document = sandbox
        .azup(["trust", "--scope", "project", "--json"])
        .ok()
        .json();
    let stores = document["stores"].as_array().unwrap();
    assert_eq!(stores.len(), 1, "{document}");
    assert_eq!(stores[0]["status"], "added");
}

#[test]
fn what_was_looked_at_is_listed_on_demand() {
    let sandbox = Sandbox::new();
    Environment::by_uv(&sandbox, ".venv", "copy", &["certifi"]);
    shaped(sandbox.home().join(".virtualenvs/one"));
    std::fs::create_dir_all(sandbox.home().join(".virtualenvs/empty")).unwrap();
    let words = ["trust", "--stores", "certifi", "--scope", "all", "-v"];
    let done = azup_after(&sandbox, "", &words).ok();
    let shown = sandbox.shown(&done);
    for line in [
        "looked at [PROJECT]/.venv: 1 bundle\n",
        "looked at [HOME]/.virtualenvs/one: 1 bundle\n",
        "looked at [HOME]/.virtualenvs/empty: no packages\n",
        "looked at [HOME]/.cache/pypoetry/virtualenvs: no environments\n",
        "looked at /opt/az: ",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let quiet = azup_after(&sandbox, "", &words[..5]).ok();
    assert!(!quiet.stderr.contains("looked at"), "{quiet}");
}

/// A repository's environments are the project's; those above it are another's.
#[test]
fn environments_up_to_the_repositorys_folder_belong_to_the_project_shaped() {
    let sandbox = Sandbox::new();
    let root = sandbox.project();
    let below = root.join("repository/services/one");
    std::fs::create_dir_all(&below).unwrap();
    let make = |folder: PathBuf| {
        let bundle = shaped(&folder);
        std::fs::write(folder.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        bundle
    };
    let above = make(root.join(".venv"));
    let in_place = |words: &[&str]| {
        let mut azup = sandbox.azup_command(words);
        done(azup.args(["--stores", "certifi"]).current_dir(&below))
    };
    in_place(&["trust"]);
    assert!(
        has_ca(&above),
        "the nearest one, where the project has none"
    );
    in_place(&["untrust", "--scope", "project"]);
    assert!(!has_ca(&above));

    let own = [
        make(below.join("any name")),
        make(root.join("repository/venv")),
    ];
    std::fs::create_dir(root.join("repository/.git")).unwrap();
    in_place(&["trust"]);
    assert!(own.iter().all(|bundle| has_ca(bundle)));
    assert!(!has_ca(&above));
}

#[test]
fn uvs_own_variable_names_the_projects_environment() {
    let mut sandbox = Sandbox::new();
    sandbox.write(
        "pyproject.toml",
        "[project]\nname = \"x\"\nversion = \"1\"\n",
    );
    let environment = Environment::by_uv(&sandbox, "../envs/x", "copy", &["certifi"]);
    sandbox.set("UV_PROJECT_ENVIRONMENT", "../envs/x");
    let below = sandbox.project().join("src");
    std::fs::create_dir(&below).unwrap();
    let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
    done(azup.current_dir(below));
    assert!(has_ca(&environment.bundle()));
}

/// Environments in home or in a folder like `/tmp` do not belong to every project below.
#[test]
fn environments_in_shared_folders_belong_to_nobody_shaped() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let make = |folder: PathBuf| {
        let bundle = shaped(&folder);
        std::fs::write(folder.join("pyvenv.cfg"), "home = /usr/bin\n").unwrap();
        bundle
    };
    let shared = sandbox.root().join("shared");
    let project = shared.join("project");
    std::fs::create_dir_all(&project).unwrap();
    std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o1777)).unwrap();
    let others = [
        make(shared.join(".venv")),
        make(sandbox.home().join("somebody's")),
    ];
    let in_home = sandbox.home().join("src");
    std::fs::create_dir(&in_home).unwrap();
    for folder in [project, in_home] {
        let mut azup = sandbox.azup_command(["trust", "--stores", "certifi"]);
        let done = Done::from(azup.current_dir(folder).output().unwrap());
        assert!(
            done.stderr.contains("not in a virtual environment"),
            "{done}"
        );
    }
    assert!(!others.iter().any(|bundle| has_ca(bundle)));
}

/// Links and `pyvenv.cfg` can come with a clone too: another environment is only named.
#[test]
fn an_environment_to_which_only_the_project_leads_is_only_reported() {
    let mut sandbox = Sandbox::new();
    sandbox.write(".git/HEAD", "");
    let other = sandbox.home().join("other");
    let other = other.to_str().unwrap().to_owned();
    let environment = Environment::by_uv(&sandbox, &other, "copy", &["certifi"]);
    let before = std::fs::read(environment.bundle()).unwrap();
    let lib = environment.bundle();
    let version = lib.ancestors().nth(3).unwrap();
    let name = version.file_name().unwrap().to_str().unwrap();
    let link = |target: &std::path::Path, at: &str| {
        let at = sandbox.project().join(at);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, at).unwrap();
    };
    let plain = "home = /usr/bin\n".to_owned();
    let shapes: [(&str, &dyn Fn()); 5] = [
        ("the environment", &|| link(other.as_ref(), ".venv")),
        ("its lib", &|| {
            sandbox.write(".venv/pyvenv.cfg", &plain);
            link(version.parent().unwrap(), ".venv/lib");
        }),
        ("its packages", &|| {
            sandbox.write(".venv/pyvenv.cfg", &plain);
            link(
                &version.join("site-packages"),
                &format!(".venv/lib/{name}/site-packages"),
            );
        }),
        ("certifi", &|| {
            sandbox.write(".venv/pyvenv.cfg", &plain);
            link(
                &version.join("site-packages/certifi"),
                &format!(".venv/lib/{name}/site-packages/certifi"),
            );
        }),
        ("the base", &|| {
            let config = format!("home = {other}/bin\ninclude-system-site-packages = true\n");
            sandbox.write(".venv/pyvenv.cfg", config);
            sandbox.write(format!(".venv/lib/{name}/site-packages/x.py"), "");
        }),
    ];
    for (what, make) in shapes {
        make();
        for scope in ["project", "user", "all"] {
            let done = sandbox
                .azup(["trust", "--stores", "certifi", "--scope", scope])
                .ok();
            assert!(
                std::fs::read(environment.bundle()).unwrap() == before,
                "{what}: {done}"
            );
            let why = "is outside of the project, to which only a file or link";
            assert!(done.stderr.contains(why), "{what}: {done}");
            let hint = format!(
                "hint: azup trust --bundle {}\n",
                environment.bundle().display()
            );
            assert!(done.stderr.contains(&hint), "{what}: {done}");
        }
        let done = sandbox.azup(["untrust", "--stores", "certifi"]).ok();
        assert_eq!(done.stderr, "", "{what}: {done}");
        let venv = sandbox.project().join(".venv");
        if venv.is_symlink() {
            std::fs::remove_file(venv).unwrap();
        } else {
            std::fs::remove_dir_all(venv).unwrap();
        }
    }
    // Found by another path, or active, it is the user's.
    link(other.as_ref(), ".venv");
    sandbox.set("VIRTUAL_ENV", &other);
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(std::fs::read(environment.bundle()).unwrap() != before);
    // What the record knows is removed, even if only the link leads to it.
    sandbox.unset("VIRTUAL_ENV");
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();
    assert!(std::fs::read(environment.bundle()).unwrap() == before);
}

/// The folders of VS Code's "Create Environment: Conda", of pixi, of Functions' deployments, and
/// those that VS Code's settings name; shaped, since their tools are in no registry here.
#[test]
fn environments_without_a_pyvenv_cfg_belong_to_the_project_shaped() {
    let sandbox = Sandbox::new();
    let certifi = part("venv/lib/python3.11/site-packages/certifi");
    let mut bundles = Vec::new();
    for (root, marked) in [
        (
            ".conda/lib/python3.12/site-packages",
            Some(".conda/conda-meta"),
        ),
        (
            ".pixi/envs/default/lib/python3.12/site-packages",
            Some(".pixi/envs/default/conda-meta"),
        ),
        (".python_packages/lib/site-packages", None),
        (
            "deep/in/env/lib/python3.12/site-packages",
            Some("deep/in/env/conda-meta"),
        ),
    ] {
        let folder = sandbox.project().join(root);
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(marked) = marked {
            std::fs::create_dir_all(sandbox.project().join(marked)).unwrap();
        }
        sandbox
            .run(
                "cp",
                ["-r", certifi.to_str().unwrap(), folder.to_str().unwrap()],
            )
            .ok();
        bundles.push(folder.join("certifi/cacert.pem"));
    }
    sandbox.write(
        ".vscode/settings.json",
        "{ // set by hand\n \"python.defaultInterpreterPath\": \"${workspaceFolder}/deep/in/env/bin/python\" }",
    );
    let before: Vec<_> = bundles
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    for path in &bundles {
        assert!(has_ca(path), "{}", path.display());
    }
    sandbox.azup(["untrust", "--stores", "certifi"]).ok();
    let after: Vec<_> = bundles
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    assert!(before == after);
    // A setting that leads out of the project is not followed.
    let outside = sandbox.home().join("elsewhere");
    std::fs::rename(sandbox.project().join("deep/in/env"), &outside).unwrap();
    sandbox.write(
        ".vscode/settings.json",
        format!(
            "{{ \"python.defaultInterpreterPath\": \"{}/bin/python\" }}",
            outside.display()
        ),
    );
    sandbox.azup(["trust", "--stores", "certifi"]).ok();
    assert!(!has_ca(
        &outside.join("lib/python3.12/site-packages/certifi/cacert.pem")
    ));
}
