# shellcheck shell=bash
# What benches/compare and benches/count work on: a home, a project, Python environments and browser
# databases, all of them in $work, which is deleted when the script ends. To be sourced at the root
# of the checkout. Only the stores named on a command line are looked at: another HOME does not
# protect the system's store.
set -euo pipefail

# PROGRAM PACKAGE…: names what is missing, and how to get it.
needs() {
    local missing=() packages=()
    while [ $# -gt 0 ]; do
        command -v "$1" > /dev/null || { missing+=("$1"); packages+=("$2"); }
        shift 2
    done
    [ ${#missing[@]} = 0 ] && return
    printf '%s: not installed: %s\nsudo apt-get install %s\n' "$0" "${missing[*]}" "${packages[*]}" >&2
    exit 1
}

PATH=$PATH:/usr/sbin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# WORD…: runs a command in that home, without the caller's environment.
clean() { env -i HOME="$work/home" PATH="$PATH" "$@"; }

# An empty home and an empty project.
fresh() {
    cd /
    rm -rf "${work:?}/home" "$work/project"
    mkdir -p "$work/home" "$work/project"
    cd "$work/project"
}

# FOLDER COUNT: synthetic environments, each with a bundle of real size.
environments() {
    python3 - "$@" <<'MAKE'
import pathlib, sys
bundle = pathlib.Path("/etc/ssl/certs/ca-certificates.crt").read_bytes()
for at in range(int(sys.argv[2])):
    root = pathlib.Path(sys.argv[1], f"env{at:04}")
    certifi = root / "lib/python3.11/site-packages/certifi"
    certifi.mkdir(parents=True)
    (root / "pyvenv.cfg").write_text("home = /usr/bin\nversion = 3.11.2\n")
    (certifi / "core.py").write_text("")
    (certifi / "cacert.pem").write_bytes(bundle)
MAKE
}

# AZUP COUNT: browser databases with the CA: Chromium's, and Firefox's for the others.
databases() {
    local azup=$1 first=$work/home/.pki/nssdb firefox=$work/home/.mozilla/firefox at
    mkdir -p "$first" "$firefox"
    certutil -N -d "sql:$first" --empty-password
    clean "$azup" trust -q --stores none > /dev/null
    certutil -A -d "sql:$first" -n azup -t C,, -i "$work/home/.local/share/azup/certs/ca.pem"
    for at in $(seq 2 "$2"); do
        cp -r "$first" "$firefox/p$at"
        printf '[Profile%s]\nName=p%s\nIsRelative=1\nPath=p%s\n\n' "$at" "$at" "$at" >> "$firefox/profiles.ini"
    done
}

# AZUP STORES COUNT: `azup trust` with these stores finds this many, with the CA in each.
nothing_to_do() {
    clean "$1" trust --json --stores "$2" > "$work/rows.json"
    python3 - "$work/rows.json" "$3" <<'ROWS'
import json, sys
rows = [row["status"] for row in json.load(open(sys.argv[1]))["stores"]]
if rows != ["trusted"] * int(sys.argv[2]):
    sys.exit(f"not {sys.argv[2]} stores with the CA: {rows}")
ROWS
}

# FOLDER: a project with its own dev container and editor files, with comments in each.
commented_project() {
    mkdir -p "$1/.devcontainer" "$1/.vscode"
    cat > "$1/.devcontainer/devcontainer.json" <<'JSONC'
// The team's container.
{
    "name": "shop",
    /* Pinned: the newest one lacks a driver. */
    "image": "mcr.microsoft.com/devcontainers/python:3.12",
    "features": {
        // For the pipelines.
        "ghcr.io/devcontainers/features/azure-cli:1": {},
    },
    "forwardPorts": [8000], // the web server
    "customizations": {
        "vscode": { "extensions": ["ms-python.python"] },
    },
}
JSONC
    cat > "$1/.vscode/tasks.json" <<'JSONC'
{
    // What the editor runs.
    "version": "2.0.0",
    "tasks": [
        {
            "label": "test", // in the container
            "type": "shell",
            "command": "pytest",
        },
    ],
}
JSONC
    cat > "$1/.vscode/launch.json" <<'JSONC'
{
    "version": "0.2.0",
    "configurations": [
        {
            // F5
            "name": "shop",
            "type": "debugpy",
            "request": "launch",
            "module": "shop",
        },
    ],
}
JSONC
}
