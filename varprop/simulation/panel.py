"""Very different samplers with exactly the declared moments, for variables of which nothing else is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.errors import SamplingError
from varprop.model.distributions import Unknown

__all__ = ["COUPLINGS", "Coupled", "Coupling", "Shape", "panel", "standardized"]

Array = NDArray[np.float64]
Coupling: TypeAlias = Literal["independent", "all equal", "alternating"]
COUPLINGS: tuple[Coupling, ...] = ("independent", "all equal", "alternating")

_SLACK = 1e-9


class Shape(Protocol):
    """A distribution of mean 0 and variance 1 that can be drawn together with its mirror image in rank."""

    @property
    def name(self) -> str:
        """What it is called in Evidence."""
        ...

    @property
    def symmetric(self) -> bool:
        """Whether the mirror image is the negative."""
        ...

    def pair(
        self, rng: np.random.Generator, shape: tuple[int, ...], mirrored: bool = True
    ) -> tuple[Array, Array]:
        """Draw x and, if asked, y of the same distribution, low whenever x is high."""
        ...


@dataclass(frozen=True)
class Points:
    """At most three values -a, 0, b with skewness b - a and kurtosis skewness^2 + a b.

    Args:
        skewness: any real number.
        kurtosis: at least skewness^2 + 1; there the middle value vanishes.

    Example:
        >>> Points(0.0, 1.0).name
        'two points'
    """

    skewness: float
    kurtosis: float

    @property
    def name(self) -> str:
        """How many values it takes."""
        return "two points" if self._spread <= 1 + _SLACK else "three points"

    @property
    def symmetric(self) -> bool:
        """Whether the ends are opposite."""
        return self.skewness == 0

    @property
    def _spread(self) -> float:
        return max(1.0, self.kurtosis - self.skewness**2)

    @property
    def _ends(self) -> tuple[float, float]:
        high = (self.skewness + math.sqrt(self.skewness**2 + 4 * self._spread)) / 2
        return high - self.skewness, high

    @property
    def atoms(self) -> dict[float, float]:
        """The values and their probabilities."""
        low, high = self._ends
        below, above = 1 / (low * (low + high)), 1 / (high * (low + high))
        middle = 1 - below - above
        return {-low: below, high: above} | ({0.0: middle} if middle > _SLACK else {})

    def pair(
        self, rng: np.random.Generator, shape: tuple[int, ...], mirrored: bool = True
    ) -> tuple[Array, Array]:
        """Draw by rank, and by the opposite rank."""
        low, high = self._ends
        below, above = 1 / (low * (low + high)), 1 - 1 / (high * (low + high))
        uniform = rng.random(shape)

        def value(rank: Array) -> Array:
            result: Array = high * (rank >= above) - low * (rank < below)
            return result

        x = value(uniform)
        return x, value(1 - uniform) if mirrored else x


@dataclass(frozen=True)
class Skewed:
    """A shifted Weibull of shape 3/2: skewness 1.07, kurtosis 4.39."""

    name: str = "skewed (Weibull, 3/2)"
    symmetric: bool = False

    def pair(
        self, rng: np.random.Generator, shape: tuple[int, ...], mirrored: bool = True
    ) -> tuple[Array, Array]:
        """Draw by rank, and by the opposite rank."""
        mean = math.gamma(5 / 3)
        std = math.sqrt(math.gamma(7 / 3) - mean**2)
        exponential = rng.standard_exponential(shape)
        value = (np.cbrt(exponential) ** 2 - mean) / std
        if not mirrored:
            return value, value
        opposite = -np.log(-np.expm1(-np.maximum(exponential, 1e-300)))
        return value, (np.cbrt(opposite) ** 2 - mean) / std


@dataclass(frozen=True)
class Heavy:
    """Student's t with 10 degrees of freedom: polynomial tails, finite eighth moment, kurtosis 4."""

    name: str = "heavy-tailed (Student t, 10)"
    symmetric: bool = True

    def pair(
        self, rng: np.random.Generator, shape: tuple[int, ...], mirrored: bool = True
    ) -> tuple[Array, Array]:
        """Draw a value and its negative."""
        drawn = rng.standard_t(10, shape) * math.sqrt(0.8)
        return drawn, -drawn


@dataclass(frozen=True)
class Flat:
    """A uniform: no tails, kurtosis 1.8."""

    name: str = "symmetric (uniform)"
    symmetric: bool = True

    def pair(
        self, rng: np.random.Generator, shape: tuple[int, ...], mirrored: bool = True
    ) -> tuple[Array, Array]:
        """Draw a value and its negative."""
        drawn = (rng.random(shape) * 2 - 1) * math.sqrt(3)
        return drawn, -drawn


@dataclass(frozen=True)
class Blend:
    """A few points P smoothed by noise N: sqrt(1 - share) P + sqrt(share) N."""

    points: Points
    noise: Shape
    share: float

    @property
    def name(self) -> str:
        """Which noise smooths the points."""
        return f"{self.points.name} smoothed by {self.noise.name}"

    @property
    def symmetric(self) -> bool:
        """Whether both parts are."""
        return self.points.symmetric and self.noise.symmetric

    def pair(
        self, rng: np.random.Generator, shape: tuple[int, ...], mirrored: bool = True
    ) -> tuple[Array, Array]:
        """Draw both parts by rank, and by the opposite rank."""
        a, b = math.sqrt(1 - self.share), math.sqrt(self.share)
        (x, y), (s, t) = self.points.pair(rng, shape, mirrored), self.noise.pair(rng, shape, mirrored)
        return a * x + b * s, a * y + b * t


@dataclass(frozen=True)
class Coupled:
    """A member of the panel: a shape moved to its mean and variance, coupled across places.

    Args:
        shape: the standardized shape.
        mean: E X.
        std: the standard deviation.
        coupling: "independent"; "all equal": one value at all places; "alternating": a value at even places
            and its mirror image in rank at odd ones (for a symmetric shape: its negative). Every place has
            the same law.

    Example:
        >>> law = Coupled(Points(0.0, 1.0), 5.0, 2.0, "alternating")
        >>> law.draw(np.random.default_rng(1), (2, 4))
        array([[7., 3., 7., 3.],
               [7., 3., 7., 3.]])
    """

    shape: Shape
    mean: float
    std: float
    coupling: Coupling = "independent"

    @property
    def name(self) -> str:
        """Shape and coupling in words."""
        return f"{self.shape.name}, {self.coupling}"

    @property
    def independent(self) -> bool:
        """Whether places are independent copies."""
        return self.coupling == "independent"

    def numbers(self, places: int) -> int:
        """Random numbers behind one sample at so many places."""
        return places if self.independent else 1

    def cancels(self, places: int) -> bool:
        """Whether so many places in a row have a constant sum."""
        return self.coupling == "alternating" and self.shape.symmetric and places % 2 == 0

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
        """Draw (samples, *places)."""
        places = shape[1:]
        if self.independent or not places:
            values = self.shape.pair(rng, shape, mirrored=False)[0]
            result: Array = self.mean + self.std * values
            return result
        pair = self.shape.pair(rng, (shape[0],), mirrored=self.coupling == "alternating")
        moved = self.mean + self.std * np.stack(pair, axis=1)
        odd = np.indices(places).sum(axis=0).ravel() % (2 if self.coupling == "alternating" else 1)
        coupled: Array = moved.take(odd, axis=1).reshape(shape)
        return coupled


def standardized(skewness: float | None, kurtosis: float | None, symmetric: bool | None) -> tuple[Shape, ...]:
    """Shapes of mean 0 and variance 1 with the given skewness and kurtosis, where given.

    Args:
        skewness: E X^3 of the standardized variable, or None.
        kurtosis: E X^4 of the standardized variable, or None.
        symmetric: True for symmetric shapes only, False for none of them.

    Raises:
        SamplingError: no distribution has these moments, since kurtosis >= skewness^2 + 1.

    Example:
        >>> [shape.name for shape in standardized(None, None, True)]
        ['two points', 'heavy-tailed (Student t, 10)', 'symmetric (uniform)', 'three points']
        >>> len(standardized(1.0, 4.0, None))
        3
    """
    if symmetric:
        skewness = 0.0
    least = 1 + (skewness or 0.0) ** 2
    if kurtosis is not None and kurtosis < least - _SLACK:
        raise SamplingError(
            f"samples with skewness {skewness or 0.0:g} and kurtosis {kurtosis:g}",
            "no distribution has them, since kurtosis >= skewness^2 + 1",
            "Correct one of them.",
        )
    if skewness is None and kurtosis is None:
        if symmetric is False:
            return Points(1.5, 3.25), Skewed(), Points(-1.0, 4.0)
        return Points(1.5, 3.25), Skewed(), Heavy(), Flat()
    if symmetric and kurtosis is None:
        return Points(0.0, 1.0), Heavy(), Flat(), Points(0.0, 4.0)
    if kurtosis is None:
        assert skewness is not None
        return Points(skewness, least), Points(skewness, least + 3), *_blends(skewness, least + 2)
    if skewness is None:
        bent = math.sqrt(max(0.0, kurtosis - 1) / 2)
        return _distinct((Points(0.0, kurtosis), Points(bent, kurtosis), *_blends(bent, kurtosis)))
    return _distinct((Points(skewness, kurtosis), *_blends(skewness, kurtosis)))


def _distinct(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    return tuple(dict.fromkeys(shapes))


def _blends(skewness: float, kurtosis: float) -> list[Shape]:
    """Points smoothed by flat and by heavy noise, as much of it as the moments allow."""
    blends: list[Shape] = []
    for noise, excess in ((Flat(), -1.2), (Heavy(), 1.0)):
        for share in (0.5, 0.25, 0.125, 0.0625):
            left = 1 - share
            bent = skewness / left**1.5
            tail = 3 + (kurtosis - 3 - share**2 * excess) / left**2
            if tail >= bent**2 + 1:
                blends.append(Blend(Points(bent, tail), noise, share))
                break
    return blends


def panel(unknown: Unknown, couplings: Sequence[Coupling] = ("independent",)) -> tuple[Coupled, ...]:
    """Samplers of very different shape with exactly the declared moments, in each of the couplings.

    Args:
        unknown: what is declared; every parameter a number.
        couplings: the couplings across places under which the claim is said to hold.

    Raises:
        SamplingError: no distribution has the declared moments, or moments beyond the fourth are declared.

    Example:
        >>> for law in panel(Unknown(mean=1, variance=4), ("independent", "all equal"))[:3]:
        ...     print(law.name)
        two points, independent
        two points, all equal
        skewed (Weibull, 3/2), independent
    """
    higher = dict(unknown.higher)
    beyond = sorted(order for order in higher if order > 4 and not (order % 2 and unknown.declared_symmetric))
    if beyond:
        raise SamplingError(
            f"samples of {unknown}",
            f"the panel has no shape with a declared moment of order {beyond[0]}",
            "Check with a distribution that can be drawn, or declare moments up to the fourth.",
        )
    try:
        mean, variance = float(unknown.mean), float(unknown.variance)
        raw = {order: float(value) for order, value in higher.items()}
    except TypeError:
        raise SamplingError(
            f"samples of {unknown}", "a parameter has no value", "Give values: at={...}."
        ) from None
    std = math.sqrt(variance)
    skewness = kurtosis = None
    if 3 in raw:
        third = raw[3] - 3 * mean * variance - mean**3
        skewness = third / std**3
    if 4 in raw:
        if skewness is None and mean != 0 and not unknown.declared_symmetric:
            return tuple(_from_raw_fourth(unknown, mean, std, raw[4], couplings))
        third = 0.0 if skewness is None else skewness * std**3
        kurtosis = (raw[4] - 4 * mean * third - 6 * mean**2 * variance - mean**4) / variance**2
    shapes = standardized(skewness, kurtosis, unknown.declared_symmetric)
    return tuple(
        Coupled(shape, mean, std, coupling) for shape in _allowed(shapes, unknown) for coupling in couplings
    )


def _from_raw_fourth(
    unknown: Unknown, mean: float, std: float, fourth: float, couplings: Sequence[Coupling]
) -> Iterable[Coupled]:
    """With E X^4 but not E X^3 declared, the skewness is free and fixes the kurtosis: try a few."""
    found = 0
    for skewness in (0.0, 0.5, -0.5, 1.0, -1.0, 2.0, -2.0):
        kurtosis = (fourth - 4 * mean * skewness * std**3 - 6 * mean**2 * std**2 - mean**4) / std**4
        if kurtosis >= skewness**2 + 1 and found < 4:
            found += 1
            for coupling in couplings:
                yield Coupled(Points(skewness, kurtosis), mean, std, coupling)
    if not found:
        raise SamplingError(
            f"samples of {unknown}",
            "the panel found no shape with these moments",
            "Declare the third moment too.",
        )


def _allowed(shapes: tuple[Shape, ...], unknown: Unknown) -> tuple[Shape, ...]:
    """Leave out shapes that may put mass on zero where none is allowed."""
    if unknown.declared_atom is None:
        return shapes
    if unknown.declared_atom:
        raise SamplingError(
            f"samples of {unknown}",
            "the panel has no shape with an atom at zero",
            "Check with a distribution that can be drawn.",
        )
    smooth = tuple(shape for shape in shapes if not isinstance(shape, Points))
    if not smooth:
        raise SamplingError(
            f"samples of {unknown}",
            "its moments leave two points only, and no atom at zero is allowed",
            "Check with a distribution that can be drawn.",
        )
    return smooth
