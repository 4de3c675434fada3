"""Validates what `azup init` wrote in a project against the published JSON schemas.

usage: validate.py SCHEMAS PROJECT    prints every violation, exit code 1 if there is one
       validate.py --json FILE.yml    prints a YAML file as JSON
"""

import json
import pathlib
import re
import sys

import jsonschema
import yaml


class Core(yaml.SafeLoader):
    """YAML 1.2's core schema, which compose reads by: `on` and `22:22` are strings."""


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
        schema = json.loads((schemas / schema).read_text(encoding="utf-8"))
        validator = jsonschema.validators.validator_for(schema)
        validator.check_schema(schema)
        for error in validator(schema).iter_errors(load(project / name)):
            yield f"{name}: {error.json_path}: {error.message}"


if sys.argv[1] == "--json":
    print(json.dumps(load(pathlib.Path(sys.argv[2]))))
else:
    found = list(violations(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
    print("\n".join(found))
    sys.exit(bool(found))
