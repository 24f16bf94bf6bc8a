"""The clients that are measured against the C server, and how each is driven."""

import importlib.util
import os
import subprocess
import sys

from . import load, process
from .servers import BUILD, BUILD_OURS, HERE, ours


class H2LoadClient:
    """The load generator itself: what a client costs that has no framework."""

    name = "h2load"

    def missing(self):
        return None

    def session(self, server, core):
        return _H2LoadSession(server, core)


class _H2LoadSession:
    def __init__(self, server, core):
        self.server = server
        self.core = core

    def calls(self, count, in_flight):
        """Makes calls and returns the client's CPU seconds, less what its start costs."""
        self.server.workload.streams = in_flight
        started = load.h2load(self.server, 1, self.core).load_cpu
        return load.h2load(self.server, count, self.core).load_cpu - started

    def close(self):
        pass


class LineClient:
    """A program that makes calls when a line asks for them.

    It takes `--address HOST:PORT`, reads lines `run CALLS IN_FLIGHT BYTES`, and answers each with
    `done CALLS` once every call was answered with the bytes that it sent, or with anything else.
    """

    def __init__(self, name, command, advice):
        self.name = name
        self.command = command
        self.advice = advice

    def missing(self):
        return None if os.access(self.command[-1], os.R_OK) else self.advice

    def session(self, server, core):
        return _LineSession(self, server, core)


class TransportClient(LineClient):
    def __init__(self):
        program = os.path.join(BUILD, "release", "transport-echo")
        super().__init__("transport", [program], BUILD_OURS)

    def session(self, server, core):
        return _LineSession(self, server, core, ["call"])


class GRPCIOClient(LineClient):
    def __init__(self):
        script = os.path.join(HERE, "Peers", "grpcio", "echo_client.py")
        super().__init__("grpcio", [sys.executable, script], "")

    def missing(self):
        return None if importlib.util.find_spec("grpc") else "pip install grpcio"


class _LineSession:
    def __init__(self, client, server, core, arguments=()):
        self.client = client
        self.process = process.start(
            [*client.command, *arguments, "--address", f"127.0.0.1:{server.port}"], core,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def calls(self, count, in_flight):
        """Makes calls and returns the client's CPU seconds."""
        process.favour(self.process.pid)
        before = process.cpu_seconds(self.process.pid)
        self.process.stdin.write(f"run {count} {in_flight} 32\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if answer != f"done {count}":
            raise RuntimeError(f"the client {self.client.name} did not make {count} calls: {answer!r}")
        return process.cpu_seconds(self.process.pid) - before

    def close(self):
        self.process.stdin.close()
        process.stop(self.process)
        self.process.stdout.close()


def clients():
    """Returns every client, ours first, whether it can take part or not."""
    micro = [LineClient(name, [program], BUILD_OURS) for name, program in ours("echo-client")]
    return [*micro, TransportClient(), H2LoadClient(), GRPCIOClient()]
