# shellcheck shell=bash
# How the released program is built: once, for tests/run and tests/ship alike, since with other
# flags cargo would rebuild all of it. Sourced by bash at the root of the checkout.
#
# A panic names the source file that it comes from, with the path on the machine that built the
# program: its user's home, and the name of the registry's mirror. Those paths are replaced.

release_target=$(uname -m)-unknown-linux-musl

# TARGET: from here on, rustc builds for it. Rustup adds it if rustup installed the toolchain. If
# not, rustup installs the same release, which then comes first on PATH. If neither works,
# $without_target says why.
target_is_there() { [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]; }
bring_target() {
    local release log
    target_is_there "$1" && return
    without_target="no standard library for $1, and no rustup that could add it"
    command -v rustup > /dev/null || return
    if log=$(rustup target add "$1" 2>&1) && target_is_there "$1"; then return; fi
    release=$(rustc -vV | sed -n 's/^release: //p')
    if log=$(rustup toolchain install "$release" --profile minimal --no-self-update --target "$1" 2>&1); then
        PATH=$(dirname "$(rustup which --toolchain "$release" rustc)"):$PATH
        target_is_there "$1" && return
    fi
    # shellcheck disable=SC2034 # read by those who source this
    without_target="no standard library for $1: $(tail -n 1 <<< "$log"): rustup target add $1"
    return 1
}

# Prints --remap-path-prefix for every folder that sources come from; if two match, rustc takes the
# later one.
release_flags() {
    local cargo=${CARGO_HOME:-$HOME/.cargo} sysroot commit registry
    sysroot=$(rustc --print sysroot)
    commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
    set -- "$cargo=/cargo" "$PWD=/azup" "${CARGO_TARGET_DIR:-$PWD/target}=/azup/target" \
        "$sysroot/lib/rustlib/src/rust=/rustc/$commit"
    for registry in "$cargo"/registry/src/*; do
        set -- "$@" "$registry=/crates"
    done
    printf -- '--remap-path-prefix=%s\n' "$@"
}

# Makes the Azurite inside the program: the pinned packages as one file, compressed, and their
# licences. The same lock file gives the same bytes. It needs Node.js and npm, and is made once for
# each lock file.
bundle_azurite() {
    local from=templates/azurite licenses=$PWD/tests/azurite-licenses.cjs folder work made
    folder=${CARGO_TARGET_DIR:-$PWD/target}/azurite-$(cat $from/* "$licenses" | sha256sum | cut -c1-16)
    if [ ! -e "$folder/bundle.json" ]; then
        work=$(mktemp -d)
        cp $from/package.json $from/package-lock.json $from/bundle.cjs "$work"
        made=0
        (
            cd "$work" || exit
            npm ci --silent --ignore-scripts --omit=dev --no-audit --no-fund --engine-strict=false || exit
            node bundle.cjs || exit
            mkdir -p "$folder" || exit
            node "$licenses" > "$folder/licenses.txt" || exit
            # With CRC32, which the program that unpacks it supports; the SHA-256 next to it is what
            # counts.
            xz --format=xz --check=crc32 -9e --threads=1 --stdout azurite.cjs > "$folder/azurite.cjs.xz" || exit
            cp bundle.json "$folder"
        ) || made=1
        rm -rf "$work"
        [ "$made" = 0 ] || return 1
    fi
    export AZUP_BUNDLED_AZURITE=$folder
}

# [TARGET [FLAG]]: sets what cargo and maturin build with from here on. The sources are fetched
# first, so that their folders exist and can be listed.
release_environment() {
    cargo fetch --quiet --locked --target "${1:-$release_target}" || return
    local flags
    flags=$(release_flags; printf '%s' "${2:-}")
    # Separated in this way, a path may contain a space.
    CARGO_ENCODED_RUSTFLAGS=$(printf '%s' "$flags" | tr '\n' '\037')
    export CARGO_ENCODED_RUSTFLAGS
}

# [TARGET [FLAG]]: builds the static program and sets $static_program to its path.
build_static() {
    local target=${1:-$release_target}
    # Only $static_program may change for the caller.
    (bundle_azurite && release_environment "$@" &&
        cargo build --quiet --release --locked --features bundled --target "$target") || return
    # shellcheck disable=SC2034 # read by those who source this
    static_program=${CARGO_TARGET_DIR:-$PWD/target}/$target/release/azup
}
