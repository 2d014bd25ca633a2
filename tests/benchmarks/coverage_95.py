"""P8: how often the 95 % interval of `estimate` holds the truth, at the planner's own size.

    python tests/benchmarks/coverage_95.py [--runs 20000] [--only TEXT ...]

Printed per law: coverage over all runs in percent (goal 94 to 96), its binomial standard deviation, runs
without an interval (an alarm), misses among all runs (goal where moments are missing: at most 6), the mean of
the standard errors over the spread of the estimates, and the method.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

import varprop as vp


@dataclass(frozen=True)
class Law:
    """A variance with its true value."""

    name: str
    weights: str
    inputs: str
    n: int
    truth: float
    finite: bool = True

    def quantity(self) -> Any:
        return vp.Variance(vp.dot(weights=self.weights, inputs=self.inputs, fan_in=self.n))


def laws() -> list[Law]:
    found = []
    for n in (1, 4, 16, 64, 256, 1024):
        normal = f"Normal(variance=1/{n})"
        found += [
            Law(f"N x N, n={n}", normal, "Normal()", n, 1.0),
            Law(f"N x R, n={n}", normal, "Rectified(Normal())", n, 0.5),
            Law(f"N x U(0,1), n={n}", normal, "Uniform(0, 1)", n, 1 / 3),
        ]
    found += [
        Law("U x Laplace, n=9", "Uniform(-1, 1)", "Laplace(variance=1)", 9, 3.0),
        Law("Rademacher x Exp, n=12", "Rademacher()", "Exponential(mean=1)", 12, 24.0),
        Law("N(1,1) x N(1,1), n=32", "Normal(mean=1)", "Normal(mean=1)", 32, 32 * 3.0),
        Law("N x LogNormal(1/2), n=1", "Normal()", "LogNormal(0, 1/4)", 1, float(np.exp(0.5))),
        Law("N x t(5), n=1", "Normal()", "StudentT(dof=5)", 1, 5 / 3, False),
        Law("N x t(5), n=64", "Normal(variance=1/64)", "StudentT(dof=5)", 64, 5 / 3, False),
        Law("N x t(3), n=1", "Normal()", "StudentT(dof=3)", 1, 3.0, False),
        Law("N x t(3), n=16", "Normal(variance=1/16)", "StudentT(dof=3)", 16, 3.0, False),
    ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--only", nargs="*", default=[""])
    arguments = parser.parse_args()
    print(
        f"| law, {arguments.runs} runs | coverage % | no interval % | misses % | error said / true "
        "| method | |"
    )
    print("|---|---|---|---|---|---|---|")
    for law in laws():
        if not any(text in law.name for text in arguments.only):
            continue
        start, quantity = time.process_time(), law.quantity()
        found = [vp.estimate(quantity, seed=seed) for seed in range(arguments.runs)]
        held = np.mean([one.interval[0] <= law.truth <= one.interval[1] for one in found])
        silent = np.mean([not one.alarm for one in found])
        spread = np.std([one.value for one in found])
        said = np.sqrt(np.mean([one.standard_error**2 for one in found])) / spread
        missed = 100 * (1 - held)
        reached = 94 <= 100 * held <= 96 if law.finite else missed <= 6
        error = 100 * float(np.sqrt(held * (1 - held) / arguments.runs))
        print(
            f"| {law.name} | {100 * held:.2f} +- {error:.2f} | {100 * (1 - silent):.1f} | {missed:.2f} "
            f"| {said:.3f} | {found[0].method}, {np.median([one.samples for one in found]):.3g} samples "
            f"| {'reached' if reached else 'MISSED'} ({time.process_time() - start:.0f} s) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
