"""What a multiplier on the weights does over depth, and how far it may be off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import mpmath
import numpy as np
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation
from varprop.derivation.quantities import Equal, Variance
from varprop.derivation.solve import solve
from varprop.errors import ParameterError
from varprop.model.activations import Activation, activation as as_named
from varprop.model.axes import Axis
from varprop.model.distributions import Normal, Unknown
from varprop.model.domains import Parameter
from varprop.model.expressions import Expression, sum_over
from varprop.model.scalars import ScalarLike, scalar, symbol
from varprop.model.variables import RandomVariable
from varprop.networks.lengths import Array, homogeneous_factor, lengths
from varprop.questions.lessons import Lesson, curve, depth_of
from varprop.render import Plot, Series, Text

__all__ = ["Multiplier", "StartingPoint"]

M, Q = symbol("m"), symbol("q")
SMALLEST, LARGEST = 1e-3, 1e3
"""Where multipliers are looked for."""
FIRST_GRID, GRID, SLACK = 64, 24, 1e-9
FAR = 100
"""At this depth it shows whether a range closes in."""
SHOWN_LAYERS = 3
"""How many layers the derivation writes out."""


def usual(phi: Activation) -> float:
    """n Var(w) of the rule of phi: 1/phi'(0)^2 for an odd phi such as tanh, else 1/E phi(g)^2."""
    constant = homogeneous_factor(phi)
    if constant is not None:
        return 1 / float(constant)
    slope = float(phi.derivative(np.zeros(1))[0])
    if phi.parity == "odd" and slope:
        return 1 / slope**2
    return 1 / float(lengths(phi, 1.0, 1.0, 1)[1])


def chain(phi: Activation, layers: int, scaled: sp.Expr) -> Expression:
    """A net of some layers whose weights have the variance that keeps E z^2, times `scaled`."""
    constant = homogeneous_factor(phi)
    assert constant is not None
    before = Axis("i0", symbol("n_0"))
    h: Expression = RandomVariable("z0", Normal(variance=Q), axes=before)
    for layer in range(1, layers + 1):
        axis = Axis(f"i{layer}", symbol(f"n_{layer}"))
        law = Normal(variance=scaled / (constant * before.size))
        w = RandomVariable(f"w{layer}", law, axes=(axis, before), role="weights")
        h, before = sum_over(before, w * phi(h)), axis
    return h


class _OverDepth(Lesson):
    """What both questions share: layers, one activation, and the second moment that enters."""

    depth: int
    activation: Activation | str
    q: float

    def _settle(self, name: str, low: int, example: str) -> None:
        """Check the fields; the one of this name is a number above `low`."""
        depth_of(self.depth)
        exact = Parameter(name, name, low=low, low_open=True).validate(
            getattr(self, name), type(self).__name__
        )
        if not exact.is_number:
            raise ParameterError(f"{name}={exact}", "it is a symbol", f"Give a number, such as {example}.")
        object.__setattr__(self, name, exact)
        object.__setattr__(self, "activation", as_named(self.activation))
        lengths(self.phi, 1.0, self.q, 0)

    @property
    def phi(self) -> Activation:
        """The activation."""
        return as_named(self.activation)


@dataclass(frozen=True)
class Multiplier(_OverDepth):
    """What a factor m on all weights does: m^(2L) after L layers, exact if phi is homogeneous, without bias.

    On the variance instead of the weights it is m^L. Through other activations the length map says what.

    Args:
        m: the factor on the weights.
        depth: L.
        activation: phi.
        q: the second moment that enters.
    """

    m: ScalarLike = "11/10"
    depth: int = 50
    activation: Activation | str = "relu"
    q: float = 1.0

    def __post_init__(self) -> None:
        self._settle("m", 0, "1.1")

    @property
    def homogeneous(self) -> bool:
        """Whether E phi(h)^2 is one multiple of E h^2 for every symmetric h."""
        return homogeneous_factor(self.phi) is not None

    @property
    def question(self) -> str:
        return f"What does a factor {self.m} on all weights do to {self.depth} layers of {self.phi}?"

    @cached_property
    def derivation(self) -> Derivation:
        """Three layers with the factor m on their weights; one layer for other activations."""
        if self.homogeneous:
            return derive(Variance(chain(self.phi, SHOWN_LAYERS, M**2)))
        i = Axis("i", symbol("n"))
        w = RandomVariable("w", Unknown(mean=0, variance=symbol("v")), axes=i, role="weights")
        x = RandomVariable(
            "x", Unknown(mean=symbol("phi_1"), variance=symbol("phi_2") - symbol("phi_1") ** 2), axes=i
        )
        return derive(Variance(sum_over(i, M * w * x)))

    @property
    def on_the_variance(self) -> Derivation:
        """The same three layers with the factor m on the variance of their weights.

        Raises:
            ParameterError: the activation is not homogeneous.
        """
        if not self.homogeneous:
            raise ParameterError(
                f"m^L through {self.phi}", "it is not homogeneous", "Read the table instead."
            )
        return derive(Variance(chain(self.phi, SHOWN_LAYERS, M)))

    @property
    def number(self) -> sp.Expr:
        """What E z^2 is multiplied by from the first layer to the last."""
        if self.homogeneous:
            return scalar(self.m, "m") ** (2 * self.depth)
        return sp.Float(float(self._path(float(self.m))[-1] / self.q))

    def _path(self, m: float) -> Array:
        return lengths(self.phi, usual(self.phi) * m * m, self.q, self.depth)

    @property
    def statement(self) -> Text:
        m, power = float(self.m), 2 * self.depth
        if self.homogeneous:
            return Text(
                "The factor multiplies the variance of every weight by m^2, and each layer hands that on: "
                f"m^(2L) = {m:g}^{power} = {_power(m, power)}, exact at every width for weights symmetric "
                f"about zero and no bias. On the variance it would be m^L = {_power(m, self.depth)}."
            )
        at_one = float(self._path(1.0)[-1] / self.q)
        return Text(
            f"{self.phi} is not homogeneous, so m^(2L) = {_power(m, power)} is not what happens: by the "
            f"length map the second moment is multiplied by {float(self.number):.4g} over {self.depth} "
            f"layers, by {at_one:.4g} for m = 1, which is n Var(w) = {usual(self.phi):.4g}."
        )

    def rows(self) -> tuple[list[str], list[list[object]]]:
        header = ["m", "m^(2L)", f"E z^2 after {self.depth} layers", "m^L, on the variance"]
        rows: list[list[object]] = []
        for m in sorted({0.5, 0.9, 0.99, 1.0, 1.01, 1.1, 2.0, float(self.m)}):
            on_weights, on_variance = _power(m, 2 * self.depth), _power(m, self.depth)
            rows.append([f"{m:g}", on_weights, f"{self._path(m)[-1]:.4g}", on_variance])
        return header, rows

    def picture(self) -> Plot:
        series = [curve(f"m = {m:g}", self._path(m)) for m in dict.fromkeys([float(self.m), 1.0, 0.9])]
        return Plot(series, f"The signal through {self.phi}", "layer", "E z^2", log_y=True)


@dataclass(frozen=True)
class StartingPoint(_OverDepth):
    """How far the multiplier may be off: the range of m that keeps L layers within a factor of the start.

    m^(2L) = within gives m = within^(1/(2L)) for a homogeneous activation; else by the length map.

    Args:
        depth: L.
        activation: phi.
        within: the factor, above 1.
        q: the second moment that enters.
    """

    depth: int = 50
    activation: Activation | str = "relu"
    within: ScalarLike = 10
    q: float = 1.0

    def __post_init__(self) -> None:
        self._settle("within", 1, "10")

    @property
    def question(self) -> str:
        return f"How much does the multiplier matter for {self.depth} layers of {self.phi}?"

    @cached_property
    def derivation(self) -> Derivation:
        """One layer with the factor m on its weights; for a homogeneous phi three layers, solved for m."""
        if homogeneous_factor(self.phi) is None:
            return Multiplier(1, self.depth, self.activation, self.q).derivation
        goal = scalar(self.within, "within") * Q
        return solve(Equal(Variance(chain(self.phi, SHOWN_LAYERS, M**2)), goal), "m")

    @property
    def number(self) -> sp.Expr:
        """The largest m; its inverse is the smallest for a homogeneous activation."""
        return self.range[1]

    @cached_property
    def range(self) -> tuple[sp.Expr, sp.Expr]:
        """The smallest and the largest multiplier."""
        return self.range_at(self.depth)

    def range_at(self, depth: int) -> tuple[sp.Expr, sp.Expr]:
        """The range for another depth.

        Raises:
            ParameterError: it is no depth, or no multiplier does it.
        """
        return self._ranges((depth_of(depth),))[0]

    def _ranges(self, depths: tuple[int, ...]) -> tuple[tuple[sp.Expr, sp.Expr], ...]:
        within = scalar(self.within, "within")
        if homogeneous_factor(self.phi) is not None:
            largest = [within ** sp.Rational(1, 2 * depth) for depth in depths]
            return tuple((1 / end, end) for end in largest)
        found = _solved(self.phi, depths, self.q, float(within))
        return tuple((sp.Float(low), sp.Float(high)) for low, high in found)

    @property
    def statement(self) -> Text:
        low, high = (float(end) for end in self.range)
        near, far = ([float(end) for end in ends] for ends in self._ranges((3, max(self.depth, FAR))))
        closes = math.log(far[1] / far[0]) < math.log(near[1] / near[0]) / 2
        return Text(
            f"Within a factor {self.within} of its start after {self.depth} layers: m from {low:.4f} to "
            f"{high:.4f}, where m = 1 is n Var(w) = {usual(self.phi):.4g} and lies "
            f"{'inside' if low <= 1 <= high else 'outside'}. In 3 layers m may be "
            f"{near[0]:.3f} to {near[1]:.3f}: "
            "there the rule is a starting point, and tuning it has a modest effect. ",
            "The range closes in with depth: deep nets need the right constant."
            if closes
            else "The range stays wide with depth: the signal settles, though its gradient need not.",
        )

    def rows(self) -> tuple[list[str], list[list[object]]]:
        header = ["layers", "smallest m", "largest m"]
        depths = tuple(sorted({1, 3, 10, 30, 100, self.depth}))
        ranges = self._ranges(depths)
        return header, [
            [str(depth), *(f"{float(end):.5f}" for end in ends)]
            for depth, ends in zip(depths, ranges, strict=True)
        ]

    def picture(self) -> Plot:
        depths = sorted({*(int(d) for d in np.geomspace(1, max(self.depth, 2), 12)), self.depth})
        ends = [tuple(map(float, pair)) for pair in self._ranges(tuple(depths))]
        series = [
            Series("largest m", depths, [high for _, high in ends]),
            Series("smallest m", depths, [low for low, _ in ends]),
        ]
        return Plot(series, f"Multipliers within a factor {self.within}, {self.phi}", "layers", "m")


def _power(m: float, exponent: int) -> str:
    """m^exponent in four digits, also where float64 ends."""
    with np.errstate(over="ignore", under="ignore"):
        number = float(np.power(m, float(exponent)))
    return f"{number:.4g}" if 0 < number < math.inf else str(mpmath.nstr(mpmath.mpf(m) ** exponent, 4))


@lru_cache(maxsize=64)
def _solved(
    phi: Activation, depths: tuple[int, ...], q: float, within: float
) -> tuple[tuple[float, float], ...]:
    """The ends of the ranges, where the length map meets the two goals; it must grow with m.

    Each round lays a grid between the neighbors of a goal; the last one is interpolated in logarithms.
    """
    goals = np.log([q / within, q * within])[:, np.newaxis]
    m = np.linspace(math.log(SMALLEST), math.log(LARGEST), FIRST_GRID)
    for grid in (GRID, GRID, 0):
        path = lengths(phi, usual(phi) * np.exp(2 * m), q, max(depths))
        with np.errstate(divide="ignore", invalid="ignore"):
            rows = [np.log(path[depth] if m.ndim == 1 else path[depth, k]) for k, depth in enumerate(depths)]
            reached = np.stack([np.broadcast_to(row, (2, row.shape[-1])) for row in rows])
            falls = (np.diff(reached, axis=2) < -SLACK).any()
        m = np.broadcast_to(m, reached.shape)
        above = np.argmax(reached >= goals, axis=2)[..., np.newaxis]
        if falls or (above == 0).any():
            missing = f"no single range of multipliers keeps {max(depths)} layers of {phi} within {within:g}"
            raise ParameterError("range of multipliers", missing, "Choose another q, or another factor.")
        low, high = (np.take_along_axis(m, above - k, 2) for k in (1, 0))
        under, over = (np.take_along_axis(reached, above - k, 2) for k in (1, 0))
        if grid:
            m = low + (high - low) * np.linspace(0, 1, grid)
    found = np.exp(low + (goals - under) / (over - under) * (high - low))[..., 0]
    return tuple((float(a), float(b)) for a, b in found)
