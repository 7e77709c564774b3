# Raft under Redis's own tools and under ioredis, unchanged, asked at the leader and at a follower; and the
# leader killed under a client.
# shellcheck source=tests/client/cluster.sh
source "${ORRERY_ROOT:?}/tests/client/cluster.sh"
need redis-tools redis-cli redis-benchmark
begin_replicas

ok() { # WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then echo "ok $what"; else echo "not ok $what"; fi
}

is() { # EXPECTED NODE WORD...
    local expected=$1 node=$2 got
    shift 2
    got=$(timeout 30 redis-cli -p "${ports[node]}" "$@" 2>&1)
    [ "$got" = "$expected" ] || { echo "'$got' is not '$expected'" >&2 && false; }
}

# Node that leads, once there is one that says so.
leader() {
    local node deadline=$((SECONDS + 60))
    while [ "$SECONDS" -lt "$deadline" ]; do
        for node in 1 2 3; do
            if redis-cli -p "${ports[node]}" info raft 2>/dev/null | grep -q '^raft_role:leader'; then
                echo "$node"
                return
            fi
        done
    done
    echo "nobody leads" >&2
    return 1
}

lead=$(leader)
follow=$((lead % 3 + 1))
ok "a follower takes a write" is OK "$follow" set x 1
ok "the leader reads it" is 1 "$lead" get x
ok "the leader counts" is 2 "$lead" incr x
ok "a follower reads that" is 2 "$follow" get x
for node in "$lead" "$follow"; do
    got=$(printf 'multi\nset a 1\nincr a\nget a\nexec\n' | redis-cli -p "${ports[node]}" 2>&1 | tr '\n' ' ')
    ok "a transaction at n$node" [ "$got" = "OK QUEUED QUEUED QUEUED OK 2 2 " ]
    log=$scratch/bench$node
    timeout 120 redis-benchmark -p "${ports[node]}" -t set,get,incr,mset -n 2000 -c 16 -P 4 --csv >"$log" 2>&1
    ok "redis-benchmark at n$node" [ "$(grep -c '^"\(SET\|GET\|INCR\|MSET\)' "$log")" = 4 ]
done

page=${ORRERY_BUILD:?}/page
if [ -d "$page/node_modules/ioredis" ]; then
    for node in "$lead" "$follow"; do
        redis-cli -p "${ports[node]}" flushall >/dev/null
        timeout 200 node "$ORRERY_ROOT/tests/client/ioredis.mjs" "$page" "${ports[node]}" "at n$node " || echo "not ok ioredis: it ended with $?"
    done
else
    echo "skip ioredis: $page/node_modules has none, since this build is without a page"
fi

# What a follower's client was told stays, though the leader dies meanwhile.
: >"$scratch/told"
(
    for n in $(seq 1 400); do
        [ "$(timeout 20 redis-cli -p "${ports[follow]}" set "kept:$n" "$n" 2>/dev/null)" = OK ] && echo "$n" >>"$scratch/told"
    done
) &
writer=$!
until [ "$(wc -l <"$scratch/told")" -gt 20 ] || ! kill -0 "$writer" 2>/dev/null; do sleep 0.05; done # polls
"$orrery" kill "n$lead" >/dev/null
wait "$writer"
lost=0
while read -r n; do
    [ "$(redis-cli -p "${ports[follow]}" get "kept:$n")" = "$n" ] || lost=$((lost + 1))
done <"$scratch/told"
ok "of $(wc -l <"$scratch/told") writes that were acknowledged while the leader died none is lost" [ "$lost" = 0 ]
ok "most of them were" [ "$(wc -l <"$scratch/told")" -gt 300 ]
"$orrery" restart "n$lead" >/dev/null
deadline=$((SECONDS + 60))
until [ "$(redis-cli -p "${ports[lead]}" get kept:1 2>/dev/null)" = 1 ] || [ "$SECONDS" -ge "$deadline" ]; do sleep 0.05; done # polls
ok "the old leader has them too" is 1 "$lead" get kept:1
