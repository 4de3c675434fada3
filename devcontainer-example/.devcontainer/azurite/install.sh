#!/bin/sh
# Installs azup while the dev container's image is built, as root. Whatever is missing is said
# and passed over: the image builds.
# Written by `azup init`, which owns this file.
set -u
cd "$(dirname "$0")" || exit 1

# The folder of Azurite's data, where Azurite runs in this container.
data=
# Whether this is the published Feature, which brings no program.
published=

say() {
    echo "azup: $*" >&2
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# A build must not wait for a network that swallows packets: SECONDS COMMAND…
within() {
    seconds=$1
    shift
    if has timeout; then
        timeout "$seconds" "$@" </dev/null
    else
        "$@" </dev/null
    fi
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
        within 300 apt-get -o Acquire::http::Timeout=20 update ||
            say "apt-get update failed; going on with what it has read"
        DEBIAN_FRONTEND=noninteractive within 600 apt-get install -y --no-install-recommends $missing
    elif has apk; then
        within 300 apk add --no-cache $missing
    elif has dnf; then
        within 600 dnf install -y $missing
    elif has microdnf; then
        within 600 microdnf install -y $missing
    else
        false
    fi || say "not installed:" $missing "(certificates may not reach every store)"
}

runs() {
    azup --version >/dev/null 2>&1
}

# The file that `azup init` has put beside this script.
install_binary() {
    case "$(uname -m)" in
        x86_64 | amd64) arch=amd64 ;;
        aarch64 | arm64) arch=arm64 ;;
        *) arch=$(uname -m) ;;
    esac
    binary=azup-linux-$arch
    [ -z "$published" ] || return 1
    if ! [ -f "$binary" ]; then
        say ".devcontainer/azurite/$binary is missing; trying the package azurite-up"
        return 1
    fi
    if ! install -m 0755 "$binary" /usr/local/bin/azup; then
        say "cannot install $binary as /usr/local/bin/azup"
        return 1
    fi
    runs && return
    say "$binary does not run in this image; trying the package azurite-up"
    return 1
}

# The package of the same version. In a folder of its own, so that no environment of the
# image changes, and never built by pip or uv, which would need a compiler.
install_package() {
    version=$(sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' devcontainer-feature.json)
    package=azurite-up==$version
    own=/usr/local/lib/azup
    if has uv; then
        UV_TOOL_DIR=$own UV_TOOL_BIN_DIR=/usr/local/bin UV_PYTHON_DOWNLOADS=never UV_HTTP_TIMEOUT=20 \
            within 120 uv tool install --quiet --no-build --force "$package" && runs && return
    fi
    for python in python3 python; do
        has $python || continue
        # `--target` is allowed where the distribution manages Python (PEP 668).
        within 120 $python -m pip install --quiet --disable-pip-version-check --no-input \
            --timeout 20 --retries 1 --no-deps --only-binary :all: --upgrade --target $own "$package" &&
            install -m 0755 $own/bin/azup /usr/local/bin/azup && runs && return
        break
    done
    if has npm; then
        # Its program needs no launcher, and no script of any package runs.
        within 120 npm install --silent --no-audit --no-fund --ignore-scripts --prefix $own "azurite-up@$version" &&
            install -m 0755 $own/node_modules/azurite-up-linux-*/azup /usr/local/bin/azup && runs && return
    fi
    if has cargo; then
        CARGO_NET_RETRY=1 CARGO_HTTP_TIMEOUT=20 CARGO_TARGET_DIR=/tmp/azup-target \
            within 1200 cargo install --quiet --locked --force --root /usr/local --version "$version" azurite-up
        rm -rf /tmp/azup-target
        runs && return
    fi
    # One that does not run would only be in the way of what says that azup is missing.
    rm -f /usr/local/bin/azup
    say "azurite-up $version could not be installed either: this container is without azup"
}

# First, so that the container and its hooks find their scripts whatever happens after it.
install -d -m 0755 /usr/local/share/azup &&
    install -m 0755 start.sh entrypoint.sh /usr/local/share/azup/ ||
    say "cannot install start.sh and entrypoint.sh in /usr/local/share/azup"
# By this mark azup knows that it is in a dev container, where the project's certificate set
# is taken as it is. Root makes it, outside of the workspace: a repository cannot bring it.
install -m 0644 devcontainer-feature.json /usr/local/share/azup/dev-container ||
    say "cannot mark this image as a dev container: certificates of the host may be refused"
# A new volume gets the mode of the folder that it is mounted on. The user's number may
# change after this, so everybody in the container may write there.
if [ -n "$data" ]; then
    install -d -m 0777 "$data" || say "cannot make $data"
fi
install_binary || install_package
install_packages
exit 0
