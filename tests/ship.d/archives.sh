# shellcheck shell=bash
# The archives of a release. Sourced by tests/ship.

# PROGRAM: Rust's name for the system of this program.
target_of() { printf '%s\n' "${1##*/azup-}"; }

archives() {
    say "archives"
    local program top target words=()
    for program in "$ship"/azup-*-musl; do words+=("$(target_of "$program")=$program"); done
    release/archive "$work/archives" "$ship/licenses" "${words[@]}"
    release/archive "$work/archives-again" "$ship/licenses" "${words[@]}"
    diff -r "$work/archives" "$work/archives-again" || fail "the same programs give other archives"
    (cd "$work/archives" && sha256sum --quiet -c SHA256SUMS)

    mkdir "$work/unpacked"
    for program in "$ship"/azup-*-musl; do
        target=$(target_of "$program")
        top=azurite-up-$version-$target
        tar -xzf "$work/archives/$top.tar.gz" -C "$work/unpacked"
        top=$work/unpacked/$top
        cmp "$program" "$top/azup" || fail "the archive for $target has another program"
        [ -x "$top/azup" ] || fail "the program in the archive for $target cannot be executed"
        # The host's program wrote them, and every licence goes with every program.
        diff -r "$ship/licenses" "$top/licenses"
        bash -n "$top/completions/azup.bash"
        zsh -n "$top/completions/_azup"
        fish --no-execute "$top/completions/azup.fish"
        mandoc -T lint -W error "$top"/man/man1/*.1
        [ "$(find "$top/man/man1" -name '*.1' | wc -l)" -gt 15 ] || fail "too few manual pages"
    done
    ! tar -tvzf "$work/archives/azurite-up-$version-$release_target.tar.gz" | grep -v ' 0/0 .* 1980-01-01 ' ||
        fail "the archive tells who packed it, or when"
    same "$work/unpacked/azurite-up-$version-$release_target/azup"

    say "cargo binstall: what its metadata names is in the archives (structure alone: cargo-binstall has not run)"
    "$parts/ship-tools/bin/python" tests/ship.d/binstall.py "$work/archives"
    mkdir -p "$ship"
    cp "$work"/archives/* "$ship"
}
