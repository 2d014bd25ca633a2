"""Gains: by what factor the weights after an activation make up for what it does to signal and gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Mean
from varprop.errors import MomentError, ParameterError
from varprop.model.activations import Activation, activation as as_activation, slope_of
from varprop.model.decimals import cancels, decimal, rounded
from varprop.model.distributions import Normal
from varprop.model.distributions.base import Precision
from varprop.model.domains import Parameter
from varprop.model.gaussian import GaussianMean, error_of, gaussian_mean, precision_of
from varprop.model.scalars import ScalarLike
from varprop.model.variables import RandomVariable
from varprop.render import Bullets, Document, Documented, Heading, Math, Table, Text

__all__ = ["KINDS", "Gain", "gain"]

LONG = 48
EPSILON = 2.0**-53
SCALED = Math(r"\operatorname{Var}(w) = \mathrm{gain}^2 / \mathrm{fan\_in}", "Var(w) = gain^2 / fan_in")
KINDS = ("forward", "centered", "backward", "compromise")
Q = Parameter("q", "q", low=0, low_open=True, typical=(0.5, 2))
FAN = Parameter("fan_in", "n", low=1)


@dataclass(frozen=True)
class Gain(Documented):
    r"""The gains of an activation: weights of standard deviation gain / sqrt(fan_in) keep a second moment.

    z ~ N(0, q) enters phi, and the next z' = sum_i w_i phi(z_i) with Var(w_i) = gain^2 / fan_in has

    - forward: E z'^2 = q, so gain = sqrt(q / E phi(z)^2); 1 / rms(phi) at q = 1;
    - centered: the same if phi - E phi is fed on, so gain = sqrt(q / Var phi(z)); 1 / std(phi) at q = 1;
    - backward: the gradient keeps its second moment, so gain = 1 / sqrt(E phi'(z)^2);
    - compromise: the mean of both factors is one, gain = sqrt(2 / (E phi(z)^2 / q + E phi'(z)^2)), which is
      Glorot's rule for a square matrix.

    Every number is an exact SymPy expression, or holds a GaussianMean whose digits are proven or estimated.

    Args:
        activation: phi.
        q: the variance of its argument.

    Example:
        >>> g = gain("relu")
        >>> g.forward, g.centered, g.backward, g.chi_1
        (sqrt(2), sqrt(2)*sqrt(pi)/sqrt(-1 + pi), sqrt(2), 1)

    Source: He, Zhang, Ren, Sun 2015 for forward and backward; Glorot, Bengio 2010 for the compromise; Brock,
    De, Smith 2021 for the centered one.
    """

    activation: Activation
    q: sp.Expr

    @cached_property
    def mean(self) -> sp.Expr:
        """E phi(z)."""
        found = self._mean_of(self.activation, 1)
        return sp.S.Zero if _cancels(found) else found

    @cached_property
    def second_moment(self) -> sp.Expr:
        """E phi(z)^2."""
        found = self._mean_of(self.activation, 2)
        return sp.S.Zero if found.is_number and found.has(GaussianMean) and decimal(found) == 0 else found

    @cached_property
    def variance(self) -> sp.Expr:
        """Var phi(z).

        Raises:
            MomentError: phi is known by its values alone, and their rounding hides it.
        """
        found = self.second_moment - self.mean**2
        if self.activation.pieces is not None or not found.has(GaussianMean) or not found.is_number:
            return found
        if abs(float(found)) > error_of(found):
            return found
        if self.slope_second_moment == 0:
            return sp.S.Zero  # a constant
        missing = f"it is too small against E phi^2 = {float(self.second_moment):.4g}"
        raise MomentError(f"Var {self.activation}(z)", missing, "Give phi as a SymPy expression.")

    @cached_property
    def slope_second_moment(self) -> sp.Expr:
        """E phi'(z)^2, phi' where it exists."""
        slope = slope_of(self.activation)
        if slope is None:
            return sp.S.Zero
        found = self._mean_of(slope, 2)
        if slope.pieces is not None or not found.has(GaussianMean) or not found.is_number:
            return found
        return found if abs(float(found)) > error_of(found) else sp.S.Zero  # constant between its jumps

    def _mean_of(self, phi: Activation, power: int) -> sp.Expr:
        if phi.growth is None:  # nothing is known of its tails; the quadrature looks at them
            return gaussian_mean(phi, power, sp.S.Zero, self.q)
        z = RandomVariable("z", Normal(variance=self.q))
        return derive(Mean(phi(z) ** power)).result

    @cached_property
    def forward(self) -> sp.Expr:
        """sqrt(q / E phi(z)^2)."""
        return _root(self.q / self.second_moment) if self.second_moment != 0 else sp.oo

    @cached_property
    def centered(self) -> sp.Expr:
        """sqrt(q / Var phi(z))."""
        return _root(self.q / self.variance) if self.variance != 0 else sp.oo

    @cached_property
    def backward(self) -> sp.Expr:
        """1 / sqrt(E phi'(z)^2); infinite where no gradient passes."""
        return _root(1 / self.slope_second_moment) if self.slope_second_moment != 0 else sp.oo

    @cached_property
    def compromise(self) -> sp.Expr:
        """sqrt(2 / (E phi(z)^2 / q + E phi'(z)^2))."""
        both = self.second_moment / self.q + self.slope_second_moment
        return _root(2 / both) if both != 0 else sp.oo

    @property
    def chi_1(self) -> sp.Expr:
        """What a layer with the forward gain multiplies the gradient's second moment by."""
        return self.chi("forward")

    def chi(self, kind: str = "forward") -> sp.Expr:
        """What a layer with this gain multiplies the gradient's second moment by, chi_1 = gain^2 E phi'(z)^2.

        Example:
            >>> gain("abs").chi("centered"), gain("relu").chi("centered")
            (pi/(-2 + pi), pi/(-1 + pi))
        """
        size = self._of(kind)
        return sp.S.One if kind == "backward" else size**2 * self.slope_second_moment

    def growth(self, kind: str = "forward") -> sp.Expr:
        """What a layer with this gain multiplies the second moment of z by, gain^2 E phi(z)^2 / q.

        Example:
            >>> gain("relu").growth("centered")
            pi/(-1 + pi)
        """
        size = self._of(kind)
        return sp.S.One if kind == "forward" else size**2 * self.second_moment / self.q

    def std(self, fan_in: ScalarLike, kind: str = "forward") -> sp.Expr:
        """The standard deviation of a weight, gain / sqrt(fan_in).

        Args:
            fan_in: how many inputs a unit sums, a number from 1 on or a name.
            kind: "forward", "centered", "backward" or "compromise".

        Raises:
            ParameterError: fan_in is below 1, or the gain is infinite.

        Example:
            >>> gain("relu").std(fan_in=512)
            1/16
        """
        count = FAN.validate(fan_in, "std")
        size = self._of(kind)
        if size == sp.oo:
            raise ParameterError(f"std of weights after {self.activation}", f"the {kind} gain is infinite")
        return size / sp.sqrt(count)

    def _of(self, kind: str) -> sp.Expr:
        if kind not in KINDS:
            raise ParameterError(f"gain of kind {kind!r:.40}", "there is none", f"Use {', '.join(KINDS)}")
        return getattr(self, kind)

    @property
    def precision(self) -> Precision:
        """The worst kind of number among them."""
        return precision_of(self.second_moment + self.mean + self.slope_second_moment)

    def digits(self, kind: str = "forward", count: int = 15) -> sp.Float:
        """A gain as a decimal of this many digits, if q is a number.

        Example:
            >>> gain("gelu").digits("forward", 12)
            1.53353044120
        """
        size = self._of(kind)
        if size.free_symbols:
            raise ParameterError(f"digits of the {kind} gain", f"it depends on {size.free_symbols}", "Give q")
        return size if size == sp.oo else decimal(size, count)

    def error(self, kind: str = "forward") -> float:
        """How far `digits` may be off: proven if `precision` says so, an estimate otherwise; 0 if exact."""
        return error_of(self._of(kind))

    def record(self) -> dict[str, Any]:
        """Formulas, and numbers where q is one, for JSON; an infinite gain has the number None."""
        sizes = {kind: self._of(kind) for kind in KINDS}
        known = {
            kind: number
            for kind, size in sizes.items()
            if not size.free_symbols and math.isfinite(number := float(self.digits(kind)))
        }
        return {
            "activation": str(self.activation),
            "q": str(self.q),
            "precision": self.precision,
            "formulas": {kind: str(size) for kind, size in sizes.items()} | {"chi_1": str(self.chi_1)},
            "numbers": {kind: known.get(kind) for kind in KINDS},
            "errors": {kind: self.error(kind) + EPSILON * number for kind, number in known.items()},
        }

    def document(self) -> Document:
        rows: list[list[Any]] = []
        for kind in KINDS:
            size = self._of(kind)
            number = "" if size.free_symbols else rounded(size, 12)
            rows.append([kind, _shown(size), number, _short(self.growth(kind)), _short(self.chi(kind))])
        facts: list[Text | str] = [
            Text(Math(r"\operatorname{E} \varphi(z)^2", "E phi(z)^2"), " = ", _shown(self.second_moment)),
            Text(Math(r"\operatorname{E} \varphi(z)", "E phi(z)"), " = ", _shown(self.mean)),
            Text(
                Math(r"\operatorname{E} \varphi'(z)^2", "E phi'(z)^2"),
                " = ",
                _shown(self.slope_second_moment),
            ),
            f"Kind of number: {self.precision}.",
        ]
        header = ["gain", "formula", "number", "signal x", "gradient x"]
        return Document(
            [
                Heading(f"Gains of {self.activation}", 1),
                Text(SCALED, " after ", Math(r"\varphi(z)", "phi(z)"), ", ", self._law(), ":"),
                Table(header, rows, align="llrrr"),
                Bullets(facts),
            ]
        )

    def _law(self) -> Math:
        return Math(rf"z \sim \mathcal{{N}}(0, {sp.latex(self.q)})", f"z ~ N(0, {self.q})")

    def __str__(self) -> str:
        return self.to_text()


def _cancels(value: sp.Expr) -> bool:
    """Whether the terms of a number cancel exactly, as for SELU; SymPy is slow to find digits of such."""
    if not value.is_number or value.has(GaussianMean) or not value.is_Add:
        return False
    return cancels(value) and sp.simplify(value) == 0


def _root(square: sp.Expr) -> sp.Expr:
    """The square root, without the nested roots that SymPy makes of short quotients."""
    top, bottom = sp.fraction(sp.together(square)) if square.count_ops() < LONG else (square, sp.S.One)
    return sp.sqrt(square) if square.is_Rational else sp.sqrt(top) / sp.sqrt(bottom)


def _shown(value: sp.Expr) -> Math:
    short = value.free_symbols or len(str(value)) <= LONG
    return Math(sp.latex(value), str(value)) if short else _number(value, 12)


def _short(value: sp.Expr) -> Math:
    if value.free_symbols:
        return _shown(value)
    return _number(value, 6) if value != sp.oo else Math(r"\infty", "oo")


def _number(value: sp.Expr, digits: int) -> Math:
    return Math.decimal(rounded(value, digits))


def gain(activation: Any, q: ScalarLike = 1) -> Gain:
    """Return the gains of an activation whose argument is N(0, q).

    Args:
        activation: an Activation, or its name such as "gelu", "leaky_relu(0.01)" or "celu(2)".
        q: the variance of the argument, a positive number, a symbol or text.

    Raises:
        MomentError: phi(z) has no second moment, or it is not found.
        ParameterError: it is no activation, or q is not positive.
        ParseError: no activation has this name; the message names the nearest.

    Example:
        >>> gain("tanh").forward, gain("tanh").precision != "closed form"
        (1/sqrt(GaussianMean(tanh**2, 0, 1)), True)
        >>> float(gain("selu").forward), round(float(gain("tanh").std(fan_in=100)), 12)
        (1.0, 0.159253741972)

    Source: He, Zhang, Ren, Sun 2015.
    """
    found = Gain(as_activation(activation), Q.validate(q, "gain"))
    for part in ("second_moment", "mean", "slope_second_moment"):
        for inner in getattr(found, part).atoms(GaussianMean):
            if inner.is_number:
                float(inner)  # what is no member of L2, or not found, fails here
    return found
