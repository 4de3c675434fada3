#!/bin/sh
# Puts the project's local CA into the container's trust stores when it is created and
# each time it starts, as its user, in the workspace folder; then starts the endpoint that
# gives the Azure SDKs their local tokens, and Azurite where its data folder is named.
# It never fails: a container without the CA is better than none.
# Written by `azup init`, which owns this file.

# Whether that endpoint gives the tokens; else `az login` does (azup init --credential az).
tokens=yes
# Whether this is the published Feature, which no program of the project comes with.
published=

if ! command -v azup >/dev/null 2>&1; then
    if [ -n "$published" ]; then
        echo "azup: not in this container: no installer had the package azurite-up when its image was built" >&2
        echo "azup: the image needs uv, pip, npm or cargo, and a registry; the log of its build says more" >&2
        exit 0
    fi
    echo "azup: not in this container: .devcontainer/azurite/azup-linux-* was missing when its image was built" >&2
    echo "azup: run 'azup init' in the project's folder on Linux, then rebuild the container" >&2
    exit 0
fi
azup trust || echo "azup: 'azup trust' ended with exit code $?: what it says above is left to do" >&2
if [ -n "${1-}" ]; then
    set -- --location "$1"
    [ -n "$tokens" ] || set -- "$@" --no-identity
    azup up --detach "$@" || echo "azup: Azurite is not running; 'azup up' in a terminal says more" >&2
elif [ -n "$tokens" ]; then
    azup identity --detach || echo "azup: no local tokens; 'azup identity' in a terminal says more" >&2
fi
exit 0
