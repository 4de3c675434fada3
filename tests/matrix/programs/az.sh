#!/bin/sh
# Azure CLI: sh az.sh AZ. It reads the connection string.
set -eu
cd "$(mktemp -d)"
export AZURE_CORE_COLLECT_TELEMETRY=no
printf stored > up
"$1" storage blob upload --container-name data --name az.txt --file up --overwrite --only-show-errors > /dev/null
"$1" storage blob download --container-name data --name az.txt --file down --only-show-errors > /dev/null
cat down
