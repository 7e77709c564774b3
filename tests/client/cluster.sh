# For tests of client ports, which source it: a cluster that ends with the test, and what it says of itself.
set -u
orrery=${ORRERY_BIN:?}/orrery
scratch=$(mktemp -d)
export XDG_RUNTIME_DIR=$scratch/run XDG_STATE_HOME=$scratch/state
mkdir -m 700 "$XDG_RUNTIME_DIR"

need() { # PACKAGE PROGRAM...
    local package=$1 program
    shift
    for program in "$@"; do
        command -v "$program" >/dev/null || {
            echo "not ok $program is missing: install the package $package"
            exit 1
        }
    done
}

# Starts it and reads what it says up to the line that has its ports: that line is $said. begin SIGN WORD...
begin() {
    local sign=$1
    shift
    mkfifo "$scratch/said"
    "$orrery" sandbox "$@" >"$scratch/said" 2>"$scratch/err" </dev/null &
    cluster=$!
    trap 'kill -INT "$cluster" 2>/dev/null; wait "$cluster" 2>/dev/null; rm -rf "$scratch"' EXIT
    exec 8<"$scratch/said"
    while IFS= read -r -t 60 said <&8; do
        [[ $said != *"$sign"* ]] || return 0
    done
    echo "not ok a cluster that says its ports"
    cat "$scratch/err"
    exit 1
}

port_said() {
    sed -n 's/.*redis-cli -p \([0-9][0-9]*\).*/\1/p' <<<"$said"
}

# A store of one node: its port is $port.
begin_store() {
    begin 'redis-cli -p ' kv --nodes 1 --no-timeline
    port=$(port_said)
}

# A store of three replicas: ${ports[n]} is that of node n.
begin_replicas() {
    begin 'redis-cli -p ' raft --nodes 3 --no-timeline
    ports=([1]="$(port_said)")
    for node in 2 3; do
        IFS= read -r -t 60 said <&8
        ports[node]=$(port_said)
    done
}
