"""What is measured beside each other: nodes of ours, members of etcd, a Redis. Each starts on ports of
loopback that are free, on a folder of its own, and ends with whoever began it, however that ends."""

import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

PROGRAMS = os.path.join(os.environ["ORRERY_BIN"], "..", "tests")
VALUE_BYTES = 64
OFFER_EVERY_S = 0.002
DEADLINE_S = 60
# Both wait at least so long; how much longer is drawn, of etcd up to twice as long, of ours up to this:
# figure 16 says that nodes so near need little to stand apart.
SPREAD = 1.5
_libc = ctypes.CDLL(None)


class Failed(Exception):
    pass


def begin(words, **more):
    """A process that hears no Ctrl-C of ours, since we end it, and does not outlive us."""
    with_us = lambda: _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    return subprocess.Popen(words, start_new_session=True, preexec_fn=with_us, text=True, **more)


def free_ports(n):
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def resp_ask(port, *words, wait_s=5):
    """The beginning of the answer to one command; empty where nobody answers."""
    command = f"*{len(words)}\r\n" + "".join(f"${len(w)}\r\n{w}\r\n" for w in words)
    try:
        with socket.create_connection(("127.0.0.1", port), wait_s) as s:
            s.sendall(command.encode())
            return s.recv(65536)
    except OSError:
        return b""


def wait_for(what, is_there):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = is_there()
        if found is not None:
            return found
        select.select([], [], [], 0.01)
    raise Failed(f"{what} did not come within {DEADLINE_S} s")


class FirstOfResp:
    """Offers a SET to each port every few milliseconds, each on a connection of its own, until one is
    acknowledged."""

    def __init__(self, ports):
        self.ports = ports
        value = "x" * VALUE_BYTES
        key = "key:000000000000"
        self.set = f"*3\r\n$3\r\nSET\r\n${len(key)}\r\n{key}\r\n${len(value)}\r\n{value}\r\n".encode()

    def _offer(self, poll, waiting):
        for port in self.ports:
            s = socket.socket()
            try:
                s.connect(("127.0.0.1", port))
                s.sendall(self.set)
            except OSError:
                s.close()
                continue
            waiting[s.fileno()] = s
            poll.register(s, select.EPOLLIN)

    def acknowledged_at(self):
        poll, waiting = select.epoll(), {}
        begun = due = time.monotonic()
        try:
            while time.monotonic() < begun + DEADLINE_S:
                if time.monotonic() >= due:
                    self._offer(poll, waiting)
                    due = max(due + OFFER_EVERY_S, time.monotonic())
                for fd, _ in poll.poll(OFFER_EVERY_S):
                    try:
                        if waiting[fd].recv(64).startswith(b"+OK"):
                            return time.monotonic()
                    except OSError:
                        pass
                    poll.unregister(fd)
                    waiting.pop(fd).close()
        finally:
            for s in waiting.values():
                s.close()
            poll.close()
        raise Failed("no write was acknowledged within a minute")

    def end(self):
        pass


class FirstOfEtcd:
    """The same over gRPC, by etcd_puts."""

    def __init__(self, ports):
        words = [os.path.join(PROGRAMS, "etcd_puts"), "first", *map(str, ports)]
        self.process = begin(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdout.readline()

    def acknowledged_at(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise Failed("etcd_puts ended")
        return int(line) / 1e9

    def end(self):
        self.process.kill()
        self.process.communicate()


class Cluster:
    """In a folder that is made for it, and goes with it."""

    def __init__(self, folder):
        self.folder = folder
        self.ports = []
        self.pids = []
        self.processes = []
        os.mkdir(folder)

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            p.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def leader(self):
        """Its place among the ports."""
        return wait_for("a leader", lambda: next((i for i in range(len(self.ports)) if self.leads(i)), None))

    def kill(self, i):
        os.kill(self.pids[i], signal.SIGKILL)

    def processor_s(self):
        """What all of them have used so far, user and system."""
        ticks = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat", encoding="ascii") as f:
                ticks += sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13]))
        return ticks / os.sysconf("SC_CLK_TCK")


class Ours(Cluster):
    name = "raft"
    First = FirstOfResp

    def __init__(self, folder, times=None, level="full"):
        super().__init__(folder)
        self.level = level
        self.settings = []
        if times:
            heartbeat, election = times
            self.settings = [f"heartbeat_ms={heartbeat}", f"election_ms_min={election}",
                             f"election_ms_max={SPREAD * election:.0f}"]

    def start(self):
        words = [os.path.join(PROGRAMS, "node_server"), "raft", "3", self.level, self.folder, *self.settings]
        server = begin(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.processes.append(server)
        for _ in range(3):
            line = server.stdout.readline().split()
            if len(line) != 2:
                raise Failed("a node of ours did not start")
            self.ports.append(int(line[0]))
            self.pids.append(int(line[1]))

    def leads(self, i):
        return b"role:master" in resp_ask(self.ports[i], "INFO", "replication")

    def end(self):
        for p in self.processes:
            p.stdin.close()
            p.stdout.close()
            p.wait()
        self.processes = []
        super().end()


class Trusting(Ours):
    """A link to the leader that was reset is as good as silence."""

    name = "raft with trust_resets"

    def __init__(self, folder, times=None):
        super().__init__(folder, times)
        self.settings.append("trust_resets=true")


class Etcd(Cluster):
    name = "etcd"
    First = FirstOfEtcd

    def __init__(self, folder, times=None):
        super().__init__(folder)
        self.times = [f"--heartbeat-interval={times[0]}", f"--election-timeout={times[1]}"] if times else []

    def start(self):
        ports = free_ports(6)
        self.ports, peers = ports[:3], [f"http://127.0.0.1:{p}" for p in ports[3:]]
        everyone = ",".join(f"m{i}={url}" for i, url in enumerate(peers))
        for i, port in enumerate(self.ports):
            url = f"http://127.0.0.1:{port}"
            words = ["etcd", f"--name=m{i}", f"--data-dir={self.folder}/m{i}", f"--listen-client-urls={url}",
                     f"--advertise-client-urls={url}", f"--listen-peer-urls={peers[i]}",
                     f"--initial-advertise-peer-urls={peers[i]}", f"--initial-cluster={everyone}",
                     "--initial-cluster-state=new", "--logger=zap", "--log-level=fatal", *self.times]
            with open(f"{self.folder}/m{i}.log", "w", encoding="utf-8") as log:
                self.processes.append(begin(words, stdout=log, stderr=log))
        self.pids = [p.pid for p in self.processes]

    def leads(self, i):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[i]}/metrics", timeout=5) as answer:
                return b"\netcd_server_is_leader 1" in answer.read()
        except OSError:
            return False


class Redis(Cluster):
    name = "redis appendfsync always"

    def start(self):
        self.ports = free_ports(1)
        words = ["redis-server", "--port", str(self.ports[0]), "--bind", "127.0.0.1", "--dir", self.folder,
                 "--save", "", "--appendonly", "yes", "--appendfsync", "always",
                 "--auto-aof-rewrite-percentage", "0"]
        self.processes.append(begin(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        self.pids = [self.processes[0].pid]

    def leads(self, i):
        return resp_ask(self.ports[i], "PING").startswith(b"+PONG")
