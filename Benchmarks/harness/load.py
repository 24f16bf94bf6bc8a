"""What is asked of the servers, and h2load that asks it."""

import os
import re
import subprocess
import tempfile

from . import process, wire

METHODS = {"unary": "Unary", "stream": "ServerStream", "spin": "Spin"}


class TLSFiles:
    """A certificate for this run."""

    def __init__(self, folder):
        self.certificate = os.path.join(folder, "cert.pem")
        self.key = os.path.join(folder, "key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
             "-keyout", self.key, "-out", self.certificate],
            check=True, capture_output=True)


class Workload:
    """Calls of one kind: what is sent, what must come back, and how many at once."""

    def __init__(self, folder, method, request, reply, connections=1, streams=1, tls=None):
        self.method = method
        self.path = f"/echo.Echo/{METHODS[method]}"
        self.request = wire.framed(request)
        self.reply = reply
        self.connections = connections
        self.streams = streams
        self.tls = tls
        self._folder = tempfile.mkdtemp(dir=folder)
        self.request_file = os.path.join(self._folder, "request")
        with open(self.request_file, "wb") as file:
            file.write(self.request)

    def documents(self):
        """Returns a folder in which a file server finds the answer under the call's path."""
        path = os.path.join(self._folder, self.path[1:])
        if not os.path.exists(path):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(self.reply)
        return self._folder

    def url(self, server):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{server.port}{self.path}"

    def header_options(self):
        return [option for name, value in wire.METADATA for option in ("-H", f"{name}: {value}")]


class Outcome:
    """What one run of h2load did."""

    def __init__(self, calls, seconds, data_bytes, server_cpu, load_cpu, latencies):
        self.calls = calls
        self.seconds = seconds
        self.data_bytes = data_bytes
        self.server_cpu = server_cpu
        self.load_cpu = load_cpu
        self.latencies = latencies


_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def h2load(server, calls, core, with_latencies=False):
    """Makes calls and checks that every one of them was answered in full.

    Raises an error if a call failed, had another status than 2xx, or if the answers together had
    another number of bytes than they must: a server that answers wrongly must not look fast.
    """
    workload = server.workload
    clients = min(workload.connections, calls)
    command = ["h2load", "-n", str(calls), "-c", str(clients), "-m", str(workload.streams),
               "-d", workload.request_file, *workload.header_options(), workload.url(server)]
    with tempfile.NamedTemporaryFile(mode="r", encoding="ascii") as log:
        if with_latencies:
            command[1:1] = ["--log-file", log.name]
        process.favour(server.pid)
        before = process.cpu_seconds(server.pid)
        output, load_cpu = process.run(command, core, timeout=300)
        server_cpu = process.cpu_seconds(server.pid) - before
        latencies = sorted(int(line.split("\t")[2]) for line in log) if with_latencies else []
    succeeded = _number(r"(\d+) succeeded", output)
    good = _number(r"status codes: (\d+) 2xx", output)
    data = _number(r"\((\d+)\) data", output)
    expected = calls * len(workload.reply)
    if (succeeded, good, data) != (calls, calls, expected):
        raise RuntimeError(
            f"{server.peer.name} answered wrongly: of {calls} calls {succeeded} succeeded and {good} have a "
            f"status of 2xx, with {data} bytes of messages in place of {expected}")
    value, unit = re.search(r"finished in ([\d.]+)(us|ms|s|m),", output).groups()
    return Outcome(calls, float(value) * _UNITS[unit], data, server_cpu, load_cpu, latencies)


def _number(pattern, output):
    match = re.search(pattern, output)
    return int(match.group(1)) if match else 0


def check_one_call(server):
    """Makes one call with nghttp and compares the answer's bytes and its gRPC status."""
    workload = server.workload
    command = ["nghttp", "--no-dep", "-w", "30", "-W", "30", "-d", workload.request_file,
               *workload.header_options(), workload.url(server)]
    answer = subprocess.run(command, capture_output=True, timeout=60, check=False)
    if answer.stdout != workload.reply:
        raise RuntimeError(
            f"{server.peer.name} answers {workload.path} with {len(answer.stdout)} bytes that are not the "
            f"{len(workload.reply)} expected: {answer.stdout[:64].hex()} {answer.stderr[-300:].decode()}")
    shown = subprocess.run([*command, "-v", "-n"], capture_output=True, timeout=60, check=False).stdout
    plain = re.sub(rb"\x1b\[[\d;]*m", b"", shown)
    if re.search(rb"grpc-status: 0\s", plain) is None:
        raise RuntimeError(f"{server.peer.name} ends {workload.path} without grpc-status: 0")
