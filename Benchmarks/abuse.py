#!/usr/bin/env python3
"""Measures what clients that attack a server cost it, and a client beside them; docs/HTTP2.md has the results.

    python3 abuse.py [--connections 10000] [--only NAME] [--port PORT] [COMMAND...]

COMMAND starts a gRPC server of ours (default: .build/release/transport-echo --port PORT).
"""

import argparse
import os
import resource
import socket
import struct
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SECONDS = 3.0


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


class Neighbour(threading.Thread):
    """A client that calls one after the other."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.times, self.stopped, self.failed = port, [], False, None

    def run(self):
        try:
            peer = connect(self.port)
            frames, stream = Frames(peer), 1
            while not self.stopped:
                begin = time.perf_counter()
                peer.sendall(frame(1, 4, stream, BLOCK) + frame(0, 1, stream, MESSAGE))
                while True:
                    got = frames.next()
                    if got is None:
                        raise RuntimeError("the neighbour lost its connection")
                    if got[2] == stream and got[0] in (0, 1) and got[1] & 1:
                        break
                self.times.append(time.perf_counter() - begin)
                stream += 2
                time.sleep(0.001)
        except Exception as error:
            self.failed = error

    def p99(self):
        times = sorted(self.times)
        return times[int(len(times) * 0.99)] * 1e3 if times else float("nan")


def resident(pid):
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def many(function, first=b"", count=20000):
    return first, (function(2 * index + 1) for index in range(count))


def floods():
    reset = struct.pack(">I", 8)
    open_one = frame(1, 4, 1, BLOCK)
    huge = b"\x40\x01a\x7f\xb9\x16" + b"b" * 3000 + b"\xbe" * 12000
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


def attack(port, first, parts):
    """Sends until the server says GOAWAY; returns how many parts it took by then, and the code."""
    peer = connect(port)
    result = {"code": "none", "sent": 0}

    def read():
        frames = Frames(peer)
        try:
            while (got := frames.next()) is not None:
                if got[0] == 7:
                    result["code"] = int.from_bytes(got[3][4:8], "big")
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


def measure(name, port, pid, body):
    neighbour = Neighbour(port)
    neighbour.start()
    base = peak = resident(pid)
    stop = threading.Event()

    def watch():
        nonlocal peak
        while not stop.is_set():
            peak = max(peak, resident(pid))
            time.sleep(0.005)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    what = body()
    stop.set()
    watcher.join()
    neighbour.stopped = True
    neighbour.join(5)
    note = f" {neighbour.failed}" if neighbour.failed else ""
    print(f"| {name} | {what} | {(peak - base) / 1024:.0f} | {neighbour.p99():.1f}{note} |", flush=True)


def repeated(port, make):
    """Attacks again and again, on a new connection each time."""
    def body():
        end, rounds, sent, codes = time.time() + SECONDS, 0, 0, set()
        while time.time() < end:
            result = attack(port, *make())
            rounds += 1
            sent += result["sent"]
            codes.add(str(result["code"]))
        return f"{sent // max(rounds, 1)} | {', '.join(sorted(codes))} | {rounds}"
    return body


def idle(port, count):
    def body():
        peers = []
        for _ in range(count):
            peers.append(connect(port))
        time.sleep(1)
        for peer in peers:
            peer.close()
        return f"{len(peers)} | – | 1"
    return body


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10000)
    parser.add_argument("--port", type=int, default=50077)
    parser.add_argument("--only", help="one of the floods")
    parser.add_argument("command", nargs="*")
    chosen = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    command = chosen.command or [os.path.join(HERE, ".build/release/transport-echo"), "--port", str(chosen.port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                connect(chosen.port).close()
                break
            except OSError:
                time.sleep(0.05)
        print("| client | frames until refused | code | connections | peak memory, KiB | neighbour's p99, ms |")
        print("|---|---|---|---|---|---|")
        measure("nobody", chosen.port, server.pid, lambda: (time.sleep(SECONDS), "– | – | –")[1])
        for name in [name for name, _ in floods() if not chosen.only or name == chosen.only]:
            make = lambda name=name: dict(floods())[name]
            measure(name, chosen.port, server.pid, repeated(chosen.port, make))
        measure("idle", chosen.port, server.pid, idle(chosen.port, chosen.connections))
        if server.poll() is not None:
            sys.exit("abuse: the server ended")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
