#!/bin/sh
# azcopy: sh azcopy.sh AZCOPY. It has to be told that the host is a storage service, and of which
# kind.
set -eu
cd "$(mktemp -d)"
export AZCOPY_AUTO_LOGIN_TYPE=MSI AZCOPY_LOG_LOCATION="$PWD" AZCOPY_JOB_PLAN_LOCATION="$PWD"
host=${AZURE_STORAGE_BLOB_ENDPOINT#https://}
copy() { "$azcopy" copy "$@" --trusted-microsoft-suffixes "${host%%/*}" --output-level essential; }
azcopy=$1
printf stored > up
copy up "$AZURE_STORAGE_BLOB_ENDPOINT/data/azcopy.txt" --from-to LocalBlob >&2
copy "$AZURE_STORAGE_BLOB_ENDPOINT/data/azcopy.txt" down --from-to BlobLocal >&2
cat down
