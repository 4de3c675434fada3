# shellcheck shell=bash
# Root folders with the smallest Debian, in which something runs as on a new machine. To be sourced by
# bash at the root of the checkout, by tests/fresh and tests/walks; `fail` says why not.
#
# What runs in such a folder sees no process, no mount and no network interface of this machine: a
# container engine or an Azurite there meets none here. Whatever it leaves running ends with it.
# Settings of the package managers (mirrors, certificates) are taken over; without them nothing could
# be fetched on a machine that needs them.

roots_can_be_made() {
    local program
    [ "$(id -u)" = 0 ] || { echo "only root can make a root folder"; return 1; }
    for program in debootstrap slirp4netns unshare; do
        command -v "$program" > /dev/null || { echo "$program is not installed"; return 1; }
    done
}

# ROOT PACKAGES: Debian, with these packages beside the smallest set.
debian() {
    local mirror
    # shellcheck disable=SC2016 # apt's own placeholder
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | sort -u | head -1)
    debootstrap --variant=minbase --include="$2" bookworm "$1.new" ${mirror:+"$mirror"} > "$1.log"
    mv "$1.new" "$1"
}

# ROOT HOME: names, certificates, and what the package managers have to know. The home is one in
# which nothing is but their settings.
settle() {
    local root=$1 home=$2 file settings
    rm -rf "$root"/etc/apt/sources.list*
    for file in /etc/apt/sources.list /etc/apt/sources.list.d /etc/apt/apt.conf.d /etc/apt/auth.conf.d \
        /etc/pip.conf /etc/npmrc /usr/local/share/ca-certificates; do
        [ ! -e "$file" ] || cp -aL --parents "$file" "$root"
    done
    # A service that tells how apt has fared is no part of the smallest Debian.
    rm -f "$root"/etc/apt/apt.conf.d/*packagekit* "$root"/etc/apt/apt.conf.d/*appstream*
    # Java's store is not made where there is no /proc.
    # shellcheck disable=SC2016 # for the shell in there
    unshare --mount sh -euc 'mount -t proc proc "$1/proc" && chroot "$1" update-ca-certificates' sh "$root" > /dev/null 2>&1
    echo 'nameserver 10.0.2.3' > "$root/etc/resolv.conf"
    printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"
    mkdir -p "$root$home"
    for file in .npmrc .config/pip .config/go .cargo/config.toml .m2/settings.xml; do
        [ ! -e "$HOME/$file" ] || (cd "$HOME" && cp -aL --parents "$file" "$root$home")
    done
    # The ones for all users too: npm does not look at those where it is given a --prefix.
    settings=$(npm config get globalconfig)
    [ ! -e "$settings" ] || cat "$settings" >> "$root$home/.npmrc"
}

# Mirrors or proxies that variables name.
registry_variables() {
    env | grep -iE '^(CI|(https?|no|all)_proxy|rustup_dist_server|rustup_update_root|pip_index_url|npm_config_registry|goproxy|gosumdb|cargo_registr[a-z_]*|azup_test_slowness)=' || true
}

# What runs in a root folder has these variables, and these folders of this machine to read: FROM:TO.
variables=() mounts=()
space=''
# unshare itself heeds no milder signal; all that runs in there ends with it.
trap '[ -z "$space" ] || kill -KILL "$space" 2> /dev/null || true' EXIT
# ROOT FOLDER COMMAND…: in that root folder, in this folder of it, in namespaces of its own.
inside() {
    local status=0 enter input network log ready
    log=$1.network ready=$1.ready
    # shellcheck disable=SC2016 # for the shell inside
    enter='
        root=$1 folder=$2 mounts=$3; shift 3
        # A root of its own and not a chroot, in which no user namespace can be made.
        mount --bind "$root" "$root"
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        mount -t sysfs sysfs "$root/sys"
        mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
        printf "%s" "$mounts" | while IFS=: read -r from to; do
            [ -n "$from" ] || continue
            mkdir -p "$root$to"
            mount --bind "$from" "$root$to"
            mount -o remount,bind,ro "$root$to"
        done
        ip link set lo up
        # Until the network is there.
        read -r _
        cd "$root"
        mkdir -p .outside
        pivot_root . .outside
        umount -l .outside
        rmdir .outside
        cd "$folder"
        exec env -i "$@"'
    coproc SPACE { exec unshare --mount --net --pid --fork --kill-child sh -euc "$enter" sh "$1" "$2" \
        "$(printf '%s\n' "${mounts[@]}")
" "${variables[@]}" "${@:3}" >&3 2>&4; }
    # The names are gone once it has ended.
    input=${SPACE[1]}
    space=$SPACE_PID
    until [ "$(readlink "/proc/$space/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.1; done
    : > "$ready"
    slirp4netns --configure --mtu=65520 --disable-host-loopback --ready-fd=5 "$space" tap0 \
        5> "$ready" > "$log" 2>&1 &
    network=$!
    until [ -s "$ready" ]; do
        if ! kill -0 "$network" 2> /dev/null || ! kill -0 "$space" 2> /dev/null; then
            fail "no network: $(tail -n 1 "$log")"
        fi
        sleep 0.1
    done
    echo >&"$input"
    wait "$space" || status=$?
    space=''
    kill "$network" 2> /dev/null || true
    return "$status"
} 3>&1 4>&2
