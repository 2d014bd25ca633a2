"""Which law drawn arrays follow: bounds, truncation, moments, and the distance from each candidate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy as sp
from scipy import optimize, special

from varprop.errors import ParameterError
from varprop.model.distributions import Array, Distribution, Normal, TruncatedNormal, Uniform
from varprop.testing.draws import Draw, Draws

__all__ = ["Candidate", "Identified", "Sample", "identify", "sample"]

ENTRIES = 400_000
"""How many entries are looked at, about."""
FEWEST, MOST_DRAWS = 8, 16_384
LEVEL = 1e-6
"""A candidate whose distance is rarer than this under its own law is out."""
CUTS = (1.0, 1.5, 2.0, 2.5, 3.0)
"""Truncations in standard deviations of the parent that are tried by name."""
FURTHEST, SAME = 3.6, 0.02
"""Beyond so many deviations no cut is seen; cuts this near, relative to each other, are one."""
FEW_VALUES = 64


@dataclass(frozen=True, eq=False)
class Sample:
    """Arrays of many seeds.

    Attributes:
        arrays: one per seed, along the first axis.
    """

    arrays: Array

    @property
    def entries(self) -> Array:
        """All entries in one row."""
        return self.arrays.ravel()

    @property
    def mean(self) -> float:
        """The mean entry."""
        return float(self.arrays.mean())

    @property
    def variance(self) -> float:
        """The variance of an entry about the mean of all."""
        return float(self.arrays.var())

    @property
    def error(self) -> float:
        """The standard error of the variance, from how much it differs from seed to seed."""
        each = ((self.arrays - self.mean) ** 2).reshape(len(self.arrays), -1).mean(axis=1)
        return float(each.std(ddof=1) / math.sqrt(len(each)))

    @property
    def kurtosis(self) -> float:
        """E (x - E x)^4 over the square of the variance; nan for a constant."""
        centered = self.entries - self.mean
        return float((centered**4).mean() / self.variance**2) if self.variance > 0 else math.nan


@dataclass(frozen=True)
class Candidate:
    """A law that was tried, and how far the entries are from it.

    Attributes:
        name: of the law.
        law: with the moments of the sample; None for laws of whole arrays.
        distance: the largest difference of distribution functions, times the root of the sample size.
        probability: that a sample of the law itself is that far away, at most.
    """

    name: str
    law: Distribution | None
    distance: float
    probability: float

    @property
    def possible(self) -> bool:
        """Whether the sample may come from it."""
        return self.probability >= LEVEL


@dataclass(frozen=True)
class Identified:
    """What was found of a law.

    Attributes:
        name: what it is, or "unknown".
        law: the law that fits, if it is one of independent entries.
        evidence: what speaks for it, in sentences.
        candidates: the laws that were tried, the nearest first.
    """

    name: str
    law: Distribution | None
    evidence: tuple[str, ...]
    candidates: tuple[Candidate, ...] = ()


def sample(draw: Draw, seed: int = 0, fixed: bool = False, entries: int = ENTRIES) -> Sample:
    """Draw arrays of many seeds, at least eight.

    Args:
        draw: maps a seed, an integer from 0 to 2^31 - 1, to an array.
        seed: fixes the seeds that are used.
        fixed: whether it gives one array whatever the seed, as an identity does.
        entries: how many are wanted, about.

    Raises:
        DrawError: it returns no finite arrays of one shape, ignores its seed, or moves a global generator.
    """
    if fixed:
        return Sample(np.stack([np.asarray(draw(number), dtype=np.float64) for number in range(FEWEST)]))
    draws = Draws(draw, seed, "audit")
    size = math.prod(draws.shape)
    count = min(max(FEWEST, -(-entries // size)), MOST_DRAWS)
    return Sample(np.stack([draws[number] for number in range(count)]))


def identify(found: Sample) -> Identified:
    """Say which law a sample follows: constant, fixed, sparse, orthogonal, normal, truncated, uniform.

    Example:
        >>> drawn = sample(lambda seed: np.random.default_rng(seed).uniform(-1, 1, (100, 40)))
        >>> identify(drawn).name
        'uniform on [-1, 1]'
    """
    values = np.unique(found.entries[: 100 * FEW_VALUES])
    if found.variance == 0:
        return Identified(f"constant {found.mean:.6g}", None, ("all entries are equal",))
    if (found.arrays == found.arrays[0]).all():
        shown = ", ".join(f"{value:.4g}" for value in values[:3])
        return Identified("a fixed array", None, (f"every seed gives one array, of values {shown}",))
    zeros = float((found.entries == 0).mean())
    if zeros > 1e-3:
        return _sparse(found, zeros)
    gain = _orthogonal(found)
    if gain is not None:
        words = f"the rows or columns of every array are orthogonal and {gain:.6g} long, to rounding"
        return Identified(f"orthogonal, gain {gain:.6g}", None, (words, *_moments(found)))
    if len(values) <= FEW_VALUES:
        shown = ", ".join(f"{value:.4g}" for value in values[:4])
        return Identified("discrete", None, (f"{len(values)} values: {shown}", *_moments(found)))
    return _continuous(found)


def _moments(found: Sample) -> tuple[str, ...]:
    largest = float(np.abs(found.entries - found.mean).max() / math.sqrt(found.variance))
    return (
        f"mean {found.mean:.3g}, variance {found.variance:.6g} +- {found.error:.1g}, "
        f"kurtosis {found.kurtosis:.4g}",
        f"range {found.entries.min():.6g} to {found.entries.max():.6g}, {largest:.4g} standard deviations",
    )


def _sparse(found: Sample, zeros: float) -> Identified:
    used = [place for place in np.ndindex(found.arrays.shape[1:-2]) if found.arrays[(0, *place)].any()]
    if len(used) == 1 and found.arrays.ndim > 3:
        inner = identify(Sample(found.arrays[(slice(None), *used[0])]))
        return Identified(f"zero but at one tap, there {inner.name}", None, inner.evidence, inner.candidates)
    rest = found.entries[found.entries != 0]
    inner = identify(Sample(rest.reshape(1, -1).repeat(2, axis=0) * np.array([[1.0], [1.0 + 1e-15]])))
    return Identified(
        f"zero with probability {zeros:.4g}, else {inner.name}",
        None,
        (f"{zeros:.4g} of the entries are exactly zero", *_moments(found)),
        inner.candidates,
    )


def _orthogonal(found: Sample) -> float | None:
    """The length of orthogonal rows or columns, whichever are fewer, with outputs first or last."""
    for first in found.arrays[:2]:
        if first.ndim < 2 or min(first.shape[0], first.size // first.shape[0]) < 2:
            return None
    gains = []
    for matrix in found.arrays[:2]:
        for flat in (matrix.reshape(len(matrix), -1), matrix.reshape(-1, matrix.shape[-1])):
            gram = flat @ flat.T if flat.shape[0] <= flat.shape[1] else flat.T @ flat
            size = float(np.trace(gram) / len(gram))
            if len(gram) > 1 and np.abs(gram - size * np.eye(len(gram))).max() < 1e-4 * size:
                gains.append(math.sqrt(size))
                break
    return gains[0] if len(gains) == 2 else None


def _continuous(found: Sample) -> Identified:
    entries = np.sort(found.entries)
    std = math.sqrt(found.variance)
    mean = 0.0 if abs(found.mean) < 5 * std / math.sqrt(entries.size) else found.mean
    tried = [_tried("normal", Normal(mean, variance=_exact(found.variance)), entries, _normal_cdf(mean, std))]
    low, high = float(entries[0]), float(entries[-1])
    tried.append(_uniform(low, high, entries))
    tried += [_truncated(mean, std, cut, entries) for cut in _cuts(max(high - mean, mean - low) / std)]
    tried.sort(key=lambda candidate: (not candidate.possible, candidate.distance))
    best = tried[0]
    evidence = [*_moments(found)]
    for candidate in tried[:3]:
        rare = f"p < {candidate.probability:.0e}" if candidate.probability else "entries lie beyond its cut"
        word = "fits" if candidate.possible else f"is ruled out, {rare}"
        evidence.append(f"{candidate.name}: distance {candidate.distance:.3g}, {word}")
    if not best.possible:
        return Identified("unknown", None, tuple(evidence), tuple(tried))
    return Identified(best.name, best.law, tuple(evidence), tuple(tried))


def _cuts(reach: float) -> list[float]:
    """The truncations that people use, and the one that the largest entry fits, if it is another."""
    if not math.sqrt(3) * 1.02 < reach < FURTHEST:
        return list(CUTS)

    def excess(cut: float) -> float:
        share = special.ndtr(cut) - special.ndtr(-cut)
        density = math.exp(-cut * cut / 2) / math.sqrt(2 * math.pi)
        return float(cut / math.sqrt(1 - 2 * cut * density / share) - reach)

    fitted = float(optimize.brentq(excess, 0.2, 2 * FURTHEST))
    return list(CUTS) if min(abs(fitted - cut) for cut in CUTS) < SAME else [*CUTS, fitted]


def _tried(name: str, law: Distribution, entries: Array, cdf: Callable[[Array], Array]) -> Candidate:
    heights = cdf(entries)
    steps = np.arange(entries.size + 1) / entries.size
    gap = max(float((steps[1:] - heights).max()), float((heights - steps[:-1]).max()))
    distance = gap * math.sqrt(entries.size)
    return Candidate(name, law, distance, float(special.kolmogorov(distance)))


def _normal_cdf(mean: float, std: float) -> Callable[[Array], Array]:
    return lambda x: np.asarray(special.ndtr((x - mean) / std))


def _uniform(low: float, high: float, entries: Array) -> Candidate:
    """The ends of a uniform law lie beyond the extremes by about one part in the sample size."""
    beyond = (high - low) / entries.size
    if abs(low + high) < 20 * beyond:
        high = _round(max(high, -low) + beyond / 2, 3 * beyond)
        low = -high
    else:
        low, high = _round(low - beyond, 3 * beyond), _round(high + beyond, 3 * beyond)
    law = Uniform(_exact(low), _exact(high))
    name = f"uniform on [{low:.6g}, {high:.6g}]"
    return _tried(name, law, entries, lambda x: np.clip((x - low) / (high - low), 0, 1))


def _truncated(mean: float, std: float, cut: float, entries: Array) -> Candidate:
    """A normal law cut at `cut` deviations of its parent, of the variance of the sample."""
    parent = std / math.sqrt(float(TruncatedNormal(-cut, cut).variance))
    law = TruncatedNormal(
        _exact(mean - cut * parent), _exact(mean + cut * parent), _exact(mean), parent_std=_exact(parent)
    )
    base, share = special.ndtr(-cut), special.ndtr(cut) - special.ndtr(-cut)
    name = f"normal of std {parent:.6g} cut at {cut:.4g} std"

    def cdf(x: Array) -> Array:
        return np.asarray(np.clip((special.ndtr((x - mean) / parent) - base) / share, 0, 1))

    found = _tried(name, law, entries, cdf)
    beyond = max(float(entries[-1]) - mean, mean - float(entries[0])) > cut * parent * (1 + SAME)
    return Candidate(name, law, found.distance, 0.0) if beyond else found


def _round(value: float, step: float) -> float:
    """The shortest decimal that is as near as the step."""
    if abs(value) <= step:
        return 0.0
    for digits in range(1, 16):
        short = float(f"{value:.{digits}g}")
        if abs(short - value) <= step:
            return short
    return value


def _exact(value: float) -> sp.Expr:
    return sp.Rational(str(float(value)))


def refuse_no_draw(draw: object) -> None:
    """Refuse what is no draw.

    Raises:
        ParameterError: it is not callable.
    """
    if not callable(draw):
        raise ParameterError(f"audit of {draw!r:.60}", "it is no draw", "Give a name or draw(seed) -> array.")
