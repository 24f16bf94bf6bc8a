"""Clients of a service of five nodes, of which one may be slow, with one selector beside another."""

import contextlib
import subprocess

from . import process
from .report import OURS
from .servers import BUILD_OURS, Program, RunningServer, ours

NODES = 5
DELAY = 1000
SLOWDOWN = 10
IN_FLIGHT = 20

# What takes part: our name stands for the selector that is to win.
SELECTORS = {OURS: "leastloaded", "roundrobin": "roundrobin", "random": "random"}


def programs():
    """Returns our server and client."""
    return dict(ours("echo-server"))[OURS], dict(ours("echo-client"))[OURS]


@contextlib.contextmanager
def fleet(workload, core, has_slow_node):
    """Starts the nodes, and yields their ports."""
    server, _ = programs()
    with contextlib.ExitStack() as stack:
        ports = []
        for number in range(NODES):
            delay = DELAY * SLOWDOWN if has_slow_node and number == 0 else DELAY
            peer = Program("echo-server", [server], BUILD_OURS, ["--delay", str(delay)])
            ports.append(stack.enter_context(RunningServer(peer, workload, core)).port)
        yield ports


class Session:
    """A client with a selector. It ejects no nodes, so that what is measured is the selector's doing."""

    def __init__(self, selector, ports, core):
        _, client = programs()
        addresses = [word for port in ports for word in ("--address", f"127.0.0.1:{port}")]
        self.process = process.start(
            [client, *addresses, "--selector", selector, "--no-ejection"], core,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def calls(self, count):
        """Makes calls; returns the client's CPU seconds and the 99th percentile in microseconds."""
        process.favour(self.process.pid)
        before = process.cpu_seconds(self.process.pid)
        self.process.stdin.write(f"run {count} {IN_FLIGHT} 32\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if words[:2] != ["done", str(count)] or len(words) != 3:
            raise RuntimeError(f"the client did not make {count} calls: {words}")
        return process.cpu_seconds(self.process.pid) - before, int(words[2])

    def close(self):
        self.process.stdin.close()
        process.stop(self.process)
        self.process.stdout.close()
