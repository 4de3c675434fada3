#!/bin/sh
# Runs in a dev container in which the devcontainer CLI's `features test` installed the published
# Feature: Azurite answers over HTTPS, and code gets its tokens.
set -eu
azup --version
ca=/usr/local/share/ca-certificates/azup-local-ca.crt
test -s "$ca"
curl --silent --show-error --fail --cacert "$ca" "$AZURE_STORAGE_BLOB_ENDPOINT/?comp=list&restype=account" \
    --output /dev/null || code=$?
# Refused for lack of a token, and by Azurite: TLS and the name in the certificate are right.
test "${code:-0}" = 22 || test "${code:-0}" = 0
token=$(curl --silent --show-error --fail --header "X-IDENTITY-HEADER: $IDENTITY_HEADER" \
    "$IDENTITY_ENDPOINT?resource=https%3A%2F%2Fstorage.azure.com%2F&api-version=2019-08-01" |
    sed 's/.*"access_token": *"\([^"]*\)".*/\1/')
listed=$(curl --silent --show-error --fail --cacert "$ca" --header "Authorization: Bearer $token" \
    --header 'x-ms-version: 2021-12-02' "$AZURE_STORAGE_BLOB_ENDPOINT/?comp=list")
case $listed in
    *EnumerationResults*) echo "Azurite answers in the dev container" ;;
    *) echo "not Azurite's answer: $listed"; exit 1 ;;
esac
test -d /var/lib/azurite && test -z "${AzureWebJobsStorage-}"
