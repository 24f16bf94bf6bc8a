#!/usr/bin/env python3
"""Measures the framework beside its peers; `make bench` runs it. README.md explains every row."""

import argparse
import os
import shutil
import sys
import tempfile

from harness import allocations, cases, process, report, servers

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = {"h2load": "nghttp2-client", "nghttp": "nghttp2-client", "openssl": "openssl"}


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short pass that checks that everything works")
    parser.add_argument("--case", action="append", choices=list(cases.ALL), help="measure only this; repeatable")
    parser.add_argument("--passes", type=int, help="passes of interleaved rounds (default 5, quick 1)")
    parser.add_argument("--only", help="the peers that take part, with commas between them")
    parser.add_argument(
        "--baseline", metavar="FOLDER", type=os.path.abspath,
        help="the folder Benchmarks of another checkout, in which `make servers` was run: its programs take part as "
        "the peer `before`")
    parser.add_argument("--output", default=os.path.join(HERE, "results", "latest.json"))
    return parser.parse_args()


def main():
    chosen = options()
    for tool, package in TOOLS.items():
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is missing: apt-get install {package}")
    servers.baseline = chosen.baseline
    process.raise_file_limit()
    settings = cases.Settings(chosen.quick, chosen.passes)
    names = chosen.only.split(",") if chosen.only else None
    shown = report.Report()
    cores = process.cores()
    with tempfile.TemporaryDirectory(prefix="micro-bench-") as folder:
        bench = cases.Bench(settings, folder, cores, names, shown)
        # What Python itself sends and receives shares the load generator's core.
        process.place_self(cores[1])
        try:
            for name in chosen.case or cases.ALL:
                shown.progress(name, cases.ALL[name].__doc__)
                cases.ALL[name](bench)
        finally:
            # What was measured before something failed took minutes, too.
            if bench.figures:
                shown.table(bench.figures, settings.passes)
                shown.write(chosen.output, bench.figures, settings)
                print(f"\nwritten to {os.path.relpath(chosen.output)}")
    allocations.check(bench.figures)


if __name__ == "__main__":
    try:
        main()
    except RuntimeError as error:
        sys.exit(f"bench: {error}")
