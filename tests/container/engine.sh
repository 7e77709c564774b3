# A Docker engine of our own, started by hand, and an image of the programs that were just built:
# the base is made by debootstrap, once, and kept below build/.

engine=$(mktemp -d /tmp/orrery-engine-XXXXXX)
cache=$ORRERY_BUILD/container
export DOCKER_HOST=unix://$engine/docker.sock
export DOCKER_CONFIG=$engine

skip_all() { # WHY: nothing can be tried here.
    echo "skip containers: $1"
    exit 0
}

# For as long as it takes, but not for ever: wait_for WHAT COMMAND...
wait_for() {
    local what=$1 deadline=$((SECONDS + 60))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "# $what did not come within a minute"
            return 1
        fi
        sleep 0.1 # polls
    done
}

engine_needs() {
    [ "$(id -u)" = 0 ] || skip_all "an engine can only be started by root"
    local tool
    for tool in dockerd docker docker-compose debootstrap iptables; do
        command -v "$tool" >/dev/null || skip_all "there is no $tool"
    done
}

engine_start() {
    mkdir -p "$engine/data" "$engine/exec"
    echo '{}' >"$engine/daemon.json"
    dockerd --config-file "$engine/daemon.json" --data-root "$engine/data" --exec-root "$engine/exec" \
        --pidfile "$engine/pid" -H "$DOCKER_HOST" >"$engine/log" 2>&1 &
    engine_pid=$!
    wait_for "the engine" docker info || true
    docker info >/dev/null 2>&1 ||
        skip_all "the engine does not start here: $(grep -E 'failed|error|Error' "$engine/log" | tail -n 1 | cut -c1-200)"
}

# What it mounted and made goes with it.
engine_stop() {
    if [ -n "${engine_pid-}" ]; then
        kill "$engine_pid" 2>/dev/null
        wait "$engine_pid" 2>/dev/null
    fi
    awk -v below="$engine" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r place; do umount "$place" 2>/dev/null || umount -l "$place"; done
    rm -rf "$engine"
}

# The packages that hold the libraries of the programs, and what they load besides.
packages_of_programs() {
    ldd "$ORRERY_BIN/orrery" "$ORRERY_BIN/orrery-node" | awk '$2 == "=>" { print $3 }' | sort -u |
        while read -r library; do
            dpkg-query -S "$library" 2>/dev/null || dpkg-query -S "$(readlink -f "$library")" 2>/dev/null || dpkg-query -S "/usr$library"
        done | cut -d: -f1 | sort -u | paste -sd,
}

# The mirror is the one that apt is told to use.
mirror_of() { # SUITE
    apt-get indextargets --format '$(SITE) $(CODENAME) $(COMPONENT)' 2>/dev/null |
        awk -v suite="$1" '$2 == suite && $3 == "main" { print $1; exit }'
}

base_make() {
    local suite packages mirror
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    packages=libwebsockets-evlib-uv,ncurses-base,procps,$(packages_of_programs)
    base=$cache/base-$suite-$(printf '%s' "$packages" | cksum | cut -d' ' -f1).tar
    [ -s "$base" ] && return
    mkdir -p "$cache"
    rm -f "$cache"/base-*.tar
    mirror=$(mirror_of "$suite")
    debootstrap --variant=minbase --include="$packages" "$suite" "$engine/base" "$mirror" >"$engine/debootstrap.log" 2>&1 ||
        skip_all "debootstrap made no base: $(tail -n 1 "$engine/debootstrap.log" | cut -c1-200)"
    rm -rf "$engine/base/var/cache/apt" "$engine/base/var/lib/apt/lists" "$engine/base/usr/share/doc" "$engine/base/usr/share/locale"
    tar -C "$engine/base" -cf "$base.part" . && mv "$base.part" "$base"
    rm -rf --one-file-system "$engine/base"
}

image_make() { # NAME
    local stage=$engine/stage
    mkdir -p "$stage/usr/local/bin" "$stage/usr/local/share/orrery"
    cp "$ORRERY_BIN/orrery" "$ORRERY_BIN/orrery-node" "$stage/usr/local/bin/"
    cp -r "$ORRERY_ROOT/labs" "$stage/usr/local/share/orrery/"
    cp "$base" "$engine/image.tar"
    tar -C "$stage" --owner=0 --group=0 -rf "$engine/image.tar" \
        ./usr/local/bin/orrery ./usr/local/bin/orrery-node ./usr/local/share/orrery
    docker import -c 'ENV XDG_STATE_HOME=/var/lib/orrery' -c 'ENTRYPOINT ["orrery"]' "$engine/image.tar" "$1" >/dev/null
    rm -rf "$stage" "$engine/image.tar"
}
