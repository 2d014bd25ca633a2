"""Laws of one unit: normal, a mixture of normals, or a sample of the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError, LawError, MomentError
from varprop.laws.factors import quadrature
from varprop.model import gaussian
from varprop.model.activations import Activation
from varprop.model.distributions import Distribution
from varprop.networks.kernels import kernel
from varprop.networks.maps import Number, is_zero, normal_slope, normal_unit
from varprop.networks.nodes import NODES, nodes_of

__all__ = [
    "Activated",
    "NormalMixture",
    "NormalUnit",
    "Sample",
    "Several",
    "SharedBias",
    "UnitLaw",
    "as_mixture",
    "grid_of",
    "law_moment",
    "nodes_of",
    "normal_moment",
    "normal_slope_moment",
]

Array: TypeAlias = NDArray[np.float64]

MOST_PLACES = 20_000
TOLERANCE = 1e-7
PANEL = np.polynomial.legendre.leggauss(10)
REACH = 9.0
MOST_PANELS = 100_000
STEPS_FROM_KINKS = np.concatenate([-(2.0 ** -np.arange(1, 18)), 2.0 ** -np.arange(1, 18)])
"""In standard deviations: what is behind a kink may be read by a narrow branch."""
GROUP = 256
"""Places that are looked at together."""
"""Standard deviations beyond which a normal density is nothing."""
WIDEST, NARROWEST = mp.mpf(10) ** 140, mp.mpf(10) ** -140


@dataclass(frozen=True)
class NormalUnit:
    """One unit that is N(mean, second - mean^2): exactly, or in the limit of wide layers.

    Args:
        mean: E h.
        second: E h^2.
        exact: whether it is normal at every width.
    """

    mean: Number
    second: Number
    exact: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of numbers that the input is drawn from; a single row is a fixed input.

    Args:
        rows: one input per row.
        other: a second fixed input beside the only row.
    """

    rows: Array
    other: Array | None = None

    @property
    def fixed(self) -> bool:
        """Whether there is just one input."""
        return len(self.rows) == 1

    def moment(self, power: int) -> Number:
        """The mean of h^power over rows and columns, whatever its size."""
        largest = float(np.abs(self.rows).max())
        if largest == 0:
            return mp.mpf(0)
        return mp.mpf(largest) ** power * float(np.mean((self.rows / largest) ** power))

    def slope_moment(self, activation: Activation, by_row: bool = False) -> Number:
        """The mean of phi'(h)^2 over rows and columns, or of every row."""
        found = np.mean(activation.derivative(self.rows) ** 2, axis=1)
        return found.astype(object) * mp.mpf(1) if by_row else mp.mpf(float(found.mean()))

    def mapped(self, function: Callable[[Array], Array]) -> Sample:
        """What a function makes of the rows, and of the other input."""
        return Sample(function(self.rows), None if self.other is None else function(self.other))


@dataclass(frozen=True, eq=False)
class NormalMixture:
    """One unit a + g in the limit of wide layers: a discrete, g ~ N(0, std^2) independent of it.

    Args:
        weights: probabilities.
        places: the values of a.
        std: of g.
        exact: whether g is normal at every width.
    """

    weights: Array
    places: Array
    std: float
    exact: bool = False

    def moment(self, activation: Activation, power: int) -> Number:
        """E phi(h)^power for powers 1 and 2."""
        ask = gaussian.mean if power == 1 else gaussian.second_moment
        return mp.mpf(float(self.weights @ ask(activation, self.places, self.std).value))

    def slope_moment(self, activation: Activation) -> Number:
        """E phi'(h)^2."""
        return mp.mpf(
            float(self.weights @ gaussian.slope_second_moment(activation, self.places, self.std).value)
        )

    def plus(self, std: float) -> NormalMixture:
        """The law after an independent normal variable of this standard deviation is added."""
        return NormalMixture(self.weights, self.places, float(np.hypot(self.std, std)))

    def scaled(self, factor: float) -> NormalMixture:
        """The law of a multiple."""
        return NormalMixture(self.weights, factor * self.places, abs(factor) * self.std)

    def grid(self, kinks: Array, fine: int = 1) -> tuple[Array, Array]:
        """Nodes of quadrature for the law, panels split at kinks, and the probability at each.

        Args:
            kinks: where what is averaged has kinks.
            fine: panels per standard deviation.

        Raises:
            DerivationError: a is spread so much wider than g that the panels are too many.
        """
        if self.std == 0:
            return self.places, self.weights
        low = float(self.places.min()) - REACH * self.std
        high = float(self.places.max()) + REACH * self.std
        if not fine * (high / self.std - low / self.std) < MOST_PANELS:
            raise DerivationError(
                "the law of the sum of a skip connection and its branch",
                f"a branch smaller than 1/{MOST_PANELS:,} of what it is added to is not followed",
                "Raise the multiplier of the branch or the variance of its weights, or give it no post=.",
            )
        count = int(np.ceil(fine * (high - low) / self.std))
        inside = kinks[(kinks > low) & (kinks < high)]
        graded = (inside[:, None] + self.std * STEPS_FROM_KINKS).ravel()
        edges = np.unique(np.concatenate([np.linspace(low, high, count + 1), inside, graded]))
        edges = edges[(edges >= low) & (edges <= high)]
        half = np.diff(edges)[:, None] / 2
        nodes = (edges[:-1, None] + half * (PANEL[0] + 1)).ravel()
        width = (half * PANEL[1]).ravel()
        return nodes, width * self.density(nodes)

    def density(self, at: Array) -> Array:
        """The density at some places, which ascend."""
        order = np.argsort(self.places)
        places, weights, found = self.places[order], self.weights[order], np.empty(len(at))
        for here, near in self.near(at, places):
            found[here] = self.bell(at[here, None] - places[near]) @ weights[near]
        return found

    def bell(self, away: Array) -> Array:
        """The density of g, which ends where no digit of it is left."""
        steps = away / self.std
        inside = np.exp(-(steps**2) / 2) / (self.std * np.sqrt(2 * np.pi))
        return np.where(np.abs(steps) <= REACH, inside, 0.0)

    def near(self, first: Array, second: Array) -> Iterator[tuple[slice, slice]]:
        """Yield groups of the first places, and the second ones that g can reach from them; both ascend."""
        for start in range(0, len(first), GROUP):
            group = first[start : start + GROUP]
            low = np.searchsorted(second, group[0] - REACH * self.std)
            high = np.searchsorted(second, group[-1] + REACH * self.std, side="right")
            yield slice(start, start + len(group)), slice(int(low), int(high))


@dataclass(frozen=True, eq=False)
class SharedBias:
    """One unit a + g_p at every position of a channel, in the limit of wide layers; they share a.

    Args:
        bias: the distribution of a.
        weights, places: as for `NormalMixture`.
        stds: of g_p, by position.
        exact: whether the g_p are normal at every width.
    """

    bias: Distribution
    weights: Array
    places: Array
    stds: Array
    exact: bool = False

    def moment(self, activation: Activation, power: int) -> Number:
        """E phi(h)^power for powers 1 and 2, by position."""
        return self._each(lambda one: one.moment(activation, power))

    def slope_moment(self, activation: Activation) -> Number:
        """E phi'(h)^2, by position."""
        return self._each(lambda one: one.slope_moment(activation))

    def _each(self, ask: Callable[[NormalMixture], Number]) -> Number:
        stds, where = np.unique(self.stds, return_inverse=True)
        found = [ask(NormalMixture(self.weights, self.places, float(std))) for std in stds]
        return np.array(found, dtype=object)[where.reshape(self.stds.shape)]


@dataclass(frozen=True, eq=False)
class Activated:
    """One unit phi(y) for a y that is normal, or a mixture of normals, in the limit of wide layers.

    Args:
        activation: phi.
        parent: the law of y.
    """

    activation: Activation
    parent: NormalUnit | NormalMixture | SharedBias

    @cached_property
    def grid(self) -> tuple[Array, Array, NDArray[np.intp]]:
        """Nodes of y, their probabilities, and for each of them the number of its place."""
        nodes, weights = as_mixture(self.parent).grid(self.activation.breaks)
        nodes, weights = nodes[weights > 1e-300], weights[weights > 1e-300]
        _, where = np.unique(self.activation.value(nodes), return_inverse=True)
        return nodes, weights / weights.sum(), where.ravel()

    @cached_property
    def discrete(self) -> NormalMixture:
        """A discrete law with the same averages of smooth functions."""
        nodes, weights, where = self.grid
        return NormalMixture(
            np.bincount(where, weights).astype(np.float64), np.unique(self.activation.value(nodes)), 0.0
        )


@dataclass(frozen=True, eq=False)
class Several:
    """A unit of one of several groups, such as branches side by side.

    Args:
        shares: how much of all units each group holds.
        states: what is known of each group.
    """

    shares: tuple[Number, ...]
    states: tuple[Any, ...]


UnitLaw: TypeAlias = (
    Distribution | NormalUnit | NormalMixture | SharedBias | Activated | Several | Sample | None
)


def as_mixture(law: UnitLaw) -> NormalMixture:
    """The law of a unit as a mixture of normals, in floats.

    Raises:
        DerivationError: it is not known, or not in numbers.
    """
    if isinstance(law, NormalMixture):
        return law
    if isinstance(law, Activated):
        return law.discrete
    if isinstance(law, NormalUnit) and not isinstance(law.second, (sp.Basic, np.ndarray)):
        std = float(mp.sqrt(max(law.second - law.mean**2, 0)))
        return NormalMixture(np.ones(1), np.array([float(law.mean)]), std)
    if isinstance(law, Sample) and law.rows.size <= MOST_PLACES:
        places, counts = np.unique(law.rows, return_counts=True)
        return NormalMixture(counts / counts.sum(), places, 0.0)
    if isinstance(law, Distribution) and not law.free_symbols:
        return NormalMixture(*nodes_of(law), 0.0)
    raise DerivationError(
        "the law of a unit here", "it is not known in numbers", "Put a dense layer in front of it."
    )


def normal_moment(activation: Activation, mean: Number, second: Number, power: int) -> tuple[Number, str]:
    """E phi(z)^power for z ~ N(mean, second - mean^2), powers 1 and 2, and the kind of number it is.

    Raises:
        DerivationError: there is no closed form, and the moments of z are symbols.
    """
    if not isinstance(second, (sp.Basic, np.ndarray)) and second <= mean**2:
        return mp.mpf(float(activation.value(np.array(float(mean))))) ** power, "closed form"
    found = normal_unit(activation, power, is_zero(mean))
    if found is not None and (found.closed or isinstance(second, sp.Basic)):
        return found(mean, second), "closed form" if found.closed else "estimate"
    ask = gaussian.mean if power == 1 else gaussian.second_moment
    return _numeric(ask, activation, mean, second, kernel(activation).second), "estimate"


def normal_slope_moment(activation: Activation, mean: Number, second: Number) -> tuple[Number, str]:
    """E phi'(z)^2 for z ~ N(mean, second - mean^2), and the kind of number it is.

    Raises:
        DerivationError: there is no closed form, and the moments of z are symbols.
    """
    found = normal_slope(activation, is_zero(mean))
    if found is not None and (found.closed or isinstance(second, sp.Basic)):
        return found(mean, second), "closed form" if found.closed else "estimate"
    ask = gaussian.slope_second_moment
    return _numeric(ask, activation, mean, second, kernel(activation).slope), "estimate"


def _numeric(
    ask: Any, activation: Activation, mean: Number, second: Number, centered: Callable[[float], float]
) -> Number:
    if isinstance(second, np.ndarray):
        mean = np.broadcast_to(mean, second.shape)
        values = {
            (m, q): _numeric(ask, activation, m, q, centered)
            for m, q in zip(mean.flat, second.flat, strict=True)
        }
        each = [values[m, q] for m, q in zip(mean.flat, second.flat, strict=True)]
        return np.array(each, dtype=object).reshape(second.shape)
    if isinstance(second, sp.Basic):
        raise DerivationError(
            f"the moments of {activation} of a normal unit",
            "no closed form is known",
            "Give numbers for all symbols in the network and its input.",
        )
    std = mp.sqrt(max(second - mean**2, 0))
    if mean == 0 and std != 0 and not NARROWEST < std < WIDEST:
        return _far(ask, activation, std)
    if mean == 0 and std != 0 and ask is not gaussian.mean:
        return mp.mpf(centered(float(second)))
    center = 0.0 if std > WIDEST else float(mean)
    return mp.mpf(float(ask(activation, center, float(min(std, WIDEST))).value))


def _far(ask: Any, activation: Activation, std: Number) -> Number:
    """A moment beyond the range of floats: there an activation is a power."""
    end, step = (WIDEST, 0.1) if std > WIDEST else (NARROWEST, 10.0)
    there, nearer = (float(ask(activation, 0.0, float(end) * factor).value) for factor in (1.0, step))
    if there == 0:
        return mp.mpf(0)
    power = round(float(np.log(nearer / there) / np.log(step)))
    return there * (std / end) ** power


def grid_of(law: UnitLaw, kinks: Array, fine: int = 1) -> tuple[Array, Array]:
    """Places and probabilities that stand for the law of a unit in averages of functions with kinks.

    Raises:
        DerivationError, MomentError: the law is not known in numbers.
    """
    if not isinstance(law, Distribution):
        return as_mixture(law).grid(kinks, fine=8 * fine)
    try:
        found = quadrature(law, kinks, fine)
    except LawError as error:
        weights, places = nodes_of(law)
        if len(places) < NODES:  # a law of few atoms
            return places, weights
        raise MomentError(f"averages over {law}", "its density is not known", error.remedy) from None
    return found.values, found.chances


def law_moment(
    activation: Activation, law: Distribution, power: int, slope: bool = False
) -> tuple[Number, str]:
    """E phi(X)^power, or E phi'(X)^power, of an input X, by quadrature of its density, split at kinks.

    Raises:
        MomentError: two rules disagree, or there is none, so that the number is not known.
    """
    function = activation.derivative if slope else activation.value
    fine, coarse = (
        float(weights @ function(places) ** power)
        for places, weights in (grid_of(law, activation.breaks, times) for times in (2, 1))
    )
    if abs(fine - coarse) > TOLERANCE * max(abs(fine), 1e-12):
        raise MomentError(
            f"E {activation}(X)^{power} for X of {law}",
            "no closed form is known, and two quadrature rules disagree",
            "Put a dense layer in front of it.",
        )
    return mp.mpf(fine), "estimate"
