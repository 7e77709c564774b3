#!/usr/bin/env bash
# Three nodes of raft, synced, beside three members of etcd and beside Redis with appendfsync always,
# on the same disk and in turns: see raft_figures.py. Prints a line of JSON each.
set -eu

for program in etcd redis-server redis-benchmark python3; do
    command -v "$program" >/dev/null || {
        echo "bench raft needs $program: install the packages etcd-server, redis-server, redis-tools and python3" >&2
        exit 2
    }
done
PYTHONDONTWRITEBYTECODE=1 exec python3 "${ORRERY_ROOT:?}/tests/bench/raft_figures.py"
