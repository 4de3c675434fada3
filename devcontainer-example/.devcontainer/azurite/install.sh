#!/bin/sh
# Installs azup while the dev container's image is built, as root. Written by `azup init`,
# which owns this file. Whatever is missing is said and passed over: the image builds.
set -u
cd "$(dirname "$0")" || exit 1

say() {
    echo "azup: $*" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# What `azup trust` needs: a system store to write to, and certutil for browsers.
install_packages() {
    missing=
    has update-ca-certificates || has update-ca-trust || missing="ca-certificates"
    if has apt-get; then
        has certutil || missing="$missing libnss3-tools"
    else
        has certutil || missing="$missing nss-tools"
    fi
    [ -n "$missing" ] || return 0

    # Unquoted below: one word for each package.
    if has apt-get; then
        # One broken package source makes this fail although the others were read.
        apt-get update || say "apt-get update failed; going on with what it has read"
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $missing
    elif has apk; then
        apk add --no-cache $missing
    elif has dnf; then
        dnf install -y $missing
    else
        false
    fi || say "not installed:" $missing "(certificates may not reach every store)"
}

install_azup() {
    case "$(uname -m)" in
        x86_64 | amd64) arch=amd64 ;;
        aarch64 | arm64) arch=arm64 ;;
        *) arch=$(uname -m) ;;
    esac
    binary=azup-linux-$arch
    if ! [ -f "$binary" ]; then
        say ".devcontainer/azurite/$binary is missing, so azup is not installed"
        return
    fi
    if ! install -m 0755 "$binary" /usr/local/bin/azup; then
        say "cannot install $binary as /usr/local/bin/azup"
    elif ! azup --version >/dev/null 2>&1; then
        say "$binary does not run in this image"
    fi
}

# First, so that the hooks find their script whatever happens after it.
install -d -m 0755 /usr/local/share/azup &&
    install -m 0755 start.sh /usr/local/share/azup/start.sh ||
    say "cannot install start.sh in /usr/local/share/azup"
install_azup
install_packages
exit 0
