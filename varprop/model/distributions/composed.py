"""Distributions made from distributions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import ParameterError, brief
from varprop.model.distributions.base import Array, Distribution, Precision, Shape, tidy
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike

__all__ = ["Mixture", "Rectified"]

_WEIGHT = Parameter("weight", "w", low=0, high=1, typical=(0.1, 0.9))


@dataclass(frozen=True, init=False, repr=False)
class Rectified(Distribution):
    r"""max(X, 0) for X of the parent: the output of a rectified linear unit.

    Args:
        parent: the distribution of X.

    Raises:
        ParameterError: the parent is not a distribution.

    Example:
        >>> from varprop.model.distributions import Normal
        >>> Rectified(Normal(variance="v")).moment(2), Rectified(Normal(variance="v")).mean
        (v/2, sqrt(2)*sqrt(v)/(2*sqrt(pi)))

    Source: He et al., Delving Deep into Rectifiers, 2015, section 2.2 (E max(X, 0)^2 of a symmetric X).
    """

    parent: Distribution

    def __init__(self, parent: Distribution) -> None:
        self._set(parent=_distribution(parent, "Rectified"))

    def _moment(self, k: int) -> sp.Expr:
        return self.parent.positive_part_moment(k)

    def _positive_probability(self) -> sp.Expr:
        return self.parent.positive_probability

    def moment_exists(self, k: int) -> bool | None:
        """True where the parent's moment exists; the positive tail alone is not looked at."""
        return True if self.support[1].is_finite else self.parent.moment_exists(k)

    def why_no_moment(self, k: int) -> tuple[str, str]:
        return self.parent.why_no_moment(k)

    @property
    def symmetric(self) -> bool | None:
        return True if self.support[1].is_zero else False if self.support[1].is_positive else None

    @property
    def atom_at_zero(self) -> bool | None:
        low = self.parent.support[0]
        if self.parent.symmetric or (low.is_extended_negative and self.parent.can_draw):
            return True
        return self.parent.atom_at_zero if low.is_extended_nonnegative else None

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...] | None:
        inner = self.parent.atoms
        return None if inner is None else tuple((sp.Max(value, 0), chance) for value, chance in inner)

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        low, high = self.parent.support
        return sp.Max(low, 0), sp.Max(high, 0)

    @property
    def precision(self) -> Precision:
        return self.parent.precision

    @property
    def can_draw(self) -> bool:
        return self.parent.can_draw

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        drawn = self.parent.draw(rng, shape)
        return np.maximum(drawn, 0.0, out=drawn)

    @property
    def has_single(self) -> bool:
        return self.parent.has_single

    def _draw_single(self, rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
        drawn = self.parent.draw_single(rng, shape)
        result: NDArray[Any] = np.maximum(drawn, 0.0, out=drawn)
        return result

    def latex(self) -> str:
        r"""A formula such as `\max(0, \mathcal{N}(0, 1))`."""
        return rf"\max\left(0, {self.parent.latex()}\right)"


@dataclass(frozen=True, init=False, repr=False)
class Mixture(Distribution):
    """One of several distributions, chosen at random.

    E X^k = sum_i weight_i E X_i^k.

    Args:
        components: the distributions.
        weights: their probabilities; equal ones if not given.

    Raises:
        ParameterError: no components, or weights that do not fit or are not proven to sum to 1.

    Example:
        >>> from varprop.model.distributions import Constant, Normal
        >>> Mixture([Normal(), Constant(0)], weights=["p", "1 - p"]).moment(4)
        3*p

    Source: Everitt, Hand, Finite Mixture Distributions, 1981.
    """

    components: tuple[Distribution, ...]
    weights: tuple[sp.Expr, ...]

    def __init__(
        self, components: Sequence[Distribution], weights: Sequence[ScalarLike] | None = None
    ) -> None:
        parts = tuple(_distribution(part, "Mixture") for part in _sequence(components, "components"))
        equal = [sp.Rational(1, len(parts))] * len(parts)
        shares = equal if weights is None else _sequence(weights, "weights")
        self._set(components=parts, weights=tuple(_WEIGHT.validate(share, "Mixture") for share in shares))

    def _check(self) -> None:
        if len(self.weights) != len(self.components):
            missing = f"{len(self.components)} components and {len(self.weights)} weights"
            raise ParameterError("Mixture", missing, "Give one weight per component.")
        if not sp.expand(sum(self.weights) - 1).is_zero:
            missing = f"the weights sum to {sum(self.weights)}"
            raise ParameterError("Mixture", missing, "Write the last one as 1 minus the others.")

    def _mean_of(self, values: Callable[[Distribution], sp.Expr]) -> sp.Expr:
        pairs = zip(self.weights, self.components, strict=True)
        return tidy(sum(weight * values(part) for weight, part in pairs if not weight.is_zero))

    @property
    def _possible(self) -> list[Distribution]:
        pairs = zip(self.weights, self.components, strict=True)
        return [part for weight, part in pairs if not weight.is_zero]

    def _moment(self, k: int) -> sp.Expr:
        return self._mean_of(lambda part: part.moment(k))

    @property
    def atomless(self) -> bool:
        return all(part.atomless for part in self._possible)

    def _positive_probability(self) -> sp.Expr:
        return self._mean_of(lambda part: part.positive_probability)

    def _negative_probability(self) -> sp.Expr:
        return self._mean_of(lambda part: part.negative_probability)

    def _positive_part_moment(self, k: int) -> sp.Expr:
        return self._mean_of(lambda part: part.positive_part_moment(k))

    def moment_exists(self, k: int) -> bool | None:
        """True where it exists for every component."""
        return _all(part.moment_exists(k) for part in self._possible)

    def why_no_moment(self, k: int) -> tuple[str, str]:
        lacking = min(self._possible, key=lambda part: {False: 0, None: 1, True: 2}[part.moment_exists(k)])
        return lacking.why_no_moment(k)

    @property
    def symmetric(self) -> bool | None:
        """True if every component is; other symmetric mixtures are not recognized."""
        if all(part.symmetric for part in self._possible):
            return True
        return False if self.moment_exists(1) and self.mean.is_nonzero else None

    @property
    def atom_at_zero(self) -> bool | None:
        none = _all(None if part.atom_at_zero is None else not part.atom_at_zero for part in self._possible)
        return None if none is None else not none

    @property
    def atoms(self) -> tuple[tuple[sp.Expr, sp.Expr], ...] | None:
        parts = [(weight, part.atoms) for weight, part in zip(self.weights, self.components, strict=True)]
        if any(atoms is None for _, atoms in parts):
            return None
        return tuple((value, weight * chance) for weight, atoms in parts for value, chance in atoms or ())

    @property
    def support(self) -> tuple[sp.Expr, sp.Expr]:
        lows, highs = zip(*(part.support for part in self._possible), strict=True)
        return sp.Min(*lows), sp.Max(*highs)

    @property
    def precision(self) -> Precision:
        kinds: tuple[Precision, ...] = ("closed form", "enclosure", "estimate")
        return max((part.precision for part in self._possible), key=kinds.index)

    @property
    def can_draw(self) -> bool:
        return all(part.can_draw for part in self._possible)

    def _draw(self, rng: np.random.Generator, shape: Shape) -> Array:
        weights = np.array([self._number("weight", weight) for weight in self.weights])
        chosen = rng.choice(len(weights), size=shape, p=weights / weights.sum())
        samples = np.empty(shape)
        for index, part in enumerate(self.components):
            here = chosen == index
            if here.any():
                samples[here] = part.draw(rng, int(here.sum()))
        return samples


def _all(answers: Iterable[bool | None]) -> bool | None:
    """Three-valued and: False beats None beats True."""
    given = list(answers)
    return False if False in given else None if None in given else True


def _distribution(value: object, owner: str) -> Distribution:
    if not isinstance(value, Distribution):
        missing = f"a distribution was expected, not {type(value).__name__}"
        raise ParameterError(f"{owner}({brief(value)})", missing, "Write Normal(variance=1), for example.")
    return value


def _sequence(value: object, name: str) -> Sequence[object]:
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ParameterError(
            f"Mixture({name}={brief(value)})", "not a list with members", "Write [Normal(), ...]."
        )
    return value
