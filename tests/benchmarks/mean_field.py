"""P10: 100 layers of the maps of two lengths and their correlation against neural-tangents.

    python tests/benchmarks/mean_field.py --tangents PYTHON [--only NAME ...]

PYTHON is an interpreter of an environment with jax==0.4.30, neural-tangents==0.6.5 and tf2jax==0.3.6. Times
are wall medians of one thread; both sides start from the same two inputs and give both lengths and the
correlation of layer 100. The rival runs in float32, once with plain calls and once jitted (compilation is not
counted, but shown). Closed forms of varprop run as Python and as machine code (compiled=True, its first call
is shown too); the goals are held against the faster of the two. The error of varprop is that of the same
iteration with adaptive quadrature to 1e-13, or with the closed form in 40 digits.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median

import mpmath
import numpy as np

import varprop as vp

DEPTH, REPEATS = 100, 201
Q, R, C = 1.0, 0.6, 0.3
RIVAL = r"""
import json, math, sys, time
import jax
from jax import numpy as np
from neural_tangents import stax
name, weight, bias, depth, first, second, c, jitted = sys.argv[1:]
weight, bias, first, second, c = map(float, (weight, bias, first, second, c))
depth = int(depth)
def gelu(x): return x * (1 + jax.scipy.special.erf(x / math.sqrt(2))) / 2
layers = {
    "relu": stax.Relu, "erf": stax.Erf, "gelu": stax.Gelu, "sin": stax.Sin,
    "tanh": lambda: stax.ElementwiseNumerical(np.tanh, deg=61),
    "silu": lambda: stax.ElementwiseNumerical(jax.nn.silu, deg=61),
    "elu": lambda: stax.ElementwiseNumerical(jax.nn.elu, deg=61),
    "hardtanh": lambda: stax.ElementwiseNumerical(lambda x: np.clip(x, -1, 1), deg=61),
}
w, b = math.sqrt(weight), math.sqrt(bias)
stack = [stax.Dense(1, W_std=1.0, b_std=0.0)]
for _ in range(depth):
    stack += [layers[name](), stax.Dense(1, W_std=w, b_std=b)]
kernel = stax.serial(*stack)[2]
n = 4
x = math.sqrt(first) * np.array([[1.0, 1, 1, 1]])
y = math.sqrt(second) * (c * np.array([[1.0, 1, 1, 1]]) + math.sqrt(1 - c * c) * np.array([[1.0, -1, 1, -1]]))
both = np.concatenate([x, y])
def call(z): return kernel(z, None, "nngp")
run = jax.jit(call) if jitted == "1" else call
start = time.perf_counter()
k = jax.block_until_ready(run(both))
compiled = time.perf_counter() - start
times = []
for _ in range(201 if jitted == "1" else 3):
    start = time.perf_counter()
    k = jax.block_until_ready(run(both))
    times.append(time.perf_counter() - start)
times.sort()
q, r = float(k[0, 0]), float(k[1, 1])
print(json.dumps([times[len(times) // 2], compiled, q, float(k[0, 1]) / math.sqrt(q * r)]))
"""


@dataclass(frozen=True)
class Case:
    """One activation at one place of its phase diagram, and the goals."""

    name: str
    weight: float
    bias: float
    eager: float | None
    jitted: float


CASES = (
    Case("relu", 2.0, 0.0, 50_000, 5),
    Case("erf", 1.5, 0.05, 50_000, 5),
    Case("gelu", 1.9, 0.05, 50_000, 5),
    Case("sin", 1.5, 0.05, 50_000, 5),
    Case("tanh", 2.5, 0.05, None, 2),
    Case("silu", 2.0, 0.1, None, 2),
    Case("elu", 1.3, 0.05, None, 2),
    Case("hardtanh", 2.0, 0.05, None, 2),
)


def rival(python: str, case: Case, jitted: bool) -> tuple[float, float, float, float]:
    """Return seconds of a call, of the first call, and the last length and correlation."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    values = (case.name, case.weight, case.bias, DEPTH, Q, R, C, int(jitted))
    done = subprocess.run(
        [python, "-c", RIVAL, *map(str, values)], capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise SystemExit(f"{python} cannot run the rival: {last}. Give --tangents its environment.")
    seconds, first, q, c = json.loads(done.stdout.strip().splitlines()[-1])
    return seconds, first, q, c


@dataclass(frozen=True)
class Ours:
    """Seconds of a call and of the first, and the last length and correlation."""

    seconds: float
    first: float
    q: float
    c: float


def ours(case: Case, *, compiled: bool) -> Ours:
    """Time the layers of varprop."""
    field = vp.mean_field(case.name, weight_variance=case.weight, bias_variance=case.bias)
    field.iterate(DEPTH, Q, R, C)
    start = time.perf_counter()
    found = field.iterate(DEPTH, Q, R, C, compiled=compiled)
    first = time.perf_counter() - start
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        found = field.iterate(DEPTH, Q, R, C, compiled=compiled)
        times.append(time.perf_counter() - start)
    return Ours(median(times), first, float(found.first[-1]), float(found.correlation[-1]))


def truth(case: Case) -> tuple[float, float]:
    """Return length and correlation of layer 100 by a slower way."""
    from varprop.model import gaussian
    from varprop.model.activations import activation
    from varprop.model.gaussian.pairs import by_quadrature

    phi = activation(case.name)
    q, r, c = Q, R, C
    for _ in range(DEPTH):
        across = c * math.sqrt(q * r)
        pair, _ = by_quadrature(phi, np.zeros((1, 2)), np.array([[[q, across], [across, r]]]))
        both = case.bias + case.weight * float(pair[0])
        q, r = (case.bias + case.weight * float(gaussian.second_moment(phi, 0, math.sqrt(v))) for v in (q, r))
        c = min(both / math.sqrt(q * r), 1.0)
    return q, c


def relu_truth() -> tuple[float, float]:
    """Return the same for ReLU at criticality, in 40 digits."""
    with mpmath.workdps(40):
        c = mpmath.mpf(C)
        for _ in range(DEPTH):
            c = (mpmath.sqrt(1 - c * c) + (mpmath.pi - mpmath.acos(c)) * c) / mpmath.pi
        return Q, float(c)


def main() -> int:
    """Print the table; the exit code is 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tangents", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--only", nargs="*", default=[case.name for case in CASES])
    arguments = parser.parse_args()
    print(f"{'activation':<10}{'ours ms':>9}{'compiled':>9}{'first s':>9}{'error q':>9}{'error c':>9}"
          f"{'eager ms':>10}{'x':>9}{'goal':>8}{'jitted ms':>11}{'x':>7}{'goal':>6}{'first s':>9}"
          f"{'its error q':>12}{'c':>9}")  # fmt: skip
    missed = 0
    for case in CASES:
        if case.name not in arguments.only:
            continue
        runs = [ours(case, compiled=False)]
        if case.eager is not None:
            runs.append(ours(case, compiled=True))
        exact_q, exact_c = relu_truth() if case.name == "relu" else truth(case)
        error_q, error_c = (
            max(abs(run.q / exact_q - 1) for run in runs),
            max(abs(run.c - exact_c) for run in runs),
        )
        seconds = min(run.seconds for run in runs)
        fast, first, their_q, their_c = rival(arguments.tangents, case, jitted=True)
        line = f"{case.name:<10}{1e3 * runs[0].seconds:>9.3f}"
        line += f"{1e3 * seconds:>9.4f}{runs[1].first:>9.1f}" if runs[1:] else f"{'':>18}"
        line += f"{error_q:>9.0e}{error_c:>9.0e}"
        if case.eager is None:
            line += f"{'':>10}{'':>9}{'':>8}"
        else:
            eager = rival(arguments.tangents, case, jitted=False)[0]
            missed += eager < case.eager * seconds
            line += f"{1e3 * eager:>10.0f}{eager / seconds:>9,.0f}{case.eager:>8,.0f}"
        missed += fast < case.jitted * seconds or max(error_q, error_c) > 1e-11
        line += f"{1e3 * fast:>11.3f}{fast / seconds:>7.1f}{case.jitted:>6.0f}{first:>9.1f}"
        print(line + f"{abs(their_q / exact_q - 1):>12.0e}{abs(their_c - exact_c):>9.0e}", flush=True)
    print("every goal is reached" if not missed else f"{missed} goals are missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
