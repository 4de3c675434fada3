#!/bin/sh
# Runs whenever the container starts, also where the engine alone starts it (docker
# restart) and nobody attaches, whose editor would run the hook in start.sh: the Azure SDKs
# get their local tokens. It waits for nothing and never fails: the container's own program
# comes after it.
# Written by `azup init`, which owns this file.
command -v azup >/dev/null 2>&1 || exit 0
azup identity --detach </dev/null >/dev/null 2>&1 &
exit 0
