"""The cases: what is measured, of whom, and how."""

import contextlib
import time

from . import allocations as counts, clients, connections, etcd, load, nats as nats_clients, overload as overloads, selection, servers, wire
from .report import OURS


class Settings:
    """How long and how often everything is measured."""

    def __init__(self, quick, passes):
        self.quick = quick
        self.passes = passes or (1 if quick else 5)
        self.round_seconds = 0.1 if quick else 1.5
        self.connections = 50 if quick else 1000
        self.bursts = 3 if quick else 40
        self.stream_messages = 256 if quick else 8192


class Bench:
    """One run: the peers that take part, where they run, and what came out."""

    def __init__(self, settings, folder, cores, names, report):
        self.settings = settings
        self.folder = folder
        self.server_core, self.load_core = cores
        self.names = names
        self.report = report
        self.tls = load.TLSFiles(folder)
        self.figures = {}

    def present(self, everyone):
        """Returns those of some peers that take part; tells what to do about those that can't."""
        chosen = []
        for one in everyone:
            if self.names and one.name not in self.names:
                continue
            advice = one.missing()
            if advice is None:
                chosen.append(one)
            elif self.names or one.name == OURS:
                raise RuntimeError(f"{one.name} is missing: {advice}")
            else:
                self.report.missing(one.name, advice)
        return chosen

    def note(self, peer, figure, value):
        """Adds the value of one pass."""
        self.figures.setdefault(figure, {}).setdefault(peer, []).append(value)

    def rounds(self, workload, prepare, measure, everyone=None):
        """Measures each peer once a pass, in turn: A B C A B C ...

        All servers are started and checked first, and each is warmed up by `prepare`, whose result
        `measure` gets.
        """
        chosen = [peer for peer in self.present(everyone or servers.peers()) if peer.can_serve(workload)]
        with contextlib.ExitStack() as stack:
            running = []
            for peer in chosen:
                server = stack.enter_context(servers.RunningServer(peer, workload, self.server_core))
                if workload.method != "spin":
                    load.check_one_call(server)
                running.append((server, prepare(server)))
            for _ in range(self.settings.passes):
                for server, prepared in running:
                    measure(server, prepared)
            for server, _ in running:
                if workload.method != "spin":
                    load.check_one_call(server)

    def calls_per_round(self, server, first):
        """Warms a server up and returns how many calls fill a round."""
        calls = first
        while True:
            outcome = load.h2load(server, calls, self.load_core)
            if outcome.seconds >= self.settings.round_seconds / 5:
                per_round = int(calls * self.settings.round_seconds / outcome.seconds)
                return max(first, min(per_round, 2_000_000))
            calls *= 4


def _echo(bench, size, **how):
    message = wire.payload_message(size)
    return load.Workload(bench.folder, "unary", message, wire.framed(message), **how)


def _cpu_case(bench, workload, figure, everyone=None):
    def measure(server, calls):
        outcome = load.h2load(server, calls, bench.load_core)
        bench.note(server.peer.name, figure, outcome.server_cpu / calls * 1e6)

    first = workload.connections * workload.streams
    bench.rounds(workload, lambda server: bench.calls_per_round(server, first), measure, everyone)


def unary(bench):
    """CPU of a 32-byte echo, 10 connections with 100 streams each."""
    _cpu_case(bench, _echo(bench, 32, connections=10, streams=100), "unary_cpu_us")


def generated(bench):
    """CPU of the 32-byte echo with generated code, beside endpoints written by hand."""
    workload = _echo(bench, 32, connections=10, streams=100)
    _cpu_case(bench, workload, "generated_cpu_us", servers.generated())


def latency(bench):
    """Time of a 32-byte echo, one call after the other."""

    def measure(server, calls):
        outcome = load.h2load(server, calls, bench.load_core, with_latencies=True)
        bench.note(server.peer.name, "unary_p50_us", _percentile(outcome.latencies, 50))
        bench.note(server.peer.name, "unary_p99_us", _percentile(outcome.latencies, 99))

    bench.rounds(_echo(bench, 32), lambda server: bench.calls_per_round(server, 100), measure)


def echo64k(bench):
    """CPU of a 64 KiB echo, 10 connections with 10 streams each."""
    _cpu_case(bench, _echo(bench, 65536, connections=10, streams=10), "echo64k_cpu_us")


def tls(bench):
    """CPU of the 32-byte echo over TLS."""
    workload = _echo(bench, 32, connections=10, streams=100, tls=bench.tls)
    _cpu_case(bench, workload, "tls_unary_cpu_us")


def idle(bench):
    """Memory of a connection that has made one call, plain and TLS; a new server each time."""
    for figure, files in [("idle_connection_bytes", None), ("idle_connection_tls_bytes", bench.tls)]:
        workload = _echo(bench, 32, tls=files)
        chosen = [peer for peer in bench.present(servers.peers()) if peer.can_serve(workload)]
        for _ in range(bench.settings.passes):
            for peer in chosen:
                with servers.RunningServer(peer, workload, bench.server_core) as server:
                    load.check_one_call(server)
                    grown = connections.idle_bytes(server, bench.settings.connections)
                bench.note(peer.name, figure, grown)


def stream(bench):
    """Server streaming of 64 KiB messages, one call at a time."""
    count = bench.settings.stream_messages
    reply = wire.framed(wire.zero_message(65536))
    workload = load.Workload(bench.folder, "stream", wire.numbers_message(count, 65536), reply * count)

    def measure(server, _):
        outcome = load.h2load(server, 4, bench.load_core)
        name = server.peer.name
        bench.note(name, "server_stream_mb_per_s", outcome.data_bytes / outcome.seconds / 1e6)
        bench.note(name, "server_stream_cpu_s_per_gb", outcome.server_cpu / (outcome.data_bytes / 1e9))

    bench.rounds(workload, lambda server: load.h2load(server, 1, bench.load_core), measure)


def spin(bench):
    """Short calls beside 400 calls of 100 µs of computing that arrive at once."""
    neighbour = wire.framed(wire.payload_message(32))
    workload = load.Workload(bench.folder, "spin", wire.numbers_message(100), wire.framed(b""))

    def once(server, bursts):
        return connections.spin_beside_neighbours(server, neighbour, bursts=bursts)

    def measure(server, _):
        latencies, first_bytes = once(server, bench.settings.bursts)
        name = server.peer.name
        bench.note(name, "spin_neighbour_p50_us", _percentile(latencies, 50) * 1e6)
        bench.note(name, "spin_neighbour_p99_us", _percentile(latencies, 99) * 1e6)
        bench.note(name, "spin_first_byte_us", _percentile(first_bytes, 50) * 1e6)

    bench.rounds(workload, lambda server: once(server, 2), measure)


def client(bench):
    """CPU of a client's 32-byte call, one and a hundred in flight, against the C server."""
    workload = _echo(bench, 32)
    echo = servers.RawEcho()
    if echo.missing():
        raise RuntimeError(f"the client case needs rawecho: {echo.missing()}")
    chosen = bench.present(clients.clients())
    with servers.RunningServer(echo, workload, bench.server_core) as server:
        for in_flight in [1, 100]:
            with contextlib.ExitStack() as stack:
                prepared = [_prepared_client(bench, stack, one, server, in_flight) for one in chosen]
                for _ in range(bench.settings.passes):
                    for name, session, calls in prepared:
                        used = session.calls(calls, in_flight)
                        bench.note(name, f"client_cpu_us_{in_flight}", used / calls * 1e6)


def _prepared_client(bench, stack, one, server, in_flight):
    """Starts a client, warms it up, and finds how many calls fill a round."""
    session = one.session(server, bench.load_core)
    stack.callback(session.close)
    calls = 100
    while True:
        begun = time.perf_counter()
        session.calls(calls, in_flight)
        seconds = time.perf_counter() - begun
        # A short round would drown in what the start of h2load costs, which is taken off.
        wanted = max(bench.settings.round_seconds, 0.5)
        if seconds >= wanted / 5:
            return one.name, session, min(max(100, int(calls * wanted / seconds)), 2_000_000)
        calls *= 4


def select(bench):
    """CPU and p99 of calls to five nodes, alike and with one that is 10 times slower, by selector."""
    calls = 400 if bench.settings.quick else 20_000
    for has_slow_node in [False, True]:
        with contextlib.ExitStack() as stack:
            ports = stack.enter_context(
                selection.fleet(_echo(bench, 32), bench.server_core, has_slow_node))
            sessions = {}
            for name, selector in selection.SELECTORS.items():
                sessions[name] = selection.Session(selector, ports, bench.load_core)
                stack.callback(sessions[name].close)
                sessions[name].calls(calls // 4)
            for _ in range(bench.settings.passes):
                for name, session in sessions.items():
                    used, p99 = session.calls(calls)
                    figure = "selection_slow_cpu_us" if has_slow_node else "selection_cpu_us"
                    bench.note(name, figure, used / calls * 1e6)
                    if has_slow_node:
                        bench.note(name, "selection_slow_p99_us", p99)


def overload(bench):
    """Goodput and p99 of a service with up to three times as many calls as it can serve, protected or not."""
    loads = [1.5] if bench.settings.quick else overloads.LOADS
    seconds = 2 if bench.settings.quick else 10
    outcomes = {protection: [] for protection in overloads.PROTECTIONS.values()}
    for load in loads:
        for name, protection in overloads.PROTECTIONS.items():
            outcome = overloads.run(load, protection, seconds, None)
            outcomes[protection].append(outcome)
            if load in [1.5, 3]:
                bench.note(name, f"overload_goodput_{load * 100:g}", outcome["goodput"] * 100)
                if outcome["p99_ms"] >= 0:
                    bench.note(name, f"overload_p99_{load * 100:g}", outcome["p99_ms"])
    if not bench.settings.quick:
        overloads.plot(outcomes)


def etcd_registry(bench):
    """The etcd registry beside etcdctl: list of all nodes, memory for each, and when watchers see a new one."""
    advice = etcd.missing()
    if advice:
        raise RuntimeError(f"the etcd case can't run: {advice}")
    sizes = etcd.Sizes(bench.settings.quick)
    with etcd.Etcd(bench.server_core) as server:
        etcd.fill(server, sizes)
        for _ in range(bench.settings.passes):
            bench.note("etcdctl", "etcd_list_ms", etcd.measure_control_list(server))
            for name, program in servers.ours("etcd-bench"):
                milliseconds, node_bytes = etcd.measure_list(program, server, sizes)
                bench.note(name, "etcd_list_ms", milliseconds)
                bench.note(name, "etcd_node_bytes", node_bytes)
                p50, p99, their_p50, their_p99 = etcd.measure_watch(program, server, sizes)
                bench.note(name, "etcd_seen_p50_ms", p50)
                bench.note(name, "etcd_seen_p99_ms", p99)
                if name == OURS:
                    bench.note("etcdctl", "etcd_seen_p50_ms", their_p50)
                    bench.note("etcdctl", "etcd_seen_p99_ms", their_p99)


def nats(bench):
    """CPU of a NATS client for each message that it publishes, receives, or sends as a request."""
    chosen = bench.present(nats_clients.clients())
    names = {client.name for client in chosen}
    if "libnats" not in names:
        raise RuntimeError("the nats case needs libnats' program, which also feeds the others: make -C Benchmarks libnats")
    cores = (bench.server_core, bench.load_core)
    with nats_clients.server(bench.server_core) as port:
        for mode, size, count in nats_clients.WORK + nats_clients.BROKER:
            figure = f"nats_{mode.replace('-', '_')}_{'16k' if size > 1024 else size}_cpu_us"
            for _ in range(bench.settings.passes):
                for client in chosen:
                    if mode.startswith("broker") and not client.speaks_broker:
                        continue
                    messages = max(100, int(count * client.scale * (0.01 if bench.settings.quick else 1)))
                    used = nats_clients.cpu_seconds(client, mode, port, messages, size, cores)
                    bench.note(client.name, figure, used / messages * 1e6)


def allocations(bench):
    """Allocations of our server and client for a 32-byte call; more than allowed fail the run."""
    for advice in [counts.missing(), servers.RawEcho().missing()]:
        if advice:
            raise RuntimeError(f"the allocations case can't run: {advice}")
    server_load, client_load = _echo(bench, 32, connections=1, streams=100), _echo(bench, 32)
    for name, count in counts.of_servers(bench, server_load):
        bench.note(name, "server_allocations", count)
    for in_flight in [1, 100]:
        for name, count in counts.of_clients(bench, client_load, clients.LineClient, in_flight):
            bench.note(name, f"client_allocations_{in_flight}", count)


def _percentile(ordered, percent):
    if not ordered:
        raise RuntimeError("nothing was measured")
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


ALL = {
    "unary": unary, "generated": generated, "latency": latency, "echo64k": echo64k, "tls": tls, "idle": idle, "stream": stream,
    "spin": spin, "client": client, "select": select, "overload": overload, "allocations": allocations, "etcd": etcd_registry, "nats": nats,
}
