# shellcheck shell=bash
# The published dev container Feature, as far as it needs no engine; tests/engine/feature runs it in
# one. Sourced by tests/ship.

feature() {
    local cli=$parts/npm/node_modules/.bin/devcontainer node=$parts/node22/node_modules/node/bin
    say "the dev container Feature"
    release/feature --check
    "$parts/venv/bin/python" tests/cli/validate.py --schema tests/schemas/devContainerFeature.schema.json \
        features/azurite/devcontainer-feature.json || fail "devcontainer-feature.json breaks the schema"
    ! grep -q AzureWebJobsStorage features/azurite/devcontainer-feature.json ||
        fail "AzureWebJobsStorage depends on a file of the project"

    PATH=$node:$PATH "$cli" features package features --output-folder "$work/feature-packed" > "$work/feature.log" 2>&1 ||
        { cat "$work/feature.log" >&2; fail "the dev container command line does not pack the Feature"; }
    mkdir "$work/feature-opened"
    tar -xf "$work"/feature-packed/devcontainer-feature-azurite.tgz -C "$work/feature-opened"
    diff -r features/azurite "$work/feature-opened"
    has "$work/feature-packed/devcontainer-collection.json" "\"version\": \"$version\""
    cp "$work/feature-packed/devcontainer-feature-azurite.tgz" "$ship/devcontainer-feature-azurite-$version.tgz"
}
