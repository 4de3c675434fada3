# shellcheck shell=bash
# What package managers need to know about a release. Sourced by tests/ship.

manifests() {
    local out=$work/manifests windows=x86_64-pc-windows-gnu repository=https://example.invalid/owner/azurite-up
    say "manifests: nothing for systems without an archive"
    mkdir "$out"
    cp "$ship"/SHA256SUMS "$ship"/azurite-up-"$version"-*.tar.gz "$out"
    release/manifests "$out" "$repository" 2> "$work/manifests.err"
    has "$work/manifests.err" "none for winget"
    has "$work/manifests.err" "none for scoop"
    [ "$(cd "$out/manifests" && find . -type f)" = ./homebrew/azurite-up.rb ] || fail "files for systems without an archive"

    say "Homebrew's formula (a stand-in for Homebrew installs by it)"
    ruby -c "$out/manifests/homebrew/azurite-up.rb" > /dev/null
    HOME=$work/brew-home ruby tests/ship.d/homebrew.rb "$out/manifests/homebrew/azurite-up.rb" "$out" "$work/brew"
    same "$work/brew/bin/azup"
    [ -s "$work/brew/share/man/man1/azup-up.1" ] || fail "Homebrew's formula leaves out the manual pages"
    [ -s "$work/brew/etc/bash_completion.d/azup" ] || fail "Homebrew's formula leaves out the completions"

    say "winget and scoop: their structure, of a stand-in for a program for Windows"
    release/archive "$work/windows" "$ship/licenses" "$windows=$ship/azup-$release_target"
    release/manifests "$work/windows" "$repository" 2> "$work/manifests.err"
    has "$work/manifests.err" "none for homebrew"
    "$parts/venv/bin/python" tests/ship.d/windows_manifests.py "$work/windows" "$version" "$windows"
    "$parts/ship-tools/bin/python" tests/ship.d/binstall.py "$work/windows"
}
