"""NATS clients: what a message costs the client's process."""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time

from . import process
from .servers import BUILD, BUILD_OURS, HERE, ours

# Mode, size, and how many messages a full round has.
WORK = [
    ("publish", 128, 1_000_000), ("publish", 16384, 60_000), ("subscribe", 128, 1_000_000),
    ("subscribe", 16384, 60_000), ("request", 128, 10_000),
]
BROKER = [("broker-publish", 128, 200_000), ("broker-subscribe", 128, 200_000)]
LIMIT = 120


class Client:
    """A program that does one round, and prints the CPU seconds that it took."""

    # Whether it has our NATS broker as well.
    speaks_broker = False

    def __init__(self, name, program, advice, scale=1.0):
        self.name = name
        self.program = program
        self.advice = advice
        self.scale = scale

    def missing(self):
        return None if os.access(self.program[-1], os.R_OK) else self.advice

    def command(self, mode, port, count, size):
        return [*self.program, mode, str(port), str(count), str(size)]


class Ours(Client):
    speaks_broker = True

    def command(self, mode, port, count, size):
        return [*self.program, "--mode", mode, "--port", str(port), "--count", str(count), "--size", str(size)]


class Python(Client):
    def missing(self):
        return None if importlib.util.find_spec("nats") else self.advice


LIBNATS = os.path.join(BUILD, "libnats-bench")


def clients():
    """Returns the clients that may take part, ours first."""
    return [
        *(Ours(name, [program], BUILD_OURS) for name, program in ours("nats-bench")),
        Client("libnats", [LIBNATS], "make -C Benchmarks libnats (apt-get install libnats-dev)"),
        # Some fifty times slower: a round of as many messages would take minutes.
        Python("nats-py", [sys.executable, os.path.join(HERE, "Peers", "nats-py", "nats_bench.py")],
               "pip install nats-py", 0.05),
    ]


@contextlib.contextmanager
def server(core):
    """Runs a nats-server, and gives its port."""
    if shutil.which("nats-server") is None and not os.access("/usr/sbin/nats-server", os.X_OK):
        raise RuntimeError("the nats case needs nats-server: apt-get install nats-server")
    program = shutil.which("nats-server") or "/usr/sbin/nats-server"
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    running = process.start(
        [program, "-a", "127.0.0.1", "-p", str(port)], core, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.stop(running)


def _wait_for(port):
    end = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise RuntimeError("nats-server does not listen") from None
            time.sleep(0.02)


@contextlib.contextmanager
def _helper(mode, port, core):
    """Runs a libnats program beside a client: one that answers, for requests."""
    if mode != "request":
        yield
        return
    helper = process.start([LIBNATS, "respond", str(port), "1", "1"], core, stdout=subprocess.PIPE, text=True)
    try:
        helper.stdout.readline()
        yield
    finally:
        process.stop(helper)


def cpu_seconds(client, mode, port, count, size, cores):
    """Runs a client once and returns the CPU seconds of its messages."""
    server_core, load_core = cores
    with _helper(mode, port, server_core):
        running = process.start(
            client.command(mode, port, count, size), load_core, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        feeder = None
        try:
            for line in running.stdout:
                if line.startswith("ready"):
                    sender = _feeder(mode, port, count, size)
                    feeder = process.start(sender, server_core, stdout=subprocess.DEVNULL)
                elif line.startswith("cpu"):
                    running.wait(timeout=LIMIT)
                    return float(line.split()[1])
            raise RuntimeError(f"{client.name} {mode} failed: {running.stderr.read().strip()[-500:]}")
        finally:
            process.stop(running)
            if feeder:
                process.stop(feeder)


def _feeder(mode, port, count, size):
    """What publishes for a subscriber: raw payloads, or events in go-micro's envelope."""
    if mode == "subscribe":
        return [LIBNATS, "feed", str(port), str(count), str(size)]
    return [LIBNATS, "feed-events", str(port), str(count), str(size)]
