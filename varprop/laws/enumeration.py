"""Sums of discrete terms: binomial where all are alike, else by enumeration, equal sums merged."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.errors import LawError
from varprop.laws.closed import DiscreteLaw, NormalMixture
from varprop.laws.factors import leaf_factor
from varprop.laws.law import Law
from varprop.laws.recognition import Addend
from varprop.laws.terms import Discrete, NormalTerm, Term, WeightedTerm
from varprop.model.distributions import Normal

__all__ = ["discrete_law", "exact_mixture", "sum_of_discrete"]

MOST_SUMS = 2**20
MOST_COMPONENTS = 3000


def discrete_law(addends: list[Addend], offset: float) -> Law | None:
    """Sums of discrete terms: binomial where all are alike, else by enumeration, equal sums merged."""
    terms: list[tuple[int, list[Fraction], list[Fraction]]] = []
    for a in addends:
        values, chances = [_fraction(a.exact)], [Fraction(1)]
        for leaf in a.leaves:
            if isinstance(leaf.variable.distribution, Normal):
                return None
            points = leaf_factor(leaf).points
            if points is None:
                return None
            pairs = list(
                zip(map(Fraction, points[0].tolist()), map(Fraction, points[1].tolist()), strict=True)
            )
            values, chances = (
                [v * x for v in values for x, _ in pairs],
                [c * p for c in chances for _, p in pairs],
            )
        terms.append((a.count, values, chances))
    return sum_of_discrete(terms, offset)


def _counts(total: int, kinds: int) -> NDArray[np.float64]:
    """Every way in which so many draws fall into so many kinds, one row each: stars and bars."""
    spots = total + kinds - 1
    if kinds == 1:
        return np.array([[float(total)]])
    bars = np.array(list(combinations(range(spots), kinds - 1)), dtype=np.float64)
    ends = np.full((len(bars), 1), float(spots))
    return np.diff(np.concatenate([np.full((len(bars), 1), -1.0), bars, ends], axis=1), axis=1) - 1


def exact_mixture(parts: Sequence[tuple[int, Term]], offset: float) -> NormalMixture | None:
    """Normal weights times inputs of few values: given how often each value comes, the sum is normal."""
    moving = [(count, term) for count, term in parts if isinstance(term, WeightedTerm)]
    normal = [(count, term) for count, term in parts if isinstance(term, NormalTerm)]
    if len(moving) != 1 or len(normal) + 1 != len(parts):
        return None
    count, term = moving[0]
    if not isinstance(term.inputs, Discrete):
        return None
    x, p = np.array(term.inputs.values), np.array(term.inputs.chances)
    if count > MOST_COMPONENTS or math.comb(count + len(x) - 1, len(x) - 1) > MOST_COMPONENTS:
        return None
    times = _counts(count, len(x))
    logs = (
        special.gammaln(count + 1)
        - special.gammaln(times + 1).sum(axis=1)
        + special.xlogy(times, p).sum(axis=1)
    )
    means = offset + term.w_mean * (times @ x) + math.fsum(c * t.mean for c, t in normal)
    variances = term.w_std**2 * (times @ x**2) + math.fsum(c * t.variance for c, t in normal)
    chances = np.exp(logs)
    return NormalMixture(means, np.sqrt(variances), chances / chances.sum())


def _fraction(value: Any) -> Fraction:
    return Fraction(int(value.p), int(value.q)) if value.is_Rational else Fraction(float(value))


def sum_of_discrete(terms: list[tuple[int, list[Fraction], list[Fraction]]], offset: float = 0.0) -> Law:
    """The law of a sum of independent discrete terms, each so many times."""
    if len(terms) == 1 and len(set(terms[0][1])) == 2 and terms[0][0] > 64:
        return _binomial(terms[0], offset)
    law: dict[Fraction, Fraction] = {Fraction(offset): Fraction(1)}
    for count, values, chances in terms:
        if count > MOST_SUMS:
            raise LawError(
                "a sum of discrete terms", f"{count:.3g} of them", "Known for two values, or fewer terms."
            )
        for _ in range(count):
            grown: defaultdict[Fraction, Fraction] = defaultdict(Fraction)
            for total, chance in law.items():
                for value, share in zip(values, chances, strict=True):
                    grown[total + value] += chance * share
            law = dict(grown)
            if len(law) > MOST_SUMS:
                raise LawError(
                    "a sum of discrete terms", f"more than {MOST_SUMS:,} different sums", "Use vp.bounds."
                )
    places = sorted(law)
    return DiscreteLaw(np.array([float(x) for x in places]), [law[x] for x in places])


def _binomial(term: tuple[int, list[Fraction], list[Fraction]], offset: float) -> Law:
    count, values, chances = term
    low, high = min(values), max(values)
    p = float(sum(c for v, c in zip(values, chances, strict=True) if v == high))
    # Beyond 40 standard deviations nothing is left that float64 could hold.
    spread = 40 * math.sqrt(count * p * (1 - p)) + 40
    first, last = max(0, math.floor(count * p - spread)), min(count, math.ceil(count * p + spread))
    if last - first > 2 * MOST_SUMS:
        raise LawError(
            "a sum of discrete terms", f"{count:.3g} of them", "Its normal limit is far closer than needed."
        )
    k = np.arange(first, last + 1, dtype=np.float64)
    logs = special.gammaln(count + 1) - special.gammaln(k + 1) - special.gammaln(count - k + 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        chance = np.exp(logs + special.xlogy(k, p) + special.xlog1py(count - k, -p))
    chance = chance / chance.sum()
    return DiscreteLaw(offset + count * float(low) + k * float(high - low), chance)
