# The key-value store under Redis's own tools: redis-cli and redis-benchmark, unchanged, and a power cut
# between two of their calls.
# shellcheck source=tests/client/cluster.sh
source "${ORRERY_ROOT:?}/tests/client/cluster.sh"
need redis-tools redis-cli redis-benchmark
begin_store

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
