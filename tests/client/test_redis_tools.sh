# The key-value store under Redis's own tools: redis-cli and redis-benchmark, unchanged, and a power cut
# between two of their calls.
set -u
orrery=${ORRERY_BIN:?}/orrery
scratch=$(mktemp -d)
export XDG_RUNTIME_DIR=$scratch/run XDG_STATE_HOME=$scratch/state
mkdir -m 700 "$XDG_RUNTIME_DIR"
for program in redis-cli redis-benchmark; do
    command -v "$program" >/dev/null || {
        echo "not ok $program is missing: install the package redis-tools"
        exit 1
    }
done

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

says() { # WHAT EXPECTED WORD...
    local what=$1 expected=$2 got
    shift 2
    got=$(redis-cli -p "$port" "$@" 2>&1)
    if [ "$got" = "$expected" ]; then echo "ok redis-cli $what"; else echo "not ok redis-cli $what: '$got' is not '$expected'"; fi
}

says "sets" OK set greeting hello
says "counts" 1 incr visits
says "deletes" 1 del greeting
got=$(printf 'multi\nset a 1\nincr a\nexec\n' | redis-cli -p "$port" 2>&1 | tr '\n' ' ')
if [ "$got" = "OK QUEUED QUEUED OK 2 " ]; then echo "ok redis-cli runs a transaction"; else echo "not ok redis-cli runs a transaction: $got"; fi

log=$scratch/bench
if timeout 120 redis-benchmark -p "$port" -t set,get,incr,mset -n 2000 -c 16 -P 4 --csv >"$log" 2>&1 && [ "$(grep -c '^"\(SET\|GET\|INCR\|MSET\)' "$log")" = 4 ]; then
    echo "ok redis-benchmark runs set, get, incr and mset"
else
    echo "not ok redis-benchmark"
    cat "$log"
fi

says "sets what must survive" OK set kept yes
"$orrery" power n1 >/dev/null && "$orrery" restart n1 >/dev/null
deadline=$((SECONDS + 60))
until [ "$(redis-cli -p "$port" ping 2>/dev/null)" = PONG ] || [ "$SECONDS" -ge "$deadline" ]; do :; done
says "finds it after a power cut" yes get kept
says "finds the count as well" 1 get visits
