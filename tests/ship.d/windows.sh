# shellcheck shell=bash
# The program for Windows, its wheel and its archive. Sourced by tests/ship. The programs for Linux
# have to be in target/ship, since both contain them for dev containers.

windows_target=x86_64-pc-windows-gnu

# FOLDER: the wheel; $windows_program is the program in it.
windows_wheel() {
    local bin=$parts/ship-tools/bin
    bring_target "$windows_target" || fail "$without_target"
    command -v x86_64-w64-mingw32-gcc > /dev/null || fail "no compiler for Windows: apt-get install gcc-mingw-w64-x86-64"
    bundle_azurite
    release_environment "$windows_target"
    "$bin/maturin" build --quiet --release --locked --features bundled --target "$windows_target" --out "$1" \
        > /dev/null 2> "$work/maturin" || { cat "$work/maturin" >&2; fail "no wheel for Windows"; }
    windows_program=${CARGO_TARGET_DIR:-$PWD/target}/$windows_target/release/azup.exe
}

# In a subshell: it sets flags for the compiler.
windows() (
    local wheels=$work/windows-wheel opened=$work/windows-opened repository=https://example.invalid/owner/azurite-up
    local linux=(azup-linux-amd64=x86_64 azup-linux-arm64=aarch64) each programs=() words=() size top windows_program
    say "the wheel for Windows"
    windows_wheel "$wheels"
    size=$(stat -c %s "$windows_program")
    [ "$size" -lt "$limit" ] || fail "$size bytes are more than $limit"
    # It needs only what every Windows has.
    LC_ALL=C x86_64-w64-mingw32-objdump -p "$windows_program" | sed -n 's/.*DLL Name: //p' > "$work/libraries"
    ! grep -Eiv '^(kernel32|ntdll|advapi32|bcrypt|bcryptprimitives|crypt32|iphlpapi|ws2_32|shell32|combase|ole32|oleaut32|userenv|user32|msvcrt|api-ms-win-.*)\.dll$' "$work/libraries" ||
        fail "a library that not every Windows has"
    mkdir "$work/beside"
    for each in "${linux[@]}"; do
        words+=("${each#*=}-unknown-linux-musl=$ship/azup-${each#*=}-unknown-linux-musl")
        cp "$ship/azup-${each#*=}-unknown-linux-musl" "$work/beside/${each%%=*}"
        programs+=("$work/beside/${each%%=*}")
    done
    finish "$wheels" "${programs[@]}"
    "$parts/ship-tools/bin/twine" --no-color check --strict "$wheels"/*.whl > "$work/twine" || { cat "$work/twine" >&2; fail "twine objects"; }
    "$parts/ship-tools/bin/python" tests/check-wheel "$version" "$wheels"/*.whl
    python3 -m zipfile -e "$wheels"/*.whl "$opened"
    nowhere_in "$opened"
    cmp "$windows_program" "$opened"/*.data/scripts/azup.exe
    for each in "${programs[@]}"; do cmp "$each" "$opened"/*.data/scripts/"${each##*/}"; done
    say "$size bytes"
    if command -v wine wineserver > /dev/null; then
        say "pip in CPython for Windows, in Wine"
        AZUP_TEST_PARTS=$parts tests/wine wheel "$wheels"/*.whl "$(echo "$parts"/wheels/pip-*.whl)"
    else
        printf '\n******** NOT RUN: pip with the wheel for Windows: wine is not installed\n\n' >&2
    fi

    say "the zip for Windows, and what winget, scoop and cargo-binstall are told (none of them has run)"
    words+=("$windows_target=$windows_program")
    release/archive "$work/zip" "$ship/licenses" "${words[@]}"
    (cd "$work/zip" && sha256sum --quiet -c SHA256SUMS)
    top=azurite-up-$version-$windows_target
    python3 -m zipfile -e "$work/zip/$top.zip" "$work/unzipped"
    cmp "$windows_program" "$work/unzipped/$top/azup.exe"
    for each in "${programs[@]}"; do cmp "$each" "$work/unzipped/$top/${each##*/}"; done
    diff -r "$ship/licenses" "$work/unzipped/$top/licenses"
    release/manifests "$work/zip" "$repository"
    "$parts/venv/bin/python" tests/ship.d/windows_manifests.py "$work/zip" "$version" "$windows_target"
    "$parts/ship-tools/bin/python" tests/ship.d/binstall.py "$work/zip"
    cp "$windows_program" "$ship/azup-$windows_target.exe"
    cp "$wheels"/*.whl "$work"/zip/{*.zip,*.tar.gz,SHA256SUMS} "$ship"
)
