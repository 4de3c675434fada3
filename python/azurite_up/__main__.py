"""`python -m azurite_up`: runs this environment's azup, if it is not on PATH."""

import os
import sys
import sysconfig


def found() -> "str | None":
    """The azup among this environment's scripts, or the user's."""
    name = "azup" + (sysconfig.get_config_var("EXE") or "")
    user = sysconfig.get_preferred_scheme("user") if hasattr(sysconfig, "get_preferred_scheme") else None
    for scheme in (None, user):
        folder = sysconfig.get_path("scripts", *([scheme] if scheme else []))
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    return None


def program() -> str:
    return found() or sys.exit(
        "error: azup is not among this environment's scripts\nhint: pip install --force-reinstall azurite-up"
    )


if __name__ == "__main__":
    path = program()
    os.execv(path, [path, *sys.argv[1:]])
