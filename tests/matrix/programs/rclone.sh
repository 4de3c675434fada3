#!/bin/sh
# rclone: sh rclone.sh RCLONE. An on-the-fly remote; the configuration file is empty.
set -eu
cd "$(mktemp -d)"
: > none.conf
printf stored > up
"$1" --config none.conf copyto up :azureblob,env_auth:data/rclone.txt
"$1" --config none.conf cat :azureblob,env_auth:data/rclone.txt
