"""`python -m azurite_up`: runs the azup of this environment, for where PATH lacks it."""

import os
import sys
import sysconfig


def program() -> str:
    name = "azup" + (sysconfig.get_config_var("EXE") or "")
    user = sysconfig.get_preferred_scheme("user")
    for scheme in (None, user):
        folder = sysconfig.get_path("scripts", *([scheme] if scheme else []))
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return path
    sys.exit("error: azup is not among this environment's scripts\nhint: pip install --force-reinstall azurite-up")


if __name__ == "__main__":
    path = program()
    os.execv(path, [path, *sys.argv[1:]])
