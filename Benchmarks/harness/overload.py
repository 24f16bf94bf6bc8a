"""A service with more calls than it can serve, with its protection against overload and without."""

import json
import os
import subprocess

from . import process
from .report import OURS
from .servers import BUILD, BUILD_OURS, HERE

LOADS = [0.5, 0.75, 1, 1.25, 1.5, 2, 2.5, 3]

# What takes part: our name stands for the default.
PROTECTIONS = {OURS: "adaptive", "unprotected": "off"}

PLOT = os.path.join(HERE, "plots", "overload.svg")


def run(load, protection, seconds, core):
    """Makes calls for some seconds, and returns what came of those of the second half."""
    program = os.path.join(BUILD, "release", "overload-bench")
    if not os.path.exists(program):
        raise RuntimeError(f"overload-bench is missing: {BUILD_OURS}")
    child = process.start(
        [program, "--load", str(load), "--protection", protection, "--seconds", str(seconds)], core,
        stdout=subprocess.PIPE, text=True)
    line, _ = child.communicate(timeout=seconds * 10 + 60)
    outcome = json.loads(line)
    if outcome["failed"]:
        raise RuntimeError(f"calls have failed: {outcome}")
    return outcome


def plot(outcomes, path=PLOT):
    """Draws goodput and p99 by load; `outcomes` has a list of those of `run` for each protection."""
    panels = [
        ("goodput, of what can be served", "goodput", 1.25, [0, 0.25, 0.5, 0.75, 1]),
        ("p99 of answered calls, ms", "p99_ms", 1000, [0, 250, 500, 750, 1000]),
    ]
    colours = {"adaptive": "#0b6e4f", "off": "#c1292e"}
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="760" height="300" font-family="sans-serif" font-size="12">',
        '<rect width="760" height="300" fill="white"/>',
    ]
    for number, (title, key, top, ticks) in enumerate(panels):
        left, low, width, height = 60 + 380 * number, 250, 290, 200

        def x(load):
            return round(left + width * (load - 0.5) / 2.5, 1)

        def y(value):
            return round(low - height * min(value, top) / top, 1)

        parts.append(f'<text x="{left}" y="30" font-weight="bold">{title}</text>')
        for tick in ticks:
            parts.append(f'<line x1="{left}" x2="{left + width}" y1="{y(tick)}" y2="{y(tick)}" stroke="#ddd"/>')
            parts.append(f'<text x="{left - 8}" y="{y(tick) + 4}" text-anchor="end">{tick:g}</text>')
        for load in [0.5, 1, 1.5, 2, 2.5, 3]:
            parts.append(f'<text x="{x(load)}" y="{low + 18}" text-anchor="middle">{load:g}×</text>')
        for protection, points in outcomes.items():
            # Where nobody was answered there is no latency.
            points = [point for point in points if point[key] >= 0]
            line = " ".join(f"{x(point['load'])},{y(point[key])}" for point in points)
            parts.append(
                f'<polyline points="{line}" fill="none" stroke="{colours[protection]}" stroke-width="2"/>')
    for number, (protection, name) in enumerate([("adaptive", "by default"), ("off", "MICRO_SERVER_OVERLOAD=off")]):
        left = 60 + 200 * number
        parts.append(f'<rect x="{left}" y="284" width="12" height="4" fill="{colours[protection]}"/>')
        parts.append(f'<text x="{left + 18}" y="290">{name}</text>')
    parts.append('<text x="700" y="290" text-anchor="end">calls made, of what can be served</text></svg>')
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("\n".join(parts) + "\n")
