//! Which commands install, which run the Functions host: the words alone.

use serde_json::{Value, json};

use super::install::{Work, is_functions_host, work};

const PYTHON: Work = Work::Install { python: true };
const OTHER: Work = Work::Install { python: false };

#[test]
fn a_command_line_that_only_installs_is_an_install_task() {
    let lines = [
        ("poetry install", PYTHON),
        (
            "poetry install --with dev --no-interaction --sync --no-root",
            PYTHON,
        ),
        ("poetry -C app sync", PYTHON),
        ("uv sync --all-extras", PYTHON),
        ("uv pip install -r requirements.txt", PYTHON),
        ("pip install -r requirements.txt -r dev.txt", PYTHON),
        (
            "pip3 install --quiet --requirement=requirements.txt",
            PYTHON,
        ),
        ("pip install -e .[dev]", PYTHON),
        ("pip install .", PYTHON),
        ("python -m pip install -r requirements.txt", PYTHON),
        (".venv/bin/python3.12 -m pip install -r a.txt", PYTHON),
        (".venv\\Scripts\\python.exe -m pip install -r a.txt", PYTHON),
        (
            "${command:python.interpreterPath} -m pip install -r a.txt",
            PYTHON,
        ),
        (
            "test -d .venv || python3 -m venv .venv && .venv/bin/python -m pip install -r requirements.txt",
            PYTHON,
        ),
        (
            "source .venv/bin/activate && pip install --upgrade pip && pip install -r a.txt",
            PYTHON,
        ),
        ("pip install -r a.txt > log.txt 2>&1", PYTHON),
        (
            ".venv/bin/python -c '' 2>/dev/null || python3 -m venv .venv; { cmp -s a.txt b.txt && \
             ! grep -q '^-' a.txt; } || { .venv/bin/pip install -r a.txt && cp a.txt b.txt; }",
            PYTHON,
        ),
        ("bash -lc 'cd \"my app\"; poetry install'", PYTHON),
        ("PIP_INDEX_URL=x pip install -r a.txt", PYTHON),
        ("npm install && poetry install", PYTHON),
        ("npm ci --prefix web", OTHER),
        ("npm --prefix web install", OTHER),
        ("rm -rf node_modules && npm i", OTHER),
        ("yarn", OTHER),
        ("pnpm -C web install --frozen-lockfile", OTHER),
        (
            "pip install -r a.txt && python manage.py runserver",
            Work::Mixed,
        ),
        ("npm install && npm start", Work::Mixed),
        ("pip install black", Work::Other),
        ("pip install --upgrade pip", Work::Other),
        ("npm install -g azurite", Work::Other),
        ("npm install azurite", Work::Other),
        ("npm run install", Work::Other),
        ("yarn build", Work::Other),
        ("echo npm install", Work::Other),
        ("dotnet build", Work::Other),
        ("bash install.sh", Work::Other),
        ("", Work::Other),
    ];
    for (line, expected) in lines {
        let task = json!({"label": "a", "type": "shell", "command": line});
        assert_eq!(work(&task), expected, "{line}");
        if !line.contains('"') && !line.contains('\'') && !line.contains(['&', '|', '=']) {
            let mut words = line.split(' ').map(Value::from);
            let task = json!({
                "type": "process", "command": words.next(), "args": words.collect::<Value>(),
            });
            assert_eq!(work(&task), expected, "{line} in a list");
        }
    }
}

#[test]
fn only_what_ends_can_be_waited_for() {
    let task = json!({"command": "uv sync", "isBackground": true});
    assert_eq!(work(&task), Work::Other);
}

#[test]
fn each_system_and_npms_own_type_count() {
    let task = json!({"type": "shell", "windows": {"command": "uv", "args": ["sync"]}});
    assert_eq!(work(&task), PYTHON);
    let task = json!({"command": "uv", "args": ["run", "a"], "linux": {"args": ["sync"]}});
    assert_eq!(work(&task), PYTHON);
    for (script, expected) in [("install", OTHER), ("ci", OTHER), ("build", Work::Other)] {
        let task = json!({"type": "npm", "script": script});
        assert_eq!(work(&task), expected);
    }
}

#[test]
fn the_functions_host_is_told_from_the_rest_of_its_program() {
    for (task, expected) in [
        (
            json!({"type": "func", "command": "host start --verbose"}),
            true,
        ),
        (
            json!({"type": "func", "command": "extensions install"}),
            false,
        ),
        (
            json!({"type": "shell", "command": "cd api && func start"}),
            true,
        ),
        (
            json!({"command": "func", "args": ["host", "start", "--port", "7072"]}),
            true,
        ),
        (json!({"command": "func init"}), false),
        (json!({"command": "start"}), false),
    ] {
        assert_eq!(is_functions_host(&task), expected, "{task}");
    }
}
