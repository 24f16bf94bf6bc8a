"""The etcd registry beside etcd's own client, in one run with one etcd."""

import os
import re
import shutil
import subprocess
import tempfile
import threading
import time

from . import process, servers

PREFIX = "/micro/registry/"
SERVICE = PREFIX + "bench.service.0/"


class Sizes:
    """How much there is to do."""

    def __init__(self, quick):
        self.services = 20 if quick else 1000
        self.nodes = 2 if quick else 10
        self.watchers = 5 if quick else 100
        self.adds = 5 if quick else 200


def missing():
    """Returns what to do so that the case can run, or `None`."""
    for tool, package in [("etcd", "etcd-server"), ("etcdctl", "etcd-client")]:
        if shutil.which(tool) is None:
            return f"apt-get install {package}"
    built = all(os.access(program, os.X_OK) for _, program in servers.ours("etcd-bench"))
    return None if built else servers.BUILD_OURS


class Etcd:
    """An etcd with data of its own, on a free port."""

    def __init__(self, core):
        self.folder = tempfile.mkdtemp(prefix="micro-bench-etcd-")
        self.address = f"127.0.0.1:{servers._free_port()}"
        peer = f"http://127.0.0.1:{servers._free_port()}"
        url = f"http://{self.address}"
        self.process = process.start(
            ["etcd", "--data-dir", self.folder, "--listen-client-urls", url, "--advertise-client-urls", url,
             "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster",
             f"default={peer}", "--logger", "zap", "--log-level", "error"],
            core, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        process.stop(self.process)
        shutil.rmtree(self.folder, ignore_errors=True)

    def control(self, *arguments):
        return ["etcdctl", "--endpoints", self.address, *arguments]

    def _wait(self):
        for _ in range(200):
            if self.process.poll() is not None:
                raise RuntimeError("etcd ended at its start")
            if subprocess.run(self.control("endpoint", "health"), capture_output=True, check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("etcd does not answer")


def _ours(program, server, command, *arguments):
    """Runs one of our programs and returns the numbers of its line."""
    line = [program, command, "--address", server.address, *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"etcd-bench {command}: {done.stderr.strip()[-500:]}")
    return [float(word) for word in done.stdout.split()[1:]]


class ControlWatch:
    """`etcdctl watch`, and when it has shown each node that was added."""

    def __init__(self, server):
        self.latencies = []
        # Without a pseudo-terminal etcdctl writes each event at once all the same: it doesn't buffer.
        self.process = subprocess.Popen(
            server.control("watch", "--prefix", SERVICE), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            seen = time.time_ns()
            found = re.search(rb'"sent":"([0-9]+)"', line)
            if found:
                self.latencies.append((seen - int(found.group(1))) / 1e6)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()
        return sorted(self.latencies)


def measure_control_list(server):
    """Returns etcdctl's time for all nodes, in ms."""
    begun = time.perf_counter()
    subprocess.run(server.control("get", "--prefix", PREFIX), stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begun) * 1e3


def measure_list(path, server, sizes):
    """Returns our time for all nodes, in ms, and our memory for a node."""
    return _ours(path, server, "list", "--expect", sizes.services * sizes.nodes)


def measure_watch(path, server, sizes):
    """Returns how late our watchers and etcdctl see added nodes, in ms: ours p50 and p99, theirs p50 and p99."""
    program = subprocess.Popen(
        [path, "watch", "--address", server.address, "--watchers", str(sizes.watchers), "--adds", str(sizes.adds)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if program.stdout.readline().strip() != "ready":
        raise RuntimeError("etcd-bench watch ended at its start")
    control = ControlWatch(server)
    time.sleep(0.5)
    output, _ = program.communicate("go\n", timeout=120)
    theirs = control.stop()
    words = output.split()
    if program.returncode != 0 or int(words[1]) != sizes.watchers * sizes.adds:
        raise RuntimeError(f"not every watcher saw every node: {output}")
    if len(theirs) != sizes.adds:
        raise RuntimeError(f"etcdctl saw {len(theirs)} of {sizes.adds} nodes")
    middle, late = theirs[len(theirs) // 2], theirs[len(theirs) * 99 // 100]
    return float(words[2]), float(words[3]), middle, late


def fill(server, sizes):
    """Registers all nodes."""
    _ours(servers.ours("etcd-bench")[0][1], server, "fill", "--services", sizes.services, "--nodes", sizes.nodes)
