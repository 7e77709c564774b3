#!/usr/bin/env bash
# kv beside Redis with appendfsync always, both driven by redis-benchmark on the same disk, in turns
# (A B A B): sets a second at 64 clients and at 1; and the median time of one set of a single client
# beside that of one write and sync plus one round trip, measured in the same run. Prints a line of JSON each.
set -eu

for program in redis-server redis-benchmark redis-cli; do
    command -v "$program" >/dev/null || {
        echo "bench kv needs $program: install the packages redis-server and redis-tools" >&2
        exit 2
    }
done
programs=${ORRERY_BIN:?}/../tests
rounds=${ORRERY_BENCH_ROUNDS:-5}
many=${ORRERY_BENCH_SETS_64:-50000}
few=${ORRERY_BENCH_SETS_1:-3000}

# On the disk that holds the build: /tmp may be memory, where a sync costs nothing.
folder=$(mktemp -d "$(cd "$ORRERY_BIN/.." && pwd)/bench-kv-XXXXXX")
redis_pid=
kv_pid=
cleanup() {
    [ -z "$redis_pid" ] || kill "$redis_pid" 2>/dev/null || true
    [ -z "$kv_pid" ] || { exec 7>&-; wait "$kv_pid" 2>/dev/null || true; }
    [ -z "$redis_pid" ] || wait "$redis_pid" 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

redis_port=$(free_port)
mkdir "$folder/redis" "$folder/kv"
redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$folder/redis" --save '' --appendonly yes \
    --appendfsync always --auto-aof-rewrite-percentage 0 >"$folder/redis.out" 2>&1 &
redis_pid=$!
for _ in $(seq 500); do
    redis-cli -p "$redis_port" ping >/dev/null 2>&1 && break
    kill -0 "$redis_pid" || { cat "$folder/redis.out" >&2; exit 1; }
done

mkfifo "$folder/stdin" "$folder/port"
"$programs/node_server" kv 1 full "$folder/kv" <"$folder/stdin" >"$folder/port" &
kv_pid=$!
exec 7>"$folder/stdin"
read -r kv_port _ <"$folder/port"

# Replies a second. The client is the same for both; -P 1 is its default.
rate() { # PORT CLIENTS COUNT TEST
    redis-benchmark -p "$1" -c "$2" -n "$3" -t "$4" -r 10000 -d 16 --csv | awk -F'"' '/rps|^"test"/ {next} {print $4; exit}'
}

for round in $(seq "$rounds"); do
    rate "$redis_port" 64 "$many" set >>"$folder/redis64"
    rate "$kv_port" 64 "$many" set >>"$folder/kv64"
    rate "$redis_port" 1 "$few" set >>"$folder/redis1"
    rate "$kv_port" 1 "$few" set >>"$folder/kv1"
    "$programs/latency" "$folder" 1 "$kv_port" "$redis_port" >"$folder/latency"
    { read -r sync; read -r ping; read -r kv_set; read -r redis_set; } <"$folder/latency"
    for what in sync kv_set ping redis_set; do echo "${!what}" >>"$folder/$what"; done
done

python3 - "$folder" <<'PYTHON'
import json
import statistics
import sys


def values(name):
    with open(f"{sys.argv[1]}/{name}") as f:
        return [float(line) for line in f]


def say(what, measured, unit, aim=None, met=None):
    value = statistics.median(measured)
    line = {"what": what, "value": round(value, 3), "unit": unit}
    if aim:
        line |= {"aim": aim, "met": met(value)}
    print(json.dumps(line))


# Ratios are taken within each round, since a disk has its moods.
kv64, redis64, kv1, redis1 = (values(name) for name in ("kv64", "redis64", "kv1", "redis1"))
sync, trip = values("sync"), values("ping")
least = [s + t for s, t in zip(sync, trip)]
say("kv, 64 clients", kv64, "sets/s")
say("redis appendfsync always, 64 clients", redis64, "sets/s")
say("kv beside redis, 64 clients", [k / r for k, r in zip(kv64, redis64)], "x", ">= 1",
    lambda x: x >= 1)
say("kv, 1 client", kv1, "sets/s")
say("redis appendfsync always, 1 client", redis1, "sets/s")
say("one write and sync", sync, "us")
say("one round trip", trip, "us")
say("kv, one set of 1 client", values("kv_set"), "us")
say("redis, one set of 1 client", values("redis_set"), "us")
say("kv, 1 client, beside one sync and one round trip",
    [t / x for t, x in zip(values("kv_set"), least)], "x", "<= 1.2", lambda x: x <= 1.2)
say("redis, 1 client, beside the same",
    [t / x for t, x in zip(values("redis_set"), least)], "x")
PYTHON
