"""What would explain a disagreement: the mistakes that initializers are known for, with what each gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from varprop.model.distributions import TruncatedNormal

__all__ = ["Measured", "likely_causes"]

NEAR, APART = 0.012, 0.036
"""How near, relative to the measurement, a mistake must come to be named; it stands apart from the claim by
more than `APART`."""
MOST = 3


@dataclass(frozen=True)
class Measured:
    """What was drawn: moments of an entry, and the shape of an array.

    Args:
        mean: of an entry.
        second_moment: of an entry.
        shape: of an array.
    """

    mean: float
    second_moment: float
    shape: tuple[int, ...]

    @property
    def variance(self) -> float:
        """Of an entry."""
        return self.second_moment - self.mean**2


def likely_causes(kind: str, expected: float, estimate: float, measured: Measured) -> tuple[str, ...]:
    """Mistakes that would have given this estimate, the nearest first.

    Args:
        kind: "mean", "second moment" or "variance".
        expected: what was claimed.
        estimate: what was measured.
        measured: moments and shape of what was drawn.

    Example:
        >>> likely_causes("variance", 0.02, 0.02 / 3, Measured(0, 0.02 / 3, (64, 32)))[0]
        'a uniform draw on +-std: its bound is sqrt(3) std, so this variance is 1/3 of the promise'
    """
    if kind == "mean" or not expected > 0:
        return ()
    found = []
    for value, cause in _mistakes(kind, expected, measured):
        if value > 0 and estimate > 0 and abs(math.log(value) - math.log(expected)) > APART:
            distance = abs(math.log(estimate) - math.log(value))
            if distance < NEAR:
                found.append((distance, cause))
    if estimate == 0:
        found.append((0.0, "a constant: all entries are the same"))
    return tuple(cause for _, cause in sorted(found, key=lambda pair: pair[0])[:MOST])


def _mistakes(kind: str, v: float, measured: Measured) -> Iterator[tuple[float, str]]:
    """What each mistake would have been measured as, if the promise is v."""
    shift = measured.mean**2
    if shift > NEAR * measured.second_moment:
        if kind == "variance":
            yield v - shift, f"the second moment claimed for the variance: the mean is {measured.mean:.4g}"
        else:
            yield v + shift, f"the variance claimed for the second moment: the mean is {measured.mean:.4g}"
    kept = float(TruncatedNormal(low=-2, high=2).variance)
    yield (
        v * kept,
        f"an uncorrected truncation: a normal cut at two std keeps {kept:.4f} of its variance",
    )
    yield v / kept, f"a truncation corrected twice, or corrected and not truncated (1 / {kept:.4f})"
    yield v / 3, "a uniform draw on +-std: its bound is sqrt(3) std, so this variance is 1/3 of the promise"
    yield 3 * v, "a factor sqrt(3) too much: the bound of a uniform draw used as its std"
    yield from _fans(v, measured.shape)
    yield v * v, "variance passed as std: what is drawn has the promised variance as its std"
    yield math.sqrt(v), "std passed as variance: what is drawn has the promised std as its variance"
    yield v / 2, "the factor 2 of ReLU is missing"
    yield 2 * v, "a factor 2 (of ReLU) that is not promised"


def _fans(v: float, shape: tuple[int, ...]) -> Iterator[tuple[float, str]]:
    """Fans mixed up; either axis order, and kernels with their field first or last."""
    if len(shape) < 2:
        return
    names = ("fan_out", "fan_in")
    for one, other in {(shape[0], shape[1]), (shape[-1], shape[-2])}:
        if one != other:
            for a, b, (used, meant) in ((one, other, names), (other, one, names[::-1])):
                yield v * b / a, f"{used} used for {meant} (or the axes of the array taken the other way)"
                yield v * 2 * b / (a + b), f"the mean of fan_in and fan_out used for {meant}"
