"""The table and the file of results."""

import json
import os
import platform
import statistics
import subprocess
import time

# What each figure is, with the unit and the number of decimals that mean something.
FIGURES = {
    "unary_cpu_us": ("CPU per unary call, 32 B", "µs", 2),
    "generated_cpu_us": ("CPU per unary call, generated code", "µs", 2),
    "unary_p50_us": ("p50, one call at a time", "µs", 0),
    "unary_p99_us": ("p99, one call at a time", "µs", 0),
    "echo64k_cpu_us": ("CPU per 64 KiB echo", "µs", 1),
    "tls_unary_cpu_us": ("CPU per unary call, TLS", "µs", 2),
    "idle_connection_bytes": ("memory per idle connection", "KiB", 1),
    "idle_connection_tls_bytes": ("memory per idle TLS connection", "KiB", 1),
    "server_stream_mb_per_s": ("server streaming", "MB/s", 0),
    "server_stream_cpu_s_per_gb": ("CPU per streamed GB", "s", 3),
    "spin_neighbour_p50_us": ("p50 beside 400 slow calls", "µs", 0),
    "spin_neighbour_p99_us": ("p99 beside 400 slow calls", "µs", 0),
    "spin_first_byte_us": ("first answer of 400 slow calls", "µs", 0),
    "client_cpu_us_1": ("client's CPU per call, 1 in flight", "µs", 2),
    "client_cpu_us_100": ("client's CPU per call, 100 in flight", "µs", 2),
    "selection_cpu_us": ("client's CPU per call, 5 nodes", "µs", 2),
    "selection_slow_cpu_us": ("the same, one node 10 times slower", "µs", 2),
    "selection_slow_p99_us": ("p99, one of 5 nodes 10 times slower", "µs", 0),
    "overload_goodput_150": ("goodput at 1.5 × the capacity", "%", 0),
    "overload_goodput_300": ("goodput at 3 × the capacity", "%", 0),
    "overload_p99_150": ("p99 of answered calls at 1.5 ×", "ms", 0),
    "overload_p99_300": ("p99 of answered calls at 3 ×", "ms", 0),
    "server_allocations": ("allocations per call, server", "", 2),
    "client_allocations_1": ("allocations, client, 1 in flight", "", 2),
    "client_allocations_100": ("allocations, client, 100 in flight", "", 2),
    "etcd_list_ms": ("etcd: list of 10,000 nodes", "ms", 0),
    "etcd_node_bytes": ("etcd: memory per cached node", "KiB", 2),
    "etcd_seen_p50_ms": ("etcd: new node is seen, p50", "ms", 2),
    "etcd_seen_p99_ms": ("etcd: new node is seen, p99", "ms", 2),
    "nats_publish_128_cpu_us": ("NATS: CPU per message sent, 128 B", "µs", 3),
    "nats_publish_16k_cpu_us": ("NATS: CPU per message sent, 16 KiB", "µs", 2),
    "nats_subscribe_128_cpu_us": ("NATS: CPU per message got, 128 B", "µs", 3),
    "nats_subscribe_16k_cpu_us": ("NATS: CPU per message got, 16 KiB", "µs", 2),
    "nats_request_128_cpu_us": ("NATS: CPU per request, 128 B", "µs", 1),
    "nats_broker_publish_128_cpu_us": ("NATS broker: CPU per event sent", "µs", 2),
    "nats_broker_subscribe_128_cpu_us": ("NATS broker: CPU per event got", "µs", 2),
}

# What we hold ourselves to, as ratios to a peer in the same pass.
LIMITS = {
    ("selection_cpu_us", "roundrobin"): 1.03,
    ("selection_slow_p99_us", "roundrobin"): 1.0,
    ("unary_cpu_us", "nghttpd"): 2.0,
    ("generated_cpu_us", "closures"): 1.1,
    ("unary_p50_us", "nghttpd"): 1.3,
    ("nats_publish_128_cpu_us", "libnats"): 1.0,
    ("nats_publish_16k_cpu_us", "libnats"): 1.0,
    ("nats_subscribe_128_cpu_us", "libnats"): 1.0,
    ("nats_subscribe_16k_cpu_us", "libnats"): 1.0,
    ("nats_request_128_cpu_us", "libnats"): 1.0,
}

OURS = "micro"


def ratio_name(figure, peer):
    """Returns the stable name of a ratio: `unary_cpu_us` to nghttpd is `unary_cpu_ratio_nghttpd`."""
    stem = figure.replace("_us_", "_").removesuffix("_us").removesuffix("_bytes")
    return f"{stem}_ratio_{peer.replace('-', '_')}"


def ratios(values):
    """Returns, for each peer, our value over its value, pass by pass."""
    ours = values.get(OURS, [])
    return {
        peer: [our / their for our, their in zip(ours, theirs) if their > 0]
        for peer, theirs in values.items() if peer != OURS and ours
    }


class Report:
    """Says what happens while it runs, and at the end what came out."""

    def __init__(self):
        self._missing = {}

    def missing(self, name, advice):
        if name not in self._missing:
            self._missing[name] = advice
            print(f"without {name}: {advice}", flush=True)

    def progress(self, name, description):
        print(f"{name}: {description}", flush=True)

    def table(self, figures, passes):
        """Prints a row for each figure of each peer, with its spread and our ratio to it."""
        print(f"\nmedian of {passes} interleaved passes (least to most)\n")
        print(f"{'':37} {'peer':10} {'median':>9}  {'spread':21} ours / peer")
        for figure in FIGURES:
            values = figures.get(figure, {})
            against = ratios(values)
            for index, (peer, measured) in enumerate(values.items()):
                title = ", ".join(filter(None, FIGURES[figure][:2])) if index == 0 else ""
                print(f"{title:37} {peer:10} {self._cells(figure, measured)} "
                      f"{self._ratio(figure, peer, against.get(peer))}".rstrip())

    @staticmethod
    def _cells(figure, measured):
        _, unit, decimals = FIGURES[figure]
        scale = 1024 if unit == "KiB" else 1
        low, middle, high = (
            f"{value / scale:.{decimals}f}"
            for value in (min(measured), statistics.median(measured), max(measured)))
        return f"{middle:>9}  {f'({low} to {high})':21}"

    @staticmethod
    def _ratio(figure, peer, measured):
        if not measured:
            return ""
        middle = statistics.median(measured)
        text = f"{middle:.3g} ({min(measured):.3g} to {max(measured):.3g})"
        limit = LIMITS.get((figure, peer))
        if limit is None:
            return text
        return f"{text}, limit {limit}: {'kept' if middle <= limit else 'EXCEEDED'}"

    def write(self, path, figures, settings):
        """Writes medians under stable names, the spread beside them, and the peers' own figures."""
        result = {"run": _machine(settings), "spread": {}, "peers": {}}
        for figure, values in figures.items():
            for peer, measured in values.items():
                target = result if peer == OURS else result["peers"].setdefault(peer, {"spread": {}})
                _put(target, figure, measured)
            for peer, measured in ratios(values).items():
                # There is no ratio to a peer that has done nothing at all.
                if measured:
                    _put(result, ratio_name(figure, peer), measured)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=2, sort_keys=True)
            file.write("\n")


def _put(target, name, measured):
    target[name] = statistics.median(measured)
    target["spread"][name] = [min(measured), max(measured)]


def _machine(settings):
    commit = subprocess.run(
        ["git", "-C", os.path.dirname(__file__), "rev-parse", "--short", "HEAD"],
        capture_output=True, text=True, check=False).stdout.strip()
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "commit": commit,
        "system": platform.release(), "processor": _processor(), "cores": os.cpu_count(),
        "mode": "quick" if settings.quick else "full", "passes": settings.passes,
        "load_average": os.getloadavg()[0],
    }


def _processor():
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
