#!/bin/sh
# tusd: sh tusd.sh TUSD. An upload by its protocol, and back. It takes the account from a variable that azup does not
# set, and the endpoint from an option; it listens on a socket in a file.
set -eu
cd "$(mktemp -d)"
export AZURE_STORAGE_ACCOUNT="$AZURE_STORAGE_ACCOUNT_NAME"
"$1" -unix-sock "$PWD/tusd" -azure-storage data -azure-endpoint "$AZURE_STORAGE_BLOB_ENDPOINT" > log 2>&1 &
tusd=$!
trap 'kill $tusd; cat log >&2' EXIT
until [ -S tusd ]; do sleep 0.1; done
tus() { curl --silent --show-error --fail --unix-socket tusd --header 'Tus-Resumable: 1.0.0' "$@"; }
tus --request POST --header 'Upload-Length: 6' --dump-header head http://localhost/files/
upload=$(sed -n 's/^[Ll]ocation: *\([^[:space:]]*\).*/\1/p' head)
printf stored | tus --request PATCH --header 'Upload-Offset: 0' \
    --header 'Content-Type: application/offset+octet-stream' --data-binary @- "$upload"
tus "$upload"
