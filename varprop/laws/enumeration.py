"""Sums of discrete terms: binomial where all are alike, else by enumeration, equal sums merged."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from varprop.errors import LawError
from varprop.laws.closed import NormalMixture
from varprop.laws.digits import fraction
from varprop.laws.discrete import DiscreteLaw
from varprop.laws.factors import leaf_factor
from varprop.laws.inputs import Discrete
from varprop.laws.law import EPS, Array, Law
from varprop.laws.recognition import Addend
from varprop.laws.terms import NormalTerm, Term, WeightedTerm
from varprop.model.distributions import Normal

__all__ = ["binomial_logs", "discrete_law", "exact_mixture", "sum_of_discrete"]

MOST_SUMS = 2**20
MOST_COMPONENTS = 3000


def discrete_law(addends: list[Addend], offset: Fraction) -> Law | None:
    """Sums of discrete terms: binomial where all are alike, else by enumeration, equal sums merged."""
    terms: list[tuple[int, list[Fraction], list[Fraction]]] = []
    for a in addends:
        values, chances = [fraction(a.exact)], [Fraction(1)]
        for leaf in a.leaves:
            if isinstance(leaf.variable.distribution, Normal):
                return None
            points = leaf_factor(leaf).points
            if points is None:
                return None
            values = [v * fraction(x) for v in values for x in points[0].tolist()]
            chances = [c * p for c in chances for p in points[1]]
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


def exact_mixture(parts: Sequence[tuple[int, Term]], offset: float, size: float) -> NormalMixture | None:
    """offset + size times normal weights times inputs of few values: normal, given how often each comes."""
    moving = [(count, term) for count, term in parts if isinstance(term, WeightedTerm)]
    normal = [(count, term) for count, term in parts if isinstance(term, NormalTerm)]
    if len(moving) != 1 or len(normal) + 1 != len(parts):
        return None
    count, term = moving[0]
    if not isinstance(term.inputs, Discrete):
        return None
    possible = np.array(term.inputs.chances) > 0
    x, p = np.array(term.inputs.values)[possible], np.array(term.inputs.chances)[possible]
    if count > MOST_COMPONENTS or math.comb(count + len(x) - 1, len(x) - 1) > MOST_COMPONENTS:
        return None
    times = _counts(count, len(x))
    logs, rounding = _multinomial_logs(times, p)
    means = term.w_mean * (times @ x) + math.fsum(c * t.mean for c, t in normal)
    variances = term.w_std**2 * (times @ x**2) + math.fsum(c * t.variance for c, t in normal)
    return NormalMixture(offset + size * means, size * np.sqrt(variances), np.exp(logs), rounding=rounding)


def sum_of_discrete(
    terms: list[tuple[int, list[Fraction], list[Fraction]]], offset: Fraction = Fraction(0)
) -> Law:
    """The law of a sum of independent discrete terms, each so many times."""
    terms = [
        (count, [v for v, p in zip(values, chances, strict=True) if p], [p for p in chances if p])
        for count, values, chances in terms
    ]
    if len(terms) == 1 and len(set(terms[0][1])) == 2 and terms[0][0] > 64:
        return _binomial(terms[0], offset)
    # Whole numbers over common denominators: fractions would be reduced at each step.
    size = math.lcm(offset.denominator, *(value.denominator for _, values, _ in terms for value in values))
    law, all_ways = {int(offset * size): 1}, 1
    for count, values, chances in terms:
        if count > MOST_SUMS:
            raise LawError(
                "a sum of discrete terms", f"{count:.3g} of them", "Known for two values, or fewer terms."
            )
        ways = math.lcm(*(chance.denominator for chance in chances))
        steps = [(int(v * size), int(p * ways)) for v, p in zip(values, chances, strict=True)]
        for _ in range(count):
            grown: defaultdict[int, int] = defaultdict(int)
            for total, number in law.items():
                for step, share in steps:
                    grown[total + step] += number * share
            law, all_ways = dict(grown), all_ways * ways
            if len(law) > MOST_SUMS:
                raise LawError(
                    "a sum of discrete terms", f"more than {MOST_SUMS:,} different sums", "Use vp.bounds."
                )
    merged: defaultdict[float, int] = defaultdict(int)
    for total, number in law.items():
        merged[total / size] += number
    places = sorted(merged)
    exact = tuple(Fraction(merged[x], all_ways) for x in places)
    logs = np.array([_log(chance) for chance in exact])
    return DiscreteLaw(np.array(places), logs, 2 * EPS * (1 + np.abs(logs)), exact=exact)


def _log(chance: Fraction) -> float:
    """By the float of a part of about 1: the logs of long numerators and denominators cancel."""
    shift = chance.denominator.bit_length() - chance.numerator.bit_length()
    return math.log(float(chance * Fraction(2) ** shift)) - shift * math.log(2)


def _binomial(term: tuple[int, list[Fraction], list[Fraction]], offset: Fraction) -> Law:
    count, values, chances = term
    low, high = min(values), max(values)
    p = float(sum(c for v, c in zip(values, chances, strict=True) if v == high))
    first, last = 0, count
    if count > 2 * MOST_SUMS:
        # Beyond 40 standard deviations and 250 counts nothing is left above 1e-300.
        spread = 40 * math.sqrt(count * p * (1 - p)) + 250
        first, last = max(0, math.floor(count * p - spread)), min(count, math.ceil(count * p + spread))
    if last - first > 2 * MOST_SUMS:
        raise LawError(
            "a sum of discrete terms", f"{count:.3g} of them", "Its normal limit is far closer than needed."
        )
    k = np.arange(first, last + 1)
    logs, rounding = binomial_logs(k, count, p)
    start, step = offset + count * low, high - low
    common = math.lcm(start.denominator, step.denominator)
    ends = [int((start + j * step) * common) for j in (first, last)]
    if max(common, *map(abs, ends)) < 2**53:
        places: Array = np.asarray((int(start * common) + k * int(step * common)) / common, dtype=np.float64)
    else:
        places = float(start) + k.astype(np.float64) * float(step)
    return DiscreteLaw(places, logs, rounding, cut=last - first < count)


def binomial_logs(k: NDArray[np.int64], n: int, p: float) -> tuple[Array, Array]:
    """log P(K = k) of the binomial law, 0 < p < 1, and bounds on the error.

    log C(n, k) p^k q^(n-k) = log sqrt(n / (2 pi k (n-k))) + d(n) - d(k) - d(n-k) - D(k, n p) - D(n-k, n q)
    for 0 < k < n, with Stirling's remainder d(m) = log m! - log(sqrt(2 pi m) (m/e)^m) and
    D(k, m) = k log(k/m) + m - k.

    Example:
        >>> logs, error = binomial_logs(np.array([2]), 4, 0.5)
        >>> round(float(np.exp(logs[0])), 14), bool(error[0] < 1e-13)
        (0.375, True)

    Source: Loader, Fast and accurate computation of binomial probabilities, 2000.
    """
    x = k.astype(np.float64)
    y = n - x
    inner = (x > 0) & (y > 0)
    a, b = np.where(inner, x, 1.0), np.where(inner, y, 1.0)
    far = _deviance(a, n * p) + _deviance(b, n * (1 - p))
    logs = _stirling(np.array([float(n)])) - _stirling(a) - _stirling(b) - far
    logs = logs + 0.5 * np.log(n / (2 * math.pi * a * b))
    logs = np.where(inner, logs, np.where(x > 0, n * math.log(p), n * math.log1p(-p)))
    error = EPS * (64 + 2 * np.abs(logs) + inner * (4 * far + 2 * np.abs(x - n * p) / (1 - p)))
    return logs, error


def _multinomial_logs(times: Array, p: Array) -> tuple[Array, Array]:
    """Logs of multinomial probabilities, one per row of counts, and bounds on their errors.

    log n! / prod k_j! prod p_j^k_j = r(n) - sum_j (r(k_j) + D(k_j, n p_j)), r(m) = d(m) + log(2 pi m) / 2 for
    m > 0 and r(0) = 0, with d and D as in `binomial_logs`.
    """
    met = times > 0
    k, expected = np.where(met, times, 1.0), times.sum(axis=1, keepdims=True) * p
    far = np.where(met, _deviance(k, expected), expected)
    factorials = np.where(met, _stirling(k) + np.log(2 * math.pi * k) / 2, 0.0)
    whole = times[:1].sum(axis=1)
    logs = _stirling(whole) + np.log(2 * math.pi * whole) / 2 - (factorials + far).sum(axis=1)
    return logs, EPS * (64 + 2 * np.abs(logs) + (4 * far + 2 * np.abs(times - expected)).sum(axis=1))


def _deviance(k: Array, m: float | Array) -> Array:
    """k log(k/m) + m - k, with its digits also for k near m."""
    v = (k - m) / (k + m)
    near = np.abs(v) < 0.1
    w = np.where(near, v, 0.0)
    # 2 k (v^3/3 + v^5/5 + ...) + (k - m) v
    powers = np.where(near, (k - m) * w, 0.0)
    term = 2 * k * w
    for j in range(1, 9):
        term = term * w * w
        powers = powers + term / (2 * j + 1)
    return np.where(near, powers, k * np.log(k / m) + m - k)


def _stirling(m: Array) -> Array:
    big = np.maximum(m, 16.0)
    square = big * big
    series = (
        1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - (1 / 1188) / square) / square) / square) / square
    ) / big
    small = np.minimum(m, 16.0)
    exact = special.gammaln(small + 1) - (small + 0.5) * np.log(small) + small - 0.5 * math.log(2 * math.pi)
    remainder: Array = np.where(m >= 16, series, exact)
    return remainder
