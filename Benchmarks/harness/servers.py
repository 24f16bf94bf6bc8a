"""The servers that take part, and how each is started."""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time

from . import process
from .report import OURS

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(HERE, ".build")

BUILD_OURS = "make -C Benchmarks servers"

# The peer that is our own programs as another checkout built them, and its folder `Benchmarks`, if there is one.
BEFORE = "before"
baseline = None


def ours(program):
    """Returns our names and programs that take part: this checkout's, and the baseline's if there is one."""
    builds = [(OURS, BUILD)] + ([(BEFORE, os.path.join(baseline, ".build"))] if baseline else [])
    return [(name, os.path.join(build, "release", program)) for name, build in builds]


class Peer:
    """A program that serves the echo service."""

    name = ""
    serves = frozenset({"unary", "stream", "spin"})
    has_tls = True

    def missing(self):
        """Returns what to do so that the peer can take part, or `None`."""
        raise NotImplementedError

    def command(self, port, workload):
        raise NotImplementedError

    def can_serve(self, workload):
        return workload.method in self.serves and (self.has_tls or workload.tls is None)


class Program(Peer):
    """A program that takes `--port`, `--tls-cert` and `--tls-key` and says when it listens."""

    def __init__(self, name, program, advice, flags=()):
        self.name = name
        self.program = program
        self.advice = advice
        self.flags = flags

    def missing(self):
        return None if os.access(self.program[-1], os.R_OK) else self.advice

    def command(self, port, workload):
        tls = ["--tls-cert", workload.tls.certificate, "--tls-key", workload.tls.key] if workload.tls else []
        return [*self.program, "--port", str(port), *self.flags, *tls]


class Transport(Program):
    """Our transport without the engine: what the rest costs is the engine's share."""

    def __init__(self):
        program = os.path.join(BUILD, "release", "transport-echo")
        super().__init__("transport", [program], BUILD_OURS)

    def command(self, port, workload):
        program, *arguments = super().command(port, workload)
        return [program, "serve", *arguments]


class GRPCIO(Program):
    def __init__(self):
        script = os.path.join(HERE, "Peers", "grpcio", "echo_server.py")
        super().__init__("grpcio", [sys.executable, script], "")

    def missing(self):
        return None if importlib.util.find_spec("grpc") else "pip install grpcio"


class RawEcho(Peer):
    name = "rawecho"
    has_tls = False
    program = os.path.join(BUILD, "rawecho")

    def missing(self):
        return None if os.access(self.program, os.X_OK) else "make -C Benchmarks rawecho"

    def command(self, port, workload):
        return [self.program, str(port)]


class NGHTTPD(Peer):
    """nghttp2's own server, with a file of the answer's bytes in place of an echo."""

    name = "nghttpd"
    serves = frozenset({"unary", "stream"})

    def missing(self):
        return None if shutil.which("nghttpd") else "apt-get install nghttp2-server"

    def command(self, port, workload):
        keys = [workload.tls.key, workload.tls.certificate] if workload.tls else ["--no-tls"]
        return ["nghttpd", "--address", "127.0.0.1", "--htdocs", workload.documents(), "--trailer",
                "grpc-status: 0", "--window-bits", "20", "--connection-window-bits", "24", str(port), *keys]


def echo_servers(flags=()):
    """Returns our server, and that of the baseline."""
    return [Program(name, [program], BUILD_OURS, flags) for name, program in ours("echo-server")]


def generated():
    """Returns our server with generated code, and with endpoints written by hand."""
    closures = Program("closures", [os.path.join(BUILD, "release", "echo-server")], BUILD_OURS)
    return [*echo_servers(["--generated"]), closures]


def peers():
    """Returns every peer, ours first, whether it can take part or not."""
    swift = os.path.join(HERE, "Peers", "grpc-swift", ".build", "release", "grpc-swift-echo")
    return [
        *echo_servers(),
        Transport(),
        NGHTTPD(),
        RawEcho(),
        Program("grpc-swift", [swift], "make bench-peers"),
        GRPCIO(),
    ]


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RunningServer:
    """A server process that accepts connections."""

    def __init__(self, peer, workload, core):
        self.peer = peer
        self.workload = workload
        self.port = _free_port()
        self.process = process.start(
            peer.command(self.port, workload), core, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self._wait()

    @property
    def pid(self):
        return self.process.pid

    def _wait(self):
        """Waits until the port accepts; every peer but nghttpd also says so, which nobody needs."""
        for _ in range(600):
            if self.process.poll() is not None:
                error = self.process.stderr.read().decode(errors="replace").strip()
                raise RuntimeError(f"{self.peer.name} ended at its start: {error[-500:]}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"{self.peer.name} does not accept connections")

    def stop(self):
        process.stop(self.process)
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
