# The key-value store under ioredis, which the page's build has fetched with its other packages.
set -u
orrery=${ORRERY_BIN:?}/orrery
page=${ORRERY_BUILD:?}/page
scratch=$(mktemp -d)
export XDG_RUNTIME_DIR=$scratch/run XDG_STATE_HOME=$scratch/state
mkdir -m 700 "$XDG_RUNTIME_DIR"
[ -d "$page/node_modules/ioredis" ] || {
    echo "skip ioredis: $page/node_modules has none, since this build is without a page"
    exit 0
}

mkfifo "$scratch/said"
"$orrery" sandbox kv --nodes 1 --no-timeline >"$scratch/said" 2>"$scratch/err" </dev/null &
cluster=$!
trap 'kill -INT "$cluster" 2>/dev/null; wait "$cluster" 2>/dev/null; rm -rf "$scratch"' EXIT
exec 8<"$scratch/said"
port=
while [ -z "$port" ] && IFS= read -r -t 60 line <&8; do
    port=$(sed -n 's/.*redis-cli -p \([0-9][0-9]*\).*/\1/p' <<<"$line")
done
[ -n "$port" ] || {
    echo "not ok a store that says its port"
    cat "$scratch/err"
    exit 1
}
timeout 200 node "$ORRERY_ROOT/tests/client/ioredis.mjs" "$page" "$port" || echo "not ok ioredis: it ended with $?"
