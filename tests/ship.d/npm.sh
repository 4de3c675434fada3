# shellcheck shell=bash
# The packages for npm in JavaScript's installers. Sourced by tests/ship.

# PROGRAM: npm's name for its platform.
npm_platform() {
    case $1 in
        *aarch64*) echo linux-arm64 ;;
        *) echo linux-x64 ;;
    esac
}

# In a subshell: it changes HOME.
npm_packages() (
    say "the packages for npm"
    local packed=$work/npm home=$work/npm-home program words=()
    for program in "$ship"/azup-*-musl; do words+=("$(npm_platform "$program")=$program"); done
    LICENCES=$ship/licenses npm/pack "$packed" "${words[@]}"
    [ "$(find "$packed" -name '*.tgz' | wc -l)" = $((${#words[@]} + 1)) ] || fail "too few packages for npm"
    mkdir -p "$home/project" "$home/opened"
    # If nothing can be fetched, npm takes the one for this platform, and leaves out the rest.
    cd "$home/project"
    echo '{ "private": true }' > package.json
    env -i HOME="$home" PATH="$PATH" npm install --silent --offline --no-audit --no-fund \
        "$packed/azurite-up-$version.tgz" "$packed/azurite-up-$(npm_platform "$release_target")-$version.tgz"
    same node_modules/.bin/azup
    [ "$(env -i HOME="$home" PATH="$PATH" npx --offline azurite-up --version)" = "azup $version" ] || fail "npx azurite-up"
    program=node_modules/azurite-up-$(npm_platform "$release_target")
    cmp "$program/azup" "$ship/azup-$release_target" || fail "npm's is another program"
    [ -s "$program/THIRD-PARTY-LICENSES" ] || fail "no licences beside npm's program"
    by_registry "$packed" "$home"
    cp "$packed"/*.tgz "$ship"
)

# PACKED HOME: each installer gets the packages from a registry on loopback that has nothing else,
# chooses the one for this platform by itself, and the program runs.
by_registry() {
    local packed=$1 home=$2 tools=$parts/npm-installers/node_modules/.bin node=$parts/node22/node_modules/node/bin
    local registry server name words
    python3 "$here/tests/ship.d/registry.py" "$packed" > "$work/registry" &
    server=$!
    # shellcheck disable=SC2064 # its number of now
    trap "kill $server" EXIT
    for _ in $(seq 100); do [ -s "$work/registry" ] && break; sleep 0.1; done
    registry=$(cat "$work/registry")
    for name in npm pnpm yarn1 yarn4 yarn4-pnp; do
        say "$name, from a registry"
        case $name in
            npm) words=(npm install --silent --no-audit --no-fund azurite-up) ;;
            pnpm) words=("$tools/pnpm" add --silent azurite-up) ;;
            yarn1) words=(node "$parts/npm-installers/node_modules/yarn/bin/yarn.js" add --silent --no-progress azurite-up) ;;
            yarn4*) words=(node "$parts/npm-installers/node_modules/@yarnpkg/cli-dist/bin/yarn.js" add azurite-up) ;;
        esac
        mkdir -p "$home/$name/home"
        cd "$home/$name"
        echo '{ "private": true, "name": "project" }' > package.json
        printf 'registry=%s\n' "$registry" > .npmrc
        cat > .yarnrc.yml << YARN
npmRegistryServer: $registry
npmMinimalAgeGate: 0
unsafeHttpWhitelist: [127.0.0.1]
enableTelemetry: false
enableImmutableInstalls: false
nodeLinker: $([ "$name" = yarn4-pnp ] && echo pnp || echo node-modules)
YARN
        case $name in yarn4*) : > yarn.lock ;; esac
        in_project() { env -i HOME="$home/$name/home" PATH="$node:$PATH" CI=1 npm_config_registry="$registry" YARN_REGISTRY="$registry" "$@"; }
        in_project "${words[@]}" > "$work/installer" 2>&1 || { cat "$work/installer" >&2; fail "$name does not install azurite-up"; }
        if [ "$name" = yarn4-pnp ]; then
            # No node_modules: the program is a file all the same.
            [ ! -e node_modules ] || fail "this is no Plug'n'Play"
            in_project node "$parts/npm-installers/node_modules/@yarnpkg/cli-dist/bin/yarn.js" azup --version > "$work/version"
        else
            in_project node_modules/.bin/azup --version > "$work/version"
        fi
        has "$work/version" "azup $version"
        cd "$here"
    done
    by_feature "$registry" "$home/feature"
}

# REGISTRY HOME: the dev container Feature's script, in an image with npm and without pip and uv. It
# installs into a /usr/local of its own.
by_feature() {
    local path=$work/feature-path name
    say "npm, by the Feature's script"
    mkdir -p "$path" "$2"
    for name in cat dirname env install rm sed sh timeout uname; do ln -s "$(command -v "$name")" "$path/$name"; done
    # Copies: this machine's may be in the /usr/local that is hidden.
    cp "$(node -p process.execPath)" "$path/node"
    cp -a "$(dirname "$(dirname "$(realpath "$(command -v npm)")")")" "$work/feature-npm"
    ln -s "$work/feature-npm/bin/npm-cli.js" "$path/npm"
    # shellcheck disable=SC2016 # for the shell in there
    unshare --map-root-user --mount sh -euc 'mount -t tmpfs tmpfs /usr/local && mkdir /usr/local/bin && cd / &&
        env -i HOME="$1" PATH="$2:/usr/local/bin" npm_config_registry="$3" sh "$4/features/azurite/install.sh" && /usr/local/bin/azup --version' \
        sh "$2" "$path" "$1" "$here" > "$work/version" 2> "$work/installer" || { cat "$work/installer" >&2; fail "the Feature's script does not install azup"; }
    has "$work/version" "azup $version"
}
