"""P12: the cdf of z on 1,000 points to 1e-10, against PaCal, in one run on one core, in CPU seconds.

    python tests/benchmarks/laws.py PYTHON

PYTHON is the interpreter of an environment with PaCal 1.6.1, numpy 1.23.5, scipy 1.10.1 and sympy 1.11.1,
which cannot share this one. Without it the law alone is timed, and the output says so. Both sides build the
law and evaluate it at the same points; the largest difference is printed beside the bound that varprop
states. Ours is the median of forty runs, half of them before PaCal's and half after, each with everything
built anew; PaCal runs once per row, in a fresh process, its import not counted.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median

import numpy as np

import varprop as vp

GOAL = 1000
RUNS = 20
POINTS = 1000
LIMIT = 300.0
CASES = {
    "N x N": ("Normal()", "NormalDistr()", (1, 2, 3)),
    "N x U(0,1)": ("Uniform(0, 1)", "UniformDistr(0, 1)", (1, 2, 3)),
    "N x relu(N)": ("relu(Normal())", "max(NormalDistr(), ConstDistr(0))", (1, 2)),
    "N x N(1,1)": ("Normal(mean=1)", "NormalDistr(1, 1)", (1, 2, 3)),
}

RIVAL = """
import json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from pacal import ConstDistr, NormalDistr, UniformDistr, max
x = np.array(json.load(sys.stdin))
if {n}:
    z = NormalDistr() * {other}
    for _ in range({n} - 1):
        z = z + NormalDistr() * {other}
    print("RESULT", json.dumps([float(v) for v in z.cdf(x)]))
else:
    print("RESULT []")
"""


def ours(inputs: str, n: int, x: np.ndarray) -> tuple[list[float], object]:
    """Seconds to build the law and evaluate it, run by run, and what it found."""
    times, found = [], None
    for _ in range(RUNS):
        start = time.process_time()
        found = vp.law(vp.dot(weights="Normal()", inputs=inputs, fan_in=n)).cdf(x)
        times.append(time.process_time() - start)
    return times, found


def theirs(python: str, other: str, n: int, x: np.ndarray) -> tuple[float, np.ndarray] | str:
    """CPU seconds of a PaCal process and of those it starts, and its values; or why there are none."""
    code = RIVAL.format(other=other, n=n)
    before = os.times()
    try:
        run = subprocess.run(
            [python, "-c", code],
            input=json.dumps(x.tolist()),
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"more than {LIMIT:.0f} s"
    after = os.times()
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    if not lines:
        return "failed: " + (run.stderr.strip().splitlines() or ["no output"])[-1]
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, np.array(json.loads(lines[0].removeprefix("RESULT ")))


def main() -> None:
    """Print the table."""
    python = sys.argv[1] if len(sys.argv) > 1 else ""
    print(f"P12: cdf of z = sum of n terms on {POINTS} points to 1e-10, ratio to PaCal, goal >= {GOAL}")
    if not python:
        print("PaCal: no interpreter given, so only varprop is timed")
    start = theirs(python, "0", 0, np.zeros(1)) if python else "none"
    if python and isinstance(start, str):
        print(f"PaCal does not run here ({start}), so only varprop is timed")
        python = ""
    imports = start[0] if not isinstance(start, str) else 0.0
    print(f"{'case':<12}{'n':>18}{'varprop s':>11}{'bound':>9}{'PaCal s':>10}{'differ':>9}{'ratio':>9}  goal")
    vp.law(vp.dot(weights="Normal()", inputs="Uniform(0, 1)", fan_in=2)).cdf(0.5)  # imports
    missed = 0
    for name, (inputs, other, sizes) in CASES.items():
        for n in sizes:
            std = vp.law(vp.dot(weights="Normal()", inputs=inputs, fan_in=n)).std
            x = np.linspace(-4 * std, 4 * std, POINTS)
            times, found = ours(inputs, n, x)
            rival = theirs(python, other, n, x) if python and other else "not run"
            times += ours(inputs, n, x)[0]
            seconds = median(times)
            row = f"{name:<12}{n:>18,}{seconds:>11.4f}{found.error.max():>9.0e}"
            if isinstance(rival, str):
                print(f"{row}  {rival}", flush=True)
                continue
            differ = float(np.abs(np.asarray(found) - rival[1]).max())
            ratio = (rival[0] - imports) / seconds
            missed += ratio < GOAL
            said = f">= {GOAL}: {'reached' if ratio >= GOAL else 'missed'}"
            print(f"{row}{rival[0] - imports:>10.2f}{differ:>9.0e}{ratio:>9.0f}  {said}", flush=True)
    for n in (10**3, 10**6, 10**9, 10**12):
        x = np.linspace(-4, 4, POINTS) * np.sqrt(n / 3)
        times, found = ours("Uniform(0, 1)", n, x)
        row = f"{'N x U(0,1)':<12}{n:>18,}{median(times):>11.4f}{found.error.max():>9.0e}"
        print(f"{row}  not possible for PaCal")
    if python:
        print(f"rows that miss the goal: {missed}")


if __name__ == "__main__":
    main()
