"""P9: the law of a net's squared norm against brute force in torch, and its cost at any width.

    python tests/benchmarks/finite_width.py --torch PYTHON [--runs N]

PYTHON is an interpreter of an environment with torch==2.13.0. Times are CPU seconds of one thread: the
rival draws every weight of a He ReLU net of depth 100 and width 1000 in float32, `varprop` samples the same
squared norm. With --runs, samples of both are compared by N Kolmogorov-Smirnov tests and by counts of dead
nets, for nets that are small enough to be drawn often.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from statistics import median

import numpy as np
from scipy import stats

import varprop as vp

DEPTH, WIDTH, SAMPLES = 100, 1000, 2000
RIVAL = """
import json, math, sys, time
import torch
torch.set_num_threads(1)
torch.manual_seed(1)
depth, width, count = map(int, sys.argv[1:])
w = torch.empty(width, width)
def one():
    h = torch.ones(width)
    for _ in range(depth):
        w.normal_(0.0, math.sqrt(2 / width))
        h = torch.relu(torch.mv(w, h))
    return float(h.square().mean())
one()
times = []
for _ in range(count):
    start = time.process_time()
    one()
    times.append(time.process_time() - start)
print(json.dumps([torch.__version__, times]))
"""


def rival(python: str, depth: int, width: int, count: int) -> tuple[str, float]:
    """Return the version of torch and its median CPU seconds for one net."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    command = [python, "-c", RIVAL, str(depth), str(width), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise SystemExit(f"{python} cannot run the rival: {last}. Give --torch an environment with torch.")
    version, times = json.loads(done.stdout)
    return version, median(times)


def ours(widths: tuple[int, ...], depth: int, repeats: int = 61) -> list[float]:
    """Return the median CPU seconds per sample for each width, measured in turns."""
    laws = [vp.norm_law(width, depth=depth) for width in widths]
    times: list[list[float]] = [[] for _ in laws]
    for seed in range(repeats + 1):
        for law, taken in zip(laws, times, strict=True):
            start = time.process_time()
            law.sample_log(SAMPLES, seed=seed)
            taken.append(time.process_time() - start)
    return [median(taken[1:]) / SAMPLES for taken in times]


def drawn(rng: np.random.Generator, depth: int, width: int, count: int) -> np.ndarray:
    """Return the squared norms per unit of nets with all their weights drawn."""
    h = np.ones((count, width))
    for _ in range(depth):
        w = rng.standard_normal((count, width, width))
        h = np.maximum(np.einsum("sji,si->sj", w, h), 0) * math.sqrt(2 / width)
    return np.asarray(np.mean(h**2, axis=1))


def compare(runs: int) -> None:
    """Print the share of small p-values of many tests, and the atoms at zero."""
    print(f"\n{'net':<16}{'p < 0.05':>10}{'uniform p':>11}{'dead, drawn':>13}{'formula':>10}{'sampled':>10}")
    for depth, width, count in ((1, 4, 2000), (3, 5, 1000), (3, 8, 1000), (5, 10, 500)):
        rng = np.random.default_rng(depth * width)
        law = vp.norm_law(width, depth=depth)
        p_values, dead, sampled = [], 0, 0
        for run in range(runs):
            slow, fast = drawn(rng, depth, width, count), law.sample(count, seed=run)
            dead, sampled = dead + int(np.sum(slow == 0)), sampled + int(np.sum(fast == 0))
            p_values.append(stats.ks_2samp(slow[slow > 0], fast[fast > 0]).pvalue)
        share = np.mean(np.array(p_values) < 0.05)
        uniform = stats.kstest(p_values, "uniform").pvalue
        total = runs * count
        print(
            f"{f'{depth} x {width}':<16}{share:>10.3f}{uniform:>11.3f}{dead / total:>13.5f}"
            f"{float(law.dead_probability):>10.5f}{sampled / total:>10.5f}"
        )


def main() -> int:
    """Print the table; the exit code is 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", default=sys.executable, metavar="PYTHON", help="with torch==2.13.0")
    parser.add_argument("--runs", type=int, default=0, help="Kolmogorov-Smirnov tests against brute force")
    arguments = parser.parse_args()
    version, theirs = rival(arguments.torch, DEPTH, WIDTH, 5)
    narrow, wide = ours((10**3, 10**9), DEPTH)
    ratio, growth = theirs / narrow, wide / narrow
    print(f"{'goal':<44} {'wanted':<12} {'ok':<4} reached")
    rows = [
        (f"P9 depth {DEPTH}, width {WIDTH}, torch {version}", ">= 60,000 x", ratio >= 60_000,
         f"{ratio:,.0f} x ({1e3 * theirs:.0f} ms / {1e6 * narrow:.2f} us per sample)"),
        ("P9 width 1e9 over width 1e3", "<= 1.5", growth <= 1.5,
         f"{growth:.2f} ({1e6 * wide:.2f} us / {1e6 * narrow:.2f} us per sample)"),
    ]  # fmt: skip
    for goal, wanted, ok, reached in rows:
        print(f"{goal:<44} {wanted:<12} {'yes' if ok else 'NO':<4} {reached}")
    if arguments.runs:
        compare(arguments.runs)
    return 0 if all(row[2] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
