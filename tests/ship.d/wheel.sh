# shellcheck shell=bash
# The wheels in Python's installers. Sourced by tests/ship.

# FOLDER [PROGRAM…]: the wheel in it gets what maturin does not put there, and these programs.
finish() {
    licences
    mkdir "$1.texts"
    cp "$ship"/licenses/{THIRD,RUST,AZURITE}-* "$1.texts"
    tests/finish-wheel "$1"/*.whl "$1.texts" "${@:2}"
}

# In a subshell: it changes HOME.
wheel() (
    say "the wheel"
    local bin=$parts/ship-tools/bin wheels=$work/wheels
    [ -x "$bin/maturin" ] || fail "no maturin in $bin: tests/run brings it"
    # Linked statically, the one wheel is for every Linux, with glibc or musl, however old.
    bundle_azurite
    release_environment
    "$bin/maturin" build --quiet --release --locked --features bundled --target "$release_target" \
        --compatibility manylinux2014 musllinux_1_1 --out "$wheels" > /dev/null 2> "$work/maturin" ||
        { cat "$work/maturin" >&2; fail "no wheel"; }
    finish "$wheels"
    "$bin/maturin" sdist --out "$wheels" 2> /dev/null
    mkdir "$work/opened"
    python3 -m zipfile -e "$wheels"/*.whl "$work/opened/wheel"
    mkdir "$work/opened/sources"
    tar -xzf "$wheels"/*.tar.gz -C "$work/opened/sources"
    nowhere_in "$work/opened"
    [ -z "${azup:-}" ] || cmp "$ship/azup-$release_target" "$work"/opened/wheel/*.data/scripts/azup ||
        fail "the wheel has another program than the one that was tried"
    "$bin/twine" --no-color check --strict "$wheels"/* > "$work/twine" || { cat "$work/twine" >&2; fail "twine objects"; }
    "$bin/python" tests/check-wheel "$version" "$wheels"/*

    # Each in a home of its own, with no index to fetch anything from.
    local file home=$work/installed
    file=$(echo "$wheels"/*.whl)
    mkdir -p "$home"
    export HOME=$home XDG_DATA_HOME=$home/data XDG_CACHE_HOME=$home/cache PIP_NO_INDEX=1 UV_OFFLINE=1
    unset VIRTUAL_ENV

    say "pip"
    python3 -m venv "$home/venv"
    "$home/venv/bin/pip" install -q --disable-pip-version-check "$file"
    same "$home/venv/bin/azup"
    [ "$("$home/venv/bin/python" -m azurite_up --version)" = "azup $version" ] || fail "python -m azurite_up"
    # Exit codes and arguments are passed on.
    local code=0
    "$home/venv/bin/python" -m azurite_up trust --stores nowhere 2> /dev/null || code=$?
    [ "$code" = 2 ] || fail "python -m azurite_up: exit code $code, not 2"
    "$home/venv/bin/pip" uninstall -q -y azurite-up
    [ ! -e "$home/venv/bin/azup" ] || fail "pip uninstall left azup behind"

    say "pip --user"
    PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore python3 -m pip install -q --user --disable-pip-version-check --no-warn-script-location "$file"
    same "$home/.local/bin/azup"
    [ "$(python3 -m azurite_up --version)" = "azup $version" ] || fail "python -m azurite_up, from the user's packages"

    say "uv tool install"
    UV_TOOL_DIR=$home/uv UV_TOOL_BIN_DIR=$home/uv-bin UV_PYTHON=$(command -v python3) \
        "$parts/venv/bin/uv" --quiet tool install "$file"
    same "$home/uv-bin/azup"

    say "pipx"
    # It needs a pip of its own first.
    PIPX_HOME=$home/pipx PIPX_BIN_DIR=$home/pipx-bin PIP_FIND_LINKS=$parts/wheels \
        "$parts/python-tools/bin/pipx" install --quiet --python "$(command -v python3)" "$file" > /dev/null
    same "$home/pipx-bin/azup"
    with_node "$file"
)

# WHEEL: the extra "node" installs all the Node.js that azup needs, from Python's registry.
with_node() {
    say "pip install 'azurite-up[node]', where no other Node.js is"
    local venv=$work/with-node
    python3 -m venv "$venv"
    PIP_FIND_LINKS=$parts/node-wheel "$venv/bin/pip" install -q --disable-pip-version-check "$1[node]"
    mkdir -p "$work/without-node"
    [ -z "$(PATH=$venv/bin:$work/without-node command -v node)" ] || fail "the extra puts a node on PATH"
    # shellcheck disable=SC2016 # for the shell in there
    env -i HOME="$work/with-node-home" PATH="$venv/bin:$work/without-node" AZUP_STORES=none \
        "$venv/bin/azup" run --in-memory -- /bin/sh -c 'echo "$AZURE_STORAGE_BLOB_ENDPOINT"' > "$work/with-node.out" 2> "$work/with-node.err" ||
        { cat "$work/with-node.err" >&2; fail "azup does not find the extra's Node.js"; }
    has "$work/with-node.out" https://127.0.0.1:
    rm -rf "$venv"
}

# FOLDER: the wheel for the other processor, with zig as compiler and linker.
other_wheel() (
    local bin=$parts/ship-tools/bin
    bring_target "$other_target" || fail "$without_target"
    bundle_azurite
    release_environment "$other_target"
    PATH=$bin:$PATH "$bin/maturin" build --quiet --zig --release --locked --features bundled --target "$other_target" \
        --compatibility manylinux2014 musllinux_1_1 --out "$1" > /dev/null 2> "$work/maturin" ||
        { cat "$work/maturin" >&2; fail "no wheel for $other_target"; }
)

# Apple's machines run dev containers for ARM. qemu runs the program in the wheel.
other() {
    say "the wheel for $other_target, run by qemu"
    local wheels=$work/other opened=$work/other-opened home=$work/other-home
    other_wheel "$wheels"
    mkdir "$home"
    finish "$wheels"
    "$parts/ship-tools/bin/python" tests/check-wheel "$version" "$wheels"/*.whl
    python3 -m zipfile -e "$wheels"/*.whl "$opened"
    nowhere_in "$opened"
    local program qemu=qemu-${other_target%%-*}-static
    program=$(echo "$opened"/*.data/scripts/azup)
    chmod +x "$program"
    LC_ALL=C readelf -ldW "$program" > "$work/elf"
    ! grep -Eq 'INTERP|NEEDED' "$work/elf" || fail "not static"
    other_azup() { env -i HOME="$home" PATH=/usr/bin:/bin "$qemu" "$program" "$@"; }
    other_azup --version > "$work/version"
    has "$work/version" "azup $version"
    there_and_back "$home" "$home" other_azup
    cp "$program" "$ship/azup-$other_target"
    macos
}

# zig has what it takes to link a program for macOS; nothing here can run it. The first is linked,
# the other one only compiled.
macos() {
    say "macOS: built for both processors without a warning, not run"
    local target magic command
    # An empty folder for Apple's own libraries: azup needs none, and rustc does not look for Xcode.
    mkdir -p "$work/sdk"
    for target in aarch64-apple-darwin x86_64-apple-darwin; do
        bring_target "$target" || fail "$without_target"
        command=zigbuild
        [ "$target" = aarch64-apple-darwin ] || command=check
        SDKROOT=$work/sdk PATH=$parts/ship-tools/bin:$PATH \
            cargo-zigbuild $command --quiet --locked --bin azup --target "$target" 2> "$work/warnings" ||
            { cat "$work/warnings" >&2; fail "azup does not build for $target"; }
        ! grep -q '^warning' "$work/warnings" || { cat "$work/warnings" >&2; fail "warnings for $target"; }
    done
    magic=$(od -An -tx1 -N4 "${CARGO_TARGET_DIR:-$PWD/target}/aarch64-apple-darwin/debug/azup")
    [ "$magic" = " cf fa ed fe" ] || fail "no program for macOS:$magic"
}
