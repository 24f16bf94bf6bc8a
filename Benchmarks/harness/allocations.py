"""How many allocations our server and client make for a call, by an allocator that counts."""

import os
import struct

from . import load, servers
from .report import OURS

LIBRARY = os.path.join(servers.BUILD, "liballocations.so")

# What a call may cost: less than one allocation more than it does, and counts differ by tenths at most. Whoever adds
# one to the hot path finds it here, and either takes it away again or says in the commit why it is worth it.
LIMITS = {"server_allocations": 24, "client_allocations_1": 47.5, "client_allocations_100": 47.5}

_WARM_UP, _CALLS = 2_000, 10_000


def missing():
    return None if os.access(LIBRARY, os.R_OK) else "make -C Benchmarks allocations"


class Counter:
    """The count of a program that was started with the counting allocator."""

    def __init__(self, folder, name):
        self.path = os.path.join(folder, f"{name}.count")
        with open(self.path, "wb") as file:
            file.write(bytes(8))

    @property
    def prefix(self):
        """What goes before a program in its command line."""
        return ["env", f"LD_PRELOAD={LIBRARY}", f"ALLOCATION_COUNT={self.path}"]

    @property
    def value(self):
        with open(self.path, "rb") as file:
            return struct.unpack("=Q", file.read(8))[0]

    def per_call(self, make_calls):
        """Returns the allocations of a call, without those of a connection's or a client's start."""
        make_calls(_WARM_UP)
        begun = self.value
        make_calls(_WARM_UP)
        between = self.value
        make_calls(_WARM_UP + _CALLS)
        return (self.value - between - (between - begun)) / _CALLS


def of_servers(bench, workload):
    for name, program in servers.ours("echo-server"):
        counter = Counter(bench.folder, f"{name}-server")
        peer = servers.Program(name, [*counter.prefix, program], servers.BUILD_OURS)
        with servers.RunningServer(peer, workload, bench.server_core) as server:
            load.check_one_call(server)
            yield name, counter.per_call(lambda calls: load.h2load(server, calls, bench.load_core))


def of_clients(bench, workload, client, in_flight):
    for name, program in servers.ours("echo-client"):
        counter = Counter(bench.folder, f"{name}-client-{in_flight}")
        with servers.RunningServer(servers.RawEcho(), workload, bench.server_core) as server:
            session = client(name, [*counter.prefix, program], servers.BUILD_OURS).session(server, bench.load_core)
            try:
                yield name, counter.per_call(lambda calls: session.calls(calls, in_flight))
            finally:
                session.close()


def check(figures):
    """Raises an error if a call made more allocations than it may."""
    for figure, limit in LIMITS.items():
        count = max(figures.get(figure, {}).get(OURS, [0]))
        if count > limit:
            raise RuntimeError(
                f"{figure}: {count:.2f} allocations per call, and {limit} are allowed. If the change that brought them "
                "is worth it, raise the limit in Benchmarks/harness/allocations.py and say why.")
