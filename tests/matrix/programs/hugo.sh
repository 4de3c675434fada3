#!/bin/sh
# hugo deploy (gocloud.dev's azureblob): sh hugo.sh HUGO. The target is only a container's name.
set -eu
cd "$(mktemp -d)"
mkdir -p public
printf stored > public/hugo.txt
cat > hugo.toml <<'TOML'
baseURL = "https://site.example/"
[deployment]
[[deployment.targets]]
name = "local"
URL = "azblob://data"
TOML
"$1" deploy --target local >&2
curl --silent --show-error --fail --header "Authorization: Bearer $("$AZUP_UNDER_TEST" token)" \
    --header "x-ms-version: 2021-12-02" "$AZURE_STORAGE_BLOB_ENDPOINT/data/hugo.txt"
