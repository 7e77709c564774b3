"""Raft beside etcd and Redis, in turns. Ours and Redis are driven by redis-benchmark, etcd by etcd_puts
over its gRPC API: keys of 16 bytes out of 10,000, values of 64, one write of each client under way.
Each client has a connection of its own; etcd is asked over one that all share, too, as it likes that
better."""

import csv
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

from raft_clusters import PROGRAMS, VALUE_BYTES, Etcd, Failed, Ours, Redis, Trusting, begin

ROUNDS = int(os.environ.get("ORRERY_BENCH_ROUNDS", "5"))
SECONDS = int(os.environ.get("ORRERY_BENCH_SECONDS", "2"))
TRIALS = int(os.environ.get("ORRERY_BENCH_TRIALS", "9"))
CLIENTS = (1, 16, 64, 256)
TIMES = ((10, 100), (50, 500), (100, 1000))
RAFT, ETCD, SHARED, REDIS = Ours.name, Etcd.name, "etcd over one connection", Redis.name


def say(what, measured, unit, aim=None, met=None):
    value = statistics.median(measured)
    line = {"what": what, "value": round(value, 3), "unit": unit,
            "range": [round(min(measured), 3), round(max(measured), 3)]}
    if aim:
        line |= {"aim": aim, "met": met(value)}
    print(json.dumps(line), flush=True)


def ratios(a, b):
    """Within each round, since a disk has its moods."""
    return [x / y for x, y in zip(a, b)]


def output_of(process):
    out = process.communicate()[0]
    if process.returncode != 0:
        raise Failed(f"{process.args[0]} failed")
    return out


class RespLoad:
    """redis-benchmark writes so many times, and not for so long: how many that are, it is told by how
    fast it was before."""

    def __init__(self):
        self.rates = {}

    def _begin(self, port, clients, writes):
        return begin(["redis-benchmark", "-p", str(port), "-c", str(clients), "-n", str(writes), "-t", "set",
                      "-r", "10000", "-d", str(VALUE_BYTES), "--csv"],
                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def _run(self, ports, clients, writes):
        share = clients // len(ports)
        processes = [self._begin(port, share, writes // len(ports)) for port in ports]
        rows = [next(csv.DictReader(output_of(p).splitlines())) for p in processes]
        return (sum(float(r["rps"]) for r in rows),
                statistics.mean(float(r["p50_latency_ms"]) for r in rows),
                max(float(r["p99_latency_ms"]) for r in rows))

    def __call__(self, ports, clients):
        about = (tuple(ports), clients)
        if about not in self.rates:
            self.rates[about] = self._run(ports, clients, 40 * clients + 400)[0]
        self.writes = max(200, int(self.rates[about] * SECONDS))
        result = self._run(ports, clients, self.writes)
        self.rates[about] = result[0]
        return result


def etcd_load(ports, clients, connections):
    words = [os.path.join(PROGRAMS, "etcd_puts"), "load", clients, connections, SECONDS, *ports]
    return tuple(map(float, output_of(begin(list(map(str, words)), stdout=subprocess.PIPE)).split()))


class Results(dict):
    """[system, clients]: what each round gave."""

    def add(self, system, clients, result):
        self.setdefault((system, clients), []).append(result)

    def column(self, system, clients, i):
        return [r[i] for r in self[system, clients]]


def say_throughput(results, clients):
    tools = {RAFT: "redis-benchmark", ETCD: "etcd_puts, gRPC", SHARED: "etcd_puts, gRPC",
             REDIS: "redis-benchmark"}
    for name, tool in tools.items():
        about = f"{name}, {clients} client{'s' if clients > 1 else ''}"
        if (name, clients) not in results:
            continue
        say(f"{about} ({tool})", results.column(name, clients, 0), "puts/s")
        say(f"{about}, median", results.column(name, clients, 1), "ms")
        say(f"{about}, 99th percentile", results.column(name, clients, 2), "ms")
    if clients > 1:
        say_beside(results, clients, SHARED)
    say_beside(results, clients, ETCD, 5)
    say_beside(results, clients, REDIS, 0.5)


def say_beside(results, clients, name, least=None):
    aim = f">= {least:g}" if least and clients == 64 else None
    say(f"raft beside {name}, {clients} client{'s' if clients > 1 else ''}",
        ratios(results.column(RAFT, clients, 0), results.column(name, clients, 0)), "x", aim,
        lambda x: x >= least)


def measure_throughput(ours, etcd, redis):
    resp, results = RespLoad(), Results()
    leader, etcd_leader = [ours.ports[ours.leader()]], [etcd.ports[etcd.leader()]]
    redis.leader()
    for clients in CLIENTS:
        for _ in range(ROUNDS):
            results.add(REDIS, clients, resp(redis.ports, clients))
            results.add(RAFT, clients, resp(leader, clients))
            results.add(ETCD, clients, etcd_load(etcd_leader, clients, clients))
            if clients > 1:
                results.add(SHARED, clients, etcd_load(etcd_leader, clients, 1))
        say_throughput(results, clients)
    for _ in range(ROUNDS):
        results.add(RAFT, "spread", resp(ours.ports, 63))
        results.add(ETCD, "spread", etcd_load(etcd.ports, 63, 63))
    for name in (RAFT, ETCD):
        say(f"{name}, 63 clients, spread over all nodes", results.column(name, "spread", 0), "puts/s")


def measure_latency(folder, ours, redis):
    """One client, beside what the disk and the loopback take."""
    leader = ours.ports[ours.leader()]
    rounds = []
    for _ in range(ROUNDS):
        words = [os.path.join(PROGRAMS, "latency"), folder, "3", str(leader), str(redis.ports[0])]
        rounds.append(list(map(float, output_of(begin(words, stdout=subprocess.PIPE)).split())))
    sync, trip, ours_set, redis_set = (list(column) for column in zip(*rounds))
    least = [s + t for s, t in zip(sync, trip)]
    say("one sync while three write at once", sync, "us")
    say("one round trip", trip, "us")
    say("raft, one set of 1 client", ours_set, "us")
    say("redis, one set of 1 client", redis_set, "us")
    say("raft, 1 client, beside one sync of three and one round trip", ratios(ours_set, least), "x", "<= 1.5",
        lambda x: x <= 1.5)


def measure_events(folder):
    """What it costs a node to tell everything, in turns with nodes that tell what they must."""
    resp, costs, rates = RespLoad(), {"full": [], "off": []}, {"full": [], "off": []}
    with Ours(f"{folder}/full", level="full") as full, Ours(f"{folder}/off", level="off") as off:
        for _ in range(ROUNDS):
            for ours in (full, off):
                leader = [ours.ports[ours.leader()]]
                resp(leader, 64)
                before = ours.processor_s()
                rates[ours.level].append(resp(leader, 64)[0])
                costs[ours.level].append((ours.processor_s() - before) / resp.writes * 1e6)
    for level in ("full", "off"):
        say(f"raft, 64 clients, events {level}", rates[level], "puts/s")
        say(f"raft, 64 clients, events {level}: processor time of all nodes for a put", costs[level], "us")
    say("processor time with full events beside events off", ratios(costs["full"], costs["off"]), "x")


def one_life(System, folder, times):
    """Started, written to, its leader killed, written to: how long until a write is acknowledged, twice."""
    begun = time.monotonic()
    with System(folder, times) as cluster:
        first = System.First(cluster.ports)
        try:
            started = first.acknowledged_at() - begun
        finally:
            first.end()
        leader = cluster.leader()
        first = System.First([p for i, p in enumerate(cluster.ports) if i != leader])
        try:
            killed = time.monotonic()
            cluster.kill(leader)
            return started, first.acknowledged_at() - killed
        finally:
            first.end()


def measure_lives(folder):
    for times in TIMES:
        lives = {Ours: [], Trusting: [], Etcd: []}
        for _ in range(TRIALS):
            for System, all_of_it in lives.items():
                all_of_it.append(one_life(System, f"{folder}/life", times))
        label = f"heartbeat {times[0]} ms, election from {times[1]} ms"
        columns = {S.name: [[1e3 * x for x in c] for c in zip(*of)] for S, of in lives.items()}
        for name, (started, replaced) in columns.items():
            fast = name == RAFT and times == TIMES[0]
            say(f"{name}, start to first acknowledged put, {label}", started, "ms", "<= 200" if fast else None,
                lambda x: x <= 200)
            bar = statistics.median(columns[ETCD][1])
            say(f"{name}, leader killed to next acknowledged put, {label}", replaced, "ms",
                f"<= etcd's {bar:.0f}" if name != ETCD else None, lambda x: x <= bar)


def measure(folder):
    with Ours(f"{folder}/raft") as ours, Etcd(f"{folder}/etcd") as etcd, Redis(f"{folder}/redis") as redis:
        measure_throughput(ours, etcd, redis)
        measure_latency(folder, ours, redis)
    measure_events(folder)
    measure_lives(folder)


def stop(*_):
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    # On the disk that holds the build: /tmp may be memory, where a sync costs nothing.
    folder = tempfile.mkdtemp(prefix="bench-raft-", dir=os.path.join(os.environ["ORRERY_BIN"], ".."))
    try:
        measure(folder)
    except Failed as why:
        print(f"bench raft: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
