# A rate limiter under redis-cli: CL.THROTTLE, answered in redis-cell's shape by every algorithm, by a
# gateway that makes one wait, and by two that share a limit.
# shellcheck source=tests/client/cluster.sh
source "${ORRERY_ROOT:?}/tests/client/cluster.sh"
need redis-tools redis-cli redis-benchmark
begin '"client_port"' limiter --nodes 8 --set shape=silent --json
mapfile -t ports < <(grep -o '"client_port":[0-9]*' <<<"$said" | cut -d: -f2)
[ "${#ports[@]}" = 8 ] || {
    echo "not ok eight nodes that say their ports"
    cat "$scratch/err"
    exit 1
}
port_of() { # NODE
    echo "${ports[$1 - 1]}"
}

says() { # WHAT EXPECTED NODE WORD...
    local what=$1 expected=$2 node=$3 got
    shift 3
    got=$(redis-cli -p "$(port_of "$node")" "$@" 2>&1 | tr '\n' ' ')
    if [ "${got% }" = "$expected" ]; then echo "ok redis-cli $what"; else echo "not ok redis-cli $what: '$got' is not '$expected'"; fi
}

# Periods of hours: what is refused within this test stays refused, however slow the machine.
says "passes a burst of two" "0 2 1 -1 1800" 2 cl.throttle user 1 2 3600
got=$(redis-cli -p "$(port_of 2)" cl.throttle user 1 2 3600 | head -n 4 | tr '\n' ' ')
if [ "$got" = "0 2 0 -1 " ]; then echo "ok redis-cli and the other of them"; else echo "not ok redis-cli and the other of them: $got"; fi
got=$(redis-cli -p "$(port_of 2)" cl.throttle user 1 2 3600 | tr '\n' ' ')
read -r limited limit remaining retry reset <<<"$got"
if [ "$limited $limit $remaining" = "1 2 0" ] && [ "$retry" -gt 1700 ] && [ "$retry" -le 1800 ] && [ "$reset" -gt 3500 ]; then
    echo "ok redis-cli is told when a retry would pass"
else
    echo "not ok redis-cli is told when a retry would pass: $got"
fi
says "takes none for nothing" "0 2 2 -1 0" 2 cl.throttle other 1 2 3600 0
says "is told that five never pass" "1 2 2 -1 0" 2 cl.throttle other 1 2 3600 5
for node in 4 5 6; do
    passed=0
    for _ in 1 2 3 4 5; do
        [ "$(redis-cli -p "$(port_of "$node")" cl.throttle user 9 3 86400 | head -n 1)" = 0 ] && passed=$((passed + 1))
    done
    if [ "$passed" = 3 ]; then echo "ok a window of n$node passes its limit"; else echo "not ok a window of n$node passes $passed of 3"; fi
done

# The leaky bucket answers when it passes one on.
redis-cli -p "$(port_of 3)" cl.throttle slow 4 4 1 >/dev/null
began=$(date +%s%N)
got=$(redis-cli -p "$(port_of 3)" cl.throttle slow 4 4 1 | head -n 1)
waited=$((($(date +%s%N) - began) / 1000000))
if [ "$got" = 0 ]; then echo "ok a request that waits passes (after $waited ms)"; else echo "not ok a request that waits: $got"; fi

# Two gateways, one limit of four, whoever is asked.
passed=0
for node in 7 8 7 8 7 8 7 8; do
    [ "$(redis-cli -p "$(port_of "$node")" cl.throttle both 9 4 86400 | head -n 1)" = 0 ] && passed=$((passed + 1))
done
if [ "$passed" = 4 ]; then echo "ok two gateways keep one limit"; else echo "not ok two gateways let $passed of 4 pass"; fi

if [[ $(redis-cli -p "$(port_of 2)" cl.throttle user 1 2>&1) == *"usage: CL.THROTTLE"* ]]; then echo "ok redis-cli is told the usage"; else echo "not ok redis-cli is told the usage"; fi
if [[ $(redis-cli -p "$(port_of 1)" cl.throttle user 1 2 3600 2>&1) == *"ask a gateway"* ]]; then echo "ok the traffic is no gateway"; else echo "not ok the traffic is no gateway"; fi
if timeout 120 redis-benchmark -p "$(port_of 2)" -n 5000 -c 16 -P 16 -q cl.throttle key 1000000 100 1 >"$scratch/bench" 2>&1 && grep -q 'requests per second' "$scratch/bench"; then
    echo "ok redis-benchmark, pipelined"
else
    echo "not ok redis-benchmark"
    cat "$scratch/bench"
fi
