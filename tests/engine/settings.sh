# shellcheck shell=bash
# What tests/engine/start and tests/engine/images share, for sourcing.
set -euo pipefail

# The engine's plugins, downloads and root folders, kept between runs.
: "${AZUP_ENGINE:=${AZUP_TEST_PARTS:?the folder of the parts: run tests/run}/e2e}"
mkdir -p "$AZUP_ENGINE"

say() { printf 'engine: %s\n' "$*" >&2; }
fail() { printf 'engine: %s\n' "$*" >&2; exit 1; }

answers() { docker info > /dev/null 2>&1; }

# Debian's packages, each installed once; waits for another running apt.
install() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2> /dev/null | grep -q '^ii' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    apt-get -o DPkg::Lock::Timeout=300 update -qq
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends \
        "${missing[@]}" > /dev/null
}

# LABEL: the mirror from which this machine gets Debian's packages, according to apt.
mirror() {
    # shellcheck disable=SC2016 # apt's own placeholder
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" | sort -u | head -1
}
