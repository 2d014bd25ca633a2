"""Second ways to a number: counted events, averages of samples, enumeration, another formula, `check`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray
from scipy import special

from varprop.evidence.checking import check
from varprop.model.expressions import Expression
from varprop.questions.statements import Finding, Verdict
from varprop.simulation.layout import Design
from varprop.simulation.sampling import Program
from varprop.simulation.streams import Streams

__all__ = ["average", "by_check", "counted", "equal", "same", "within"]

Array: TypeAlias = NDArray[np.float64]
ALPHA, BETA = 1e-6, 1e-3
NUMBERS = 2_000_000
"""Random numbers drawn in one chunk."""


def counted(
    roots: Sequence[Expression],
    event: Callable[..., NDArray[np.bool_]],
    probability: float,
    *,
    samples: int,
    seed: int = 1,
) -> Finding:
    """Count an event among simulated values of expressions, against its probability.

    "disagrees": the probability is outside the limits of Clopper and Pearson at level 1e-6. "agrees":
    one-sided limits at level 1e-3 lie within a factor of the claim, chosen from the expected count.

    Args:
        roots: expressions, simulated together.
        event: of their values.
        probability: what is claimed.
        samples: how many.
        seed: any integer.
    """
    program, streams = Program(roots), Streams(seed)
    chunk = max(1, min(samples, NUMBERS // max(1, program.draws())))
    hits = 0
    for k, start in enumerate(range(0, samples, chunk)):
        size = min(chunk, samples - start)
        values = program.run(streams, chunk=k, blocks=size, design=Design(1))
        hits += int(np.count_nonzero(event(*(value.reshape(-1) for value in values))))
    return counts(hits, samples, probability)


def counts(hits: int, samples: int, probability: float) -> Finding:
    """The finding of so many hits among so many samples."""
    rare = max(1.0, samples * min(probability, 1 - probability))
    factor = 1 + max(0.02, 8 / math.sqrt(rare))
    rarer = min(probability, 1 - probability)
    hits_of_rarer = hits if probability <= 0.5 else samples - hits
    low, high = _limits(hits_of_rarer, samples, ALPHA / 2)
    near_low, near_high = _limits(hits_of_rarer, samples, BETA)
    verdict: Verdict = "inconclusive"
    if not low <= rarer <= high:
        verdict = "disagrees"
    elif rarer / factor <= near_low and near_high <= rarer * factor:
        verdict = "agrees"
    share = hits / samples
    return Finding(
        verdict,
        f"simulation counts {hits:,} of {samples:,}, {share:.4g}; an error by the factor {factor:.3g} "
        "would show",
    )


def _limits(hits: int, samples: int, level: float) -> tuple[float, float]:
    low = float(special.betaincinv(hits, samples - hits + 1, level)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, samples - hits, 1 - level)) if hits < samples else 1.0
    return low, high


def average(values: Array, claim: float, tolerance: float, what: str) -> Finding:
    """The mean of independent values against a claim: t limits at level 1e-6, and a band of a tolerance.

    Args:
        values: independent, of one law.
        claim: their mean, as claimed.
        tolerance: an error as large as this would be noticed.
        what: the values, in words.
    """
    mean, error = float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))
    wide, narrow = -float(special.ndtri(ALPHA / 2)) * error, -float(special.ndtri(BETA)) * error
    verdict: Verdict = "inconclusive"
    if abs(mean - claim) > wide:
        verdict = "disagrees"
    elif abs(mean - claim) + narrow <= tolerance:
        verdict = "agrees"
    return Finding(
        verdict,
        f"the mean over {len(values):,} {what} is {mean:.5g} +- {error:.1g}; an error of {tolerance:.2g} "
        "would show",
    )


def by_check(x: object, budget: float, **settings: Any) -> Finding:
    """What `vp.check` finds."""
    found = check(x, budget=budget, **settings)
    at = ", ".join(f"{name} = {value}" for name, value in found.at.items())
    return Finding(
        found.verdict, f"check{f' at {at}' if at else ''}: {found.resolution}, {found.samples:.3g} samples"
    )


def same(first: float, second: float, bound: float, how: str) -> Finding:
    """Two numbers from two ways, against a bound on their difference."""
    verdict: Verdict = "agrees" if abs(float(first) - float(second)) <= bound else "disagrees"
    return Finding(verdict, f"{how}: {float(second):.6g}, off by {abs(float(first) - float(second)):.1g}")


def equal(first: Any, second: Any, how: str) -> Finding:
    """Two exact numbers."""
    verdict: Verdict = "agrees" if sp.simplify(sp.sympify(first) - sp.sympify(second)) == 0 else "disagrees"
    return Finding(verdict, f"{how}: {second}")


def within(value: float, bound: float, how: str) -> Finding:
    """Whether a value keeps to an upper bound."""
    verdict: Verdict = "agrees" if value <= bound else "disagrees"
    return Finding(verdict, f"{how}: {value:.4g} against {bound:.4g}")
