#!/usr/bin/env python3
"""Measures what clients that attack a server cost it, and a client beside them; docs/HTTP2.md has the results.

    make servers                       # in this folder: the server, as a release build
    python3 abuse.py --passes 3        # the table of the documentation; about 3 minutes on an idle machine
    python3 abuse.py --seconds 0.5 --connections 500 --only "PING,idle connections"

Each attack has a server of its own, and a pass makes each attack once, in turn. A figure is the median of the
passes, with the least and the most behind it. The program ends with an error if an attack was answered otherwise than it
should be, or a client beside it lost a call.

COMMAND starts another gRPC server of ours; {port} in it stands for the port.
"""

import argparse
import multiprocessing
import os
import resource
import socket
import statistics
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SERVER = os.path.join(HERE, ".build/release/transport-echo")
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CALM = "11"


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def block(path):
    fields = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"),
              ("content-type", "application/grpc"), ("te", "trailers")]
    return b"".join(b"\0" + bytes([len(n)]) + n.encode() + bytes([len(v)]) + v.encode() for n, v in fields)


OPENING = PREFACE + frame(4) + frame(4, 1)
BLOCK = block("/echo.Echo/Unary")
BAD = BLOCK + b"\0\x01A\x01x"
MESSAGE = b"\0\0\0\0\0"


def connect(port):
    peer = socket.create_connection(("127.0.0.1", port))
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    peer.sendall(OPENING)
    return peer


class Frames:
    """Reads frames from a socket."""

    def __init__(self, peer):
        self.peer, self.rest = peer, b""

    def next(self):
        while len(self.rest) < 9 or len(self.rest) < 9 + int.from_bytes(self.rest[:3], "big"):
            got = self.peer.recv(65536)
            if not got:
                return None
            self.rest += got
        length = int.from_bytes(self.rest[:3], "big")
        head, payload, self.rest = self.rest[:9], self.rest[9:9 + length], self.rest[9 + length:]
        return head[3], head[4], int.from_bytes(head[5:9], "big"), payload


def neighbour(port, stop, results):
    """Calls one after the other, in a process of its own; puts the times, or what went wrong, into `results`."""
    times = []
    try:
        peer = connect(port)
        frames, stream = Frames(peer), 1
        while not stop.is_set():
            begin = time.perf_counter()
            peer.sendall(frame(1, 4, stream, BLOCK) + frame(0, 1, stream, MESSAGE))
            while True:
                got = frames.next()
                if got is None:
                    raise RuntimeError("it lost its connection")
                if got[2] == stream and got[0] == 3:
                    raise RuntimeError("its call was reset")
                if got[2] == stream and got[0] in (0, 1) and got[1] & 1:
                    break
            times.append(time.perf_counter() - begin)
            stream += 2
            time.sleep(0.001)
        results.put(times)
    except Exception as error:
        results.put(f"the neighbour failed: {error}")


class Server:
    """A server of our own, with what it has used so far."""

    def __init__(self, command):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = subprocess.Popen(
            [part.format(port=self.port) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(400):
            if self.process.poll() is not None:
                break
            try:
                connect(self.port).close()
                return
            except OSError:
                time.sleep(0.025)
        self.stop()
        sys.exit(f"abuse: {command[0]} does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def forget_peak(self):
        """Makes the kernel note the peak of memory anew."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
            file.write("5")

    def memory(self, name):
        """Returns VmRSS, or the peak VmHWM, in KiB."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name))

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def many(function, first=b"", count=20000):
    return first, (function(2 * index + 1) for index in range(count))


def floods():
    reset = struct.pack(">I", 8)
    open_one = frame(1, 4, 1, BLOCK)
    field = b"\x40\x01a\x7f\xb9\x16" + b"b" * 3000
    huge = field + b"\xbe" * 12000
    call = lambda stream, trailers: frame(1, 4, stream, BLOCK) + frame(0, 0, stream, MESSAGE) + frame(1, 5, stream, trailers)
    yield "PING", many(lambda _: frame(6, payload=b"12345678"))
    yield "SETTINGS", many(lambda _: frame(4))
    yield "WINDOW_UPDATE", many(lambda _: frame(8, payload=b"\0\0\0\1"))
    yield "empty DATA", many(lambda _: frame(0, 0, 1), open_one)
    yield "PRIORITY", many(lambda stream: frame(2, 0, stream, b"\0\0\0\0\1"))
    yield "unknown frames", many(lambda _: frame(250))
    yield "rapid reset", many(lambda stream: frame(1, 4, stream, BLOCK) + frame(3, 0, stream, reset))
    yield "made you reset", many(lambda stream: frame(1, 4, stream, BLOCK) + frame(8, 0, stream, b"\x7f\xff\xff\xff"))
    yield "malformed requests", many(lambda stream: frame(1, 4, stream, BAD))
    yield "CONTINUATION", many(lambda _: frame(9, 0, 1, b"\0\1x\1y"), frame(1, 0, 1, BLOCK))
    yield "HPACK bomb", many(lambda stream: frame(1, 4, stream, huge), count=200)
    yield "HPACK bomb in trailers", many(lambda stream: call(stream, huge), count=200)
    # Of 16 times the allowed length each, which alone makes no bomb.
    yield "long trailers", many(lambda stream: call(stream + 2, b"\xbe" * 70), call(1, field))


def attack(port, first, parts):
    """Sends until the server says GOAWAY; returns how many parts it took by then, and the code."""
    peer = connect(port)
    result = {"code": "none", "sent": 0}

    def read():
        frames = Frames(peer)
        try:
            while (got := frames.next()) is not None:
                if got[0] == 7:
                    result["code"] = str(int.from_bytes(got[3][4:8], "big"))
                    return
        except OSError:
            pass

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        peer.sendall(first)
        for part in parts:
            if result["code"] != "none":
                break
            peer.sendall(part)
            result["sent"] += 1
    except OSError:
        pass
    reader.join(2)
    peer.close()
    return result


def flood(make):
    """Attacks again and again, on a new connection each time."""
    def body(port, seconds):
        end, sent, codes = time.time() + seconds, [], set()
        while time.time() < end:
            result = attack(port, *make())
            sent.append(result["sent"])
            codes.add(result["code"])
        if codes != {CALM}:
            raise RuntimeError(f"the codes are {', '.join(sorted(codes))}")
        return {"sent": sum(sent) / len(sent), "code": CALM, "connections": len(sent)}
    return body


def unfinished(port, seconds):
    """Leaves a hundred messages of 4 MiB without their last byte, on one connection."""
    peer = connect(port)
    size, count, statuses = 4 << 20, 100, {}
    windows = {2 * index + 1: 0 for index in range(count)}
    left = dict.fromkeys(windows, 5 + size - 1)
    opened = {"connection": 65535, "initial": 65535}
    frames, chunk = Frames(peer), b"x" * 16384
    for stream in windows:
        peer.sendall(frame(1, 4, stream, BLOCK))
        windows[stream] = opened["initial"]
    first = {stream: b"\0" + struct.pack(">I", size) for stream in windows}
    peer.settimeout(1)
    while left:
        for stream in list(left):
            while windows[stream] >= 16384 and opened["connection"] >= 16384 and left.get(stream, 0) > 0:
                part = (first.pop(stream, b"") + chunk)[:min(16384, left[stream])]
                peer.sendall(frame(0, 0, stream, part))
                windows[stream] -= len(part)
                opened["connection"] -= len(part)
                left[stream] -= len(part)
            if left[stream] <= 0:
                del left[stream]
        try:
            got = frames.next()
        except TimeoutError:
            break
        if got is None:
            raise RuntimeError("the connection ended")
        kind, flags, stream, payload = got
        if kind == 8:
            number = struct.unpack(">I", payload)[0]
            if stream == 0:
                opened["connection"] += number
            elif stream in windows:
                windows[stream] += number
        elif kind == 4 and not flags & 1:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                if name == 4:
                    for each in windows:
                        windows[each] += value - opened["initial"]
                    opened["initial"] = value
        elif kind in (1, 3) and stream in left:
            statuses[stream] = kind
            del left[stream]
    time.sleep(min(seconds, 1))
    peer.close()
    if not 0 < len(statuses) < count:
        raise RuntimeError(f"{len(statuses)} of {count} calls were refused")
    return {"sent": count - len(statuses), "code": "–", "connections": 1}


def idle(count):
    def body(port, _):
        peers = [connect(port) for _ in range(count)]
        time.sleep(1)
        for peer in peers:
            peer.close()
        return {"sent": None, "code": "–", "connections": len(peers)}
    return body


def attacks(connections):
    def nobody(_, seconds):
        time.sleep(seconds)
        return {"sent": None, "code": "–", "connections": None}
    yield "none", nobody
    for name, _ in floods():
        yield name, flood(lambda name=name: dict(floods())[name])
    yield "unfinished messages", unfinished
    yield "idle connections", idle(connections)


def measure(command, seconds, body):
    """Makes one attack on a server of its own; returns its figures."""
    server = Server(command)
    context = multiprocessing.get_context("fork")
    stop, results = context.Event(), context.SimpleQueue()
    try:
        beside = context.Process(target=neighbour, args=(server.port, stop, results), daemon=True)
        beside.start()
        time.sleep(0.3)
        server.forget_peak()
        base, cpu, begin = server.memory("VmRSS"), server.cpu(), time.time()
        figures = body(server.port, seconds)
        figures["cpu"] = 100 * (server.cpu() - cpu) / (time.time() - begin)
        figures["growth"] = server.memory("VmHWM") - base
        stop.set()
        times = results.get()
        beside.join()
        if isinstance(times, str):
            raise RuntimeError(times)
        figures["p99"] = sorted(times)[int(len(times) * 0.99)] * 1e3
        if server.process.poll() is not None:
            raise RuntimeError("the server ended")
        return figures
    finally:
        stop.set()
        server.stop()


def cell(values, digits=0):
    """The median, with the least and the most if there are several."""
    if values[0] is None:
        return "–"
    text = f"{statistics.median(values):.{digits}f}"
    spread = f" ({min(values):.{digits}f}–{max(values):.{digits}f})"
    return text + spread if len(values) > 1 else text


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0, help="how long each attack goes on")
    parser.add_argument("--connections", type=int, default=10000, help="how many are idle")
    parser.add_argument("--only", help="names of attacks, with commas")
    parser.add_argument("command", nargs="*", metavar="COMMAND")
    chosen = parser.parse_args()
    command = chosen.command or [SERVER, "serve", "--port", "{port}"]
    if not chosen.command and not os.path.exists(SERVER):
        sys.exit(f"abuse: there is no {SERVER}: run \"make servers\" in {HERE}")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    names = chosen.only.split(",") if chosen.only else None
    rows = [(name, body) for name, body in attacks(chosen.connections) if not names or name in names]
    if names and len(rows) != len(names):
        sys.exit(f"abuse: the attacks are {', '.join(name for name, _ in attacks(0))}")
    figures, failures = {name: [] for name, _ in rows}, []
    for number in range(chosen.passes):
        for name, body in rows:
            print(f"pass {number + 1}: {name}", file=sys.stderr, flush=True)
            try:
                figures[name].append(measure(command, chosen.seconds, body))
            except (OSError, RuntimeError) as error:
                failures.append(f"{name}: {error}")
    print(f"| attack | sent until refused | code | connections in {chosen.seconds:g} s | server's CPU, % of a core "
          "| growth of memory at the peak, KiB | neighbour's p99, ms |")
    print("|---|---|---|---|---|---|---|")
    for name, _ in rows:
        if got := figures[name]:
            column = lambda key: [each[key] for each in got]
            print(f"| {name} | {cell(column('sent'))} | {got[0]['code']} | {cell(column('connections'))} "
                  f"| {cell(column('cpu'))} | {cell(column('growth'))} | {cell(column('p99'), 1)} |")
    if failures:
        sys.exit("abuse: " + "; ".join(failures))


if __name__ == "__main__":
    main()
