"""Validates what `azup init` wrote in a project against the published JSON schemas.

usage: validate.py SCHEMAS PROJECT    prints every violation, exit code 1 if there is one
       validate.py --schema SCHEMA FILE.yml    the same for one file
       validate.py --json FILE.yml    prints a YAML file as JSON
       validate.py --subset SCHEMA BEFORE AFTER...
                                      prints what AFTER violates and BEFORE does not
"""

import json
import pathlib
import re
import sys

import jsonschema
import yaml


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, which compose uses: `on` and `22:22` are strings."""


Core.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
]:
    Core.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), first)


def load(path):
    text = path.read_text(encoding="utf-8")
    return yaml.load(text, Core) if path.suffix == ".yml" else json.loads(text)


def violations(schemas, project):
    wanted = [
        (".devcontainer/devcontainer.json", "devContainer.base.schema.json"),
        (".devcontainer/azurite/devcontainer-feature.json", "devContainerFeature.schema.json"),
        (".devcontainer/docker-compose.yml", "compose-spec.json"),
        (".devcontainer/azurite/docker-compose.yml", "compose-spec.json"),
        (".vscode/tasks.json", "vscode-tasks.min.schema.json"),
        (".vscode/launch.json", "vscode-launch.min.schema.json"),
    ]
    for name, schema in wanted:
        # Only what needs trust is in .vscode.
        if name.startswith(".vscode/") and not (project / name).exists():
            continue
        for error in errors(schemas / schema, project / name):
            yield f"{name}: {error}"


def errors(schema, path):
    schema = json.loads(schema.read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    for error in validator(schema).iter_errors(load(path)):
        yield f"{error.json_path}: {error.message}"


def added(schema, files):
    schema = json.loads(pathlib.Path(schema).read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.check_schema(schema)

    def found(name):
        value = json.loads(pathlib.Path(name).read_text(encoding="utf-8"))
        return {f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)}

    for before, after in zip(files[::2], files[1::2], strict=True):
        for error in sorted(found(after) - found(before)):
            yield f"{after}: {error}"


if sys.argv[1] == "--json":
    print(json.dumps(load(pathlib.Path(sys.argv[2]))))
else:
    if sys.argv[1] == "--subset":
        found = list(added(sys.argv[2], sys.argv[3:]))
    else:
        check = errors if sys.argv[1] == "--schema" else violations
        found = list(check(*map(pathlib.Path, sys.argv[-2:])))
    print("\n".join(found))
    sys.exit(bool(found))
