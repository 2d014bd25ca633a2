"""P4 to P7: Monte Carlo of Var(w.x) at equal measured standard error, against NumPy, torch, JAX in one run.

    python tests/benchmarks/monte_carlo.py [--runs 40]

All times are CPU seconds of one thread: set OMP_NUM_THREADS=1 and OPENBLAS_NUM_THREADS=1. Our side is the
whole call of `estimate`, planner and pilot included; its standard error is the spread over seeds. A rival's
time is measured at a size that fits into memory and carried to the same standard error (time ~ samples,
error ~ 1 / sqrt(samples)), which its spread over repeats confirms. All take turns, so that they meet the same
phases of the machine. Rivals not installed are skipped.
"""

from __future__ import annotations

import argparse
import functools
import os
import time
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from scipy.special import chdtri

import varprop as vp

RIVAL_ENTRIES = 4_000_000
FURTHER, MOST_RUNS = 6.0, 400


@dataclass(frozen=True)
class Case:
    """A variance to estimate, and the goals."""

    goal: str
    n: int
    rectified: bool
    error: float
    factor: float
    method: str | None = None

    @property
    def truth(self) -> float:
        return 0.5 if self.rectified else 1.0

    def expression(self) -> vp.Expression:
        inputs = vp.relu(vp.Normal()) if self.rectified else vp.Normal()
        return vp.dot(weights=vp.Normal(variance=f"1/{self.n}"), inputs=inputs, fan_in=self.n)


CASES = (
    Case("P4", 256, False, 0.01, 60),
    Case("P4", 1024, False, 0.01, 100),
    Case("P4", 4096, False, 0.003, 250),
    Case("P5", 1024, True, 0.01, 10),
    Case("P5, signs declared", 1024, True, 0.01, 50, "shared signs"),
    Case("P5, signs declared", 1024, True, 0.01, 50, "sign average"),
    Case("P6", 1, False, 0.0002, 50),
    Case("P6", 2, False, 0.0005, 20),
    Case("P6", 4, False, 0.001, 5),
    Case("P6, planner", 8, False, 0.002, 1),
    Case("P6, planner", 16, False, 0.005, 1),
    Case("P6, planner", 64, False, 0.005, 1),
    Case("P6, planner", 64, True, 0.005, 1),
)


def numpy_line(n: int, samples: int, rectified: bool) -> Callable[[int], float]:
    def run(seed: int) -> float:
        rng = np.random.default_rng(seed)
        w, x = rng.standard_normal((samples, n)) / n**0.5, rng.standard_normal((samples, n))
        return float((w * (np.maximum(x, 0) if rectified else x)).sum(1).var())

    return run


def torch_streamed(n: int, samples: int, rectified: bool) -> Callable[[int], float] | None:
    try:
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    rows = max(1, 2**18 // n)

    def run(seed: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        total = square = 0.0
        for start in range(0, samples, rows):
            count = min(rows, samples - start)
            w = torch.randn(count, n, generator=generator)
            x = torch.randn(count, n, generator=generator)
            z = ((w * (x.relu_() if rectified else x)).sum(1) / n**0.5).double()
            total, square = total + float(z.sum()), square + float(z @ z)
        return square / samples - (total / samples) ** 2

    return run


def jax_scanned(n: int, samples: int, rectified: bool) -> Callable[[int], float] | None:
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        return None
    rows = max(1, 2**18 // n)
    steps = -(-samples // rows)

    def step(carry: Any, key: Any) -> Any:
        first, second = jax.random.split(key)
        w, x = jax.random.normal(first, (rows, n)), jax.random.normal(second, (rows, n))
        z = (w * (jnp.maximum(x, 0) if rectified else x)).sum(1) / n**0.5
        return (carry[0] + z.sum(), carry[1] + (z * z).sum()), None

    @jax.jit
    def whole(key: Any) -> Any:
        (total, square), _ = jax.lax.scan(step, (0.0, 0.0), jax.random.split(key, steps))
        return square / (rows * steps) - (total / (rows * steps)) ** 2

    def run(seed: int) -> float:
        return float(whole(jax.random.key(seed)))

    run(0)
    return run


RIVALS = {"numpy": numpy_line, "torch": torch_streamed, "jax": jax_scanned}


class Timed:
    """A call that is timed again and again: its results, and the CPU seconds of each."""

    def __init__(self, run: Callable[[int], float]) -> None:
        self.run = run
        self.values: list[float] = []
        self.seconds: list[float] = []

    def again(self, times: int) -> None:
        for _ in range(times):
            start = time.process_time()
            self.values.append(self.run(len(self.values)))
            self.seconds.append(time.process_time() - start)

    @property
    def spread(self) -> float:
        return float(np.std(self.values, ddof=1))


def side_by_side(ours: Timed, rivals: Iterable[Timed], runs: int) -> None:
    """All in turn, so that they meet the same phases of the machine.

    The spread of few of our runs is noisy: where they are short there are more of them.
    """
    rounds = max(12, runs // 2)
    ours.again(1)
    most = min(MOST_RUNS, max(runs, round(FURTHER / ours.seconds[0])))
    for _ in range(rounds):
        ours.again(max(1, round(most / rounds)))
        for rival in rivals:
            rival.again(1)


def estimated(quantity: Any, case: Case, found: list[vp.Estimate], seed: int) -> float:
    settings: dict[str, Any] = {"relative_error": case.error, "method": case.method}
    found.append(vp.estimate(quantity, seed=seed, budget=60, **settings))
    return found[-1].value


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1" or os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        print("warning: more than one BLAS thread; set OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1")
    print(f"{arguments.runs} runs; CPU seconds to the measured standard error of ours; ratios over ours")
    print(
        "| goal | law, n | method | error asked / measured | ours | numpy | torch | jax "
        "| goal, reached | memory |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        if arguments.only not in case.goal:
            continue
        quantity = vp.Variance(case.expression())
        found: list[vp.Estimate] = []
        call = functools.partial(estimated, quantity, case, found)
        call(10**6)
        samples = max(1000, RIVAL_ENTRIES // case.n)
        lines = {name: rival(case.n, samples, case.rectified) for name, rival in RIVALS.items()}
        ours, rivals = Timed(call), {name: Timed(line) for name, line in lines.items() if line}
        side_by_side(ours, rivals.values(), arguments.runs)
        seconds, spread = median(ours.seconds), ours.spread
        tracemalloc.start()
        call(1)
        memory = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        cells, ratios = [], {}
        for name in RIVALS:
            if name not in rivals:
                cells.append("not installed")
                continue
            rival = rivals[name]
            repeats = len(rival.values)
            kurtosis = (3 + 15 / case.n if case.rectified else 3 + 6 / case.n) - 1
            exact = case.truth * (kurtosis / samples) ** 0.5  # measured spreads of few runs are noisy
            low, high = (chdtri(repeats - 1, tail) / (repeats - 1) for tail in (1 - 1e-5, 1e-5))
            assert low < (rival.spread / exact) ** 2 < high, (name, rival.spread, exact)
            needed = median(rival.seconds) * (exact / spread) ** 2
            ratios[name] = needed / seconds
            cells.append(f"{needed:.3g} s, {ratios[name]:.3g}x")
        law = f"N x {'R' if case.rectified else 'N'}, {case.n}"
        print(
            f"| {case.goal} | {law} | {found[-1].method} | {case.error:g} / {spread / case.truth:.2g} "
            f"| {seconds:.3g} s | {' | '.join(cells)} | >= {case.factor:g}x, {ratios['numpy']:.3g}x "
            f"| {memory:.1f} MiB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
