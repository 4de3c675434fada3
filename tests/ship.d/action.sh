# shellcheck shell=bash
# The GitHub Action: the steps of action.yml, each as the runner's shell runs it. Sourced by
# tests/ship.

# NAME WORD=VALUE…: a job of that name (see action.py); its output is in the file $job.
job() {
    job=$work/job-$1.out
    "$parts/venv/bin/python" tests/ship.d/action.py "$work/job-$1" "${@:2}" > "$job" 2>&1
}
# The same for a job that has to pass.
passes() { job "$@" || { cat "$job" >&2; fail "the Action's job \"$1\" fails"; }; }

action() {
    local archive=$ship/azurite-up-$version-$release_target.tar.gz
    "$parts/lint-tools/bin/check-jsonschema" --builtin-schema vendor.github-actions action.yml > "$work/schema" ||
        { cat "$work/schema" >&2; fail "action.yml is no action"; }

    say "the Action, in a stand-in for GitHub's runner: one command"
    # shellcheck disable=SC2016 # for the shell in there
    passes command from="$archive" run='echo "$AZURE_STORAGE_BLOB_ENDPOINT"
curl --silent --show-error --cacert "$CURL_CA_BUNDLE" "$AZURE_STORAGE_BLOB_ENDPOINT?comp=list"'
    has "$job" https://127.0.0.1:
    has "$job" "<?xml"
    has "$job" "output version=$version"
    # As in the runner's own shell, it fails if any command does.
    ! job failing from="$archive" run='false | true
true' || fail "a command that fails does not fail the Action"
    ! job nowhere from=/nowhere || fail "no archive is no failure"
    has "$job" '::error title=azup::"from" names no file: /nowhere'

    say "the Action: Azurite for the later steps"
    # A value that tries to become a variable of its own stays a value.
    # shellcheck disable=SC2016 # for the shell in there
    passes later from="$archive" NO_PROXY=$'a.example\nEVIL=1\nazup-00\nEVIL=2' later='
curl --silent --show-error --cacert "$CURL_CA_BUNDLE" "$AZURE_STORAGE_BLOB_ENDPOINT?comp=list"
[ "$(azup env AZURE_STORAGE_CONNECTION_STRING)" = "$AZURE_STORAGE_CONNECTION_STRING" ]
[ "${NO_PROXY#a.example}" != "$NO_PROXY" ]
echo "EVIL is ${EVIL-not set}"'
    has "$job" "<?xml"
    has "$job" "EVIL is not set"

    action_from_release "$archive"
    action_from_pip
}

# ARCHIVE
action_from_release() (
    local archive=$1 release=$work/served/owner/azurite-up/releases/download/v$version server words
    say "the Action: azup from a release (a stand-in for its server)"
    mkdir -p "$release"
    cp "$archive" "$ship/SHA256SUMS" "$release"
    python3 -u -m http.server --directory "$work/served" --bind 127.0.0.1 0 > "$work/http" 2>&1 &
    # shellcheck disable=SC2064 # its number of now
    trap "kill $!" EXIT
    for _ in $(seq 100); do grep -q 'Serving HTTP' "$work/http" && break; sleep 0.1; done
    server=$(sed -n 's/.*(\(http:[^)]*\)\/).*/\1/p' "$work/http")
    words=(server="$server" repository=owner/azurite-up run='azup --version')
    passes release "${words[@]}"
    # A kept runner has azup already, even if the release is gone or has changed.
    echo changed >> "$release/$(basename "$archive")"
    passes release "${words[@]}"
    ! job changed "${words[@]}" || fail "an archive that was changed is taken"
    has "$job" "is not what the release says"
)

# The tested wheel, from a folder in place of Python's registry.
action_from_pip() {
    say "the Action: azup from Python's registry (a folder in its place)"
    passes pip from=pip PIP_NO_INDEX=1 PIP_FIND_LINKS="$ship" run='azup --version'
    has "$job" "azup $version"
}
