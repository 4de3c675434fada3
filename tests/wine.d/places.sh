# shellcheck shell=bash
# Where programs on Windows keep the CAs that they trust, as their installers lay it out. There are
# only the folders, none of the programs: this shows that azup finds and changes the files. Sourced
# by tests/wine-story.

tells_places() {
    local users=$disk/users/root each jdk="$disk/Program Files/Eclipse Adoptium/jdk-21.0.5.11-hotspot"
    local bundles=(
        "$project/.venv/Lib/site-packages/certifi/cacert.pem"
        "$users/AppData/Roaming/Python/Python313/site-packages/certifi/cacert.pem"
        "$users/AppData/Local/Programs/Python/Python313/Lib/site-packages/certifi/cacert.pem"
        "$disk/Program Files/Microsoft SDKs/Azure/CLI2/Lib/site-packages/certifi/cacert.pem"
        "$users/miniconda3/Library/ssl/cacert.pem"
        "$users/AppData/Local/Programs/Git/mingw64/etc/ssl/certs/ca-bundle.crt"
    )
    say "where Windows' programs keep what they trust (their folders alone)"
    for each in "${bundles[@]}"; do
        mkdir -p "$(dirname "$each")"
        cp "$disk/roots.pem" "$each"
    done
    mkdir -p "$project/.venv/Scripts" "$users"/miniconda3/{conda-meta,Lib/site-packages} "$users/AppData/Roaming/StorageExplorer" "$jdk/lib/security"
    : > "$project/.venv/Scripts/python.exe"
    printf 'home = C:\\python\r\n' > "$project/.venv/pyvenv.cfg"
    # Of a JDK's kind, without a password.
    cp "$disk/cacerts" "$jdk/lib/security/cacerts"
    ok trust --scope all
    for each in "${bundles[@]}"; do
        ! cmp -s "$disk/roots.pem" "$each" || fail "$each has not got the CA"
    done
    ! cmp -s "$disk/cacerts" "$jdk/lib/security/cacerts" || fail "the JDK has not got the CA"
    ls "$users"/AppData/Roaming/StorageExplorer/certs/azup-local-ca-* > /dev/null || fail "Storage Explorer has not got the CA"
    ok untrust --scope all
    for each in "${bundles[@]}"; do cmp "$disk/roots.pem" "$each"; done
    cmp "$disk/cacerts" "$jdk/lib/security/cacerts"
    ! ls "$users"/AppData/Roaming/StorageExplorer/certs/azup-local-ca-* 2> /dev/null || fail "Storage Explorer keeps the CA"
    rm -r "$project/.venv" "$users/miniconda3" "$jdk" "$users"/AppData/{Roaming/{StorageExplorer,Python},Local/Programs/{Python,Git}} "$disk/Program Files/Microsoft SDKs"
}

# Wine stores an access list as a Unix mode, whose last digit is Everyone's. What a real Windows
# makes of the list is not shown.
tells_key() {
    local key
    say "the key, as Wine keeps an access list"
    for key in "$disk/users/root/AppData/Local/azup/certs/key.pem" "$project/.devcontainer/azurite-certs/key.pem"; do
        [[ $(stat -c %a "$key") = *0 ]] || fail "others can read the key: $(stat -c %a "$key")"
    done
    [[ $(stat -c %a "${key%/*}/cert.pem") = *4 ]] || fail "this Wine closes every file to others, and so shows nothing"
    ok doctor key-mode
    chmod 644 "$key"
    ! azup doctor key-mode || fail "doctor does not see that others can read the key"
    has "$disk/out" Everyone
    chmod 600 "$key"
}
