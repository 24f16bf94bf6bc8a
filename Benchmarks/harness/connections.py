"""Cases that need connections held from Python: idle ones, and a burst beside a neighbour."""

import selectors
import time

from . import process, wire

# 400 calls at once, on as many connections as servers need that allow 100 streams on each.
BURST_CONNECTIONS, BURST_STREAMS = 4, 100


def _block(server):
    workload = server.workload
    scheme = "https" if workload.tls else "http"
    return wire.header_block(workload.path, f"127.0.0.1:{server.port}", scheme)


def _call_once(server, block):
    connection = wire.Connection(server.port, tls=server.workload.tls is not None)
    connection.socket.sendall(wire.request(1, block, server.workload.request))
    connection.finish([1])
    return connection


def idle_bytes(server, count):
    """Returns by how much the server's resident memory grows for each connection.

    Each makes one call first and then stays open. What the first connections cost once (pools, code
    that is paged in) is paid before the first look.
    """
    block = _block(server)
    opened = [_call_once(server, block) for _ in range(10)]
    time.sleep(0.2)
    before = process.resident_bytes(server.pid)
    opened += [_call_once(server, block) for _ in range(count)]
    time.sleep(0.2)
    after = process.resident_bytes(server.pid)
    for connection in opened:
        connection.close()
    return (after - before) / count


class _Neighbour:
    """A connection that makes one short call after the other."""

    def __init__(self, server, request):
        self.connection = wire.Connection(server.port)
        self.block = wire.header_block("/echo.Echo/Unary", f"127.0.0.1:{server.port}")
        self.request = request
        self.stream = -1
        self.begun = 0.0
        self.idle = True

    def call(self):
        self.stream += 2
        self.idle = False
        self.begun = time.perf_counter()
        self.connection.socket.sendall(wire.request(self.stream, self.block, self.request))

    def receive(self):
        """Returns the seconds that the call took if it has ended."""
        if self.stream not in self.connection.receive():
            return None
        self.idle = True
        return time.perf_counter() - self.begun


def spin_beside_neighbours(server, unary_request, bursts, neighbours=4):
    """Sends bursts of slow calls, and measures what short calls of other connections take meanwhile.

    Returns the neighbours' sorted latencies in seconds, and the sorted times from the start of each
    burst to the first byte of an answer to it.
    """
    block = _block(server)
    opened = [wire.Connection(server.port) for _ in range(BURST_CONNECTIONS)]
    beside = [_Neighbour(server, unary_request) for _ in range(neighbours)]
    latencies, first_bytes = [], []
    with selectors.DefaultSelector() as selector:
        for connection in opened:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        for neighbour in beside:
            selector.register(neighbour.connection.socket, selectors.EVENT_READ, neighbour)
        for burst in range(bursts):
            process.favour(server.pid)
            base = 1 + 2 * BURST_STREAMS * burst
            streams = range(base, base + 2 * BURST_STREAMS, 2)
            requests = b"".join(wire.request(stream, block, server.workload.request) for stream in streams)
            latency, first = _one_burst(selector, opened, beside, requests)
            latencies += latency
            first_bytes.append(first)
            time.sleep(0.01)
    for connection in opened + [neighbour.connection for neighbour in beside]:
        connection.close()
    return sorted(latencies), sorted(first_bytes)


def _one_burst(selector, opened, beside, requests):
    left, first, latencies = BURST_STREAMS * len(opened), None, []
    begun = time.perf_counter()
    for connection in opened:
        connection.socket.sendall(requests)
    while left > 0 or not all(neighbour.idle for neighbour in beside):
        for neighbour in beside:
            if neighbour.idle and left > 0:
                neighbour.call()
        ready = selector.select(timeout=10)
        if not ready:
            raise RuntimeError("the server stopped answering in the middle of a burst")
        for key, _ in ready:
            if isinstance(key.data, _Neighbour):
                taken = key.data.receive()
                if taken is not None:
                    latencies.append(taken)
                continue
            ended = len(key.data.receive())
            if ended and first is None:
                first = time.perf_counter() - begun
            left -= ended
    return latencies, first
