"""The conflict that Glorot's rule settles: one variance cannot keep the signal and the gradient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from varprop.derivation.proofs import Solution
from varprop.errors import ParameterError
from varprop.model.activations import Activation, activation as as_named, identity
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike, substitute, symbol
from varprop.networks.connectivity import Connectivity
from varprop.networks.schemes import N_IN, N_OUT, Factors, Scheme, V as VARIANCE, factors
from varprop.networks.writing import shown
from varprop.render import Bullets, Document, Documented, Heading, Math, Plot, Series, Table, Text

__all__ = ["Compromises", "compromises"]

SHARE = symbol("t")
POINTS = 41


@dataclass(frozen=True)
class Compromises(Documented):
    """All variances between the one that keeps the signal and the one that keeps the gradient.

    t (forward factor) + (1 - t) (backward factor) = 1 gives 1/n_in at t = 1, 1/n_out at t = 0, Glorot's
    2/(n_in + n_out) at t = 1/2 and 1/sqrt(n_in n_out), where the two factors multiply to 1, in between.

    Args:
        connectivity: the layer.
        activation: what the layer is fed through.
    """

    connectivity: Connectivity
    activation: Activation = identity

    @property
    def derivation(self) -> Solution:
        """The condition with the share t, derived and solved for the variance."""
        return self._scheme.derivation

    @property
    def _scheme(self) -> Scheme:
        return Scheme(self.activation, SHARE)

    def variance(self, share: ScalarLike = "t") -> sp.Expr:
        """The variance for a share of the forward condition.

        Raises:
            ParameterError: the share is not in [0, 1].

        Example:
            >>> compromises((100, 300)).variance("1/2")
            1/200
        """
        t = Parameter("share", "t", low=0, high=1).validate(share, "compromise")
        into, out = self.connectivity.fans
        return _short(substitute(self._scheme.solution, {SHARE: t, N_IN: into, N_OUT: out}))

    def factors(self, share: ScalarLike = "t") -> Factors:
        """What the layer multiplies the second moments of signal and gradient by.

        Example:
            >>> compromises((100, 300)).factors("1/2")
            Factors(forward=3/2, backward=1/2)
        """
        variance = self.variance(share)
        return Factors(*(_short(variance * factor) for factor in self.of_unit_variance))

    @property
    def of_unit_variance(self) -> Factors:
        """What the layer would multiply the second moments by if its weights had variance one."""
        into, out = self.connectivity.fans
        values = {N_IN: into, N_OUT: out, VARIANCE: sp.S.One}
        return Factors(*(substitute(factor, values) for factor in factors(self.activation, sp.S.One)))

    @property
    def balanced(self) -> sp.Expr:
        """The share at which the signal grows as much as the gradient shrinks: sqrt(b) / (sqrt(a) + sqrt(b)).

        a and b are the forward and the backward factor of variance one.
        """
        a, b = map(sp.sqrt, self.of_unit_variance)
        return _short(b / (a + b))

    def table(self, shares: Sequence[ScalarLike] = (1, "3/4", "1/2", "1/4", 0)) -> Document:
        """Variance and factors for some shares, and for the balanced one."""
        names = {
            sp.S.One: "the signal stays",
            sp.S.Half: "1 on average: Glorot",
            sp.S.Zero: "the gradient stays",
        }
        rows: list[list[Math | str]] = []
        for share in map(sp.Rational, map(str, shares)):
            numbers = (share, self.variance(share), *self.factors(share))
            rows.append([*map(shown, numbers), names.get(share, "")])
        a, b = map(sp.sqrt, self.of_unit_variance)
        balanced = (self.balanced, 1 / (a * b), a / b, b / a)
        rows.append([*map(shown, balanced), "both factors multiply to 1"])
        header = ["share t", "variance", "forward", "backward", ""]
        return Document([Table(header, rows, caption=f"Compromises for {self.connectivity}")])

    def plot(self) -> Document:
        """Both factors against the share.

        Raises:
            ParameterError: a size is a symbol.
        """
        if self.connectivity.free_symbols:
            raise ParameterError(
                f"plot for {self.connectivity}", "a size is a symbol", "Give numbers, such as (256, 784)."
            )
        shares = [sp.Rational(k, POINTS - 1) for k in range(POINTS)]
        found = [self.factors(share) for share in shares]
        series = [
            Series("signal", map(float, shares), [float(both.forward) for both in found]),
            Series("gradient", map(float, shares), [float(both.backward) for both in found]),
        ]
        title = f"What one layer does to signal and gradient, {self.connectivity}"
        return Document([Plot(series, title, "share of the forward condition", "factor per layer")])

    def document(self) -> Document:
        """The conflict, its derivation, and the curve."""
        into, out = self.connectivity.fans
        forward, backward = self.variance(1), self.variance(0)
        words = "They are one, and nothing is to settle." if forward == backward else "They differ."
        lines = [
            Text("a unit sums ", shown(into), " terms, an input feeds ", shown(out), " units"),
            Text("the signal stays for Var(w) = ", shown(forward), ", the gradient for ", shown(backward)),
            Text(words, " The two factors are 1 on average for Var(w) = ", shown(self.variance("1/2"))),
        ]
        start = Document([Heading("Signal or gradient"), self.derivation.conclusion(), Bullets(lines)])
        return start + self.table() if self.connectivity.free_symbols else start + self.table() + self.plot()


def compromises(shape: object, activation: Activation | str = "identity") -> Compromises:
    """Return the variances between 1/n_in and 1/n_out for a layer, with what each does both ways.

    Args:
        shape: (n_out, n_in), the shape of a kernel, or a Connectivity; whole numbers or symbols.
        activation: what the layer is fed through.

    Raises:
        ParameterError: a shape without fans, or no activation of this name.

    Example:
        >>> curve = compromises(("n_out", "n_in"))
        >>> curve.variance(1), curve.variance("1/2"), curve.variance(0)
        (1/n_in, 2/(n_in + n_out), 1/n_out)
        >>> compromises((100, 400)).variance(compromises((100, 400)).balanced)
        1/200

    Source: Glorot, Bengio 2010, equations 10 to 12.
    """
    made = shape if isinstance(shape, Connectivity) else Connectivity(shape)  # type: ignore[arg-type]
    return Compromises(made, as_named(activation))


def _short(value: sp.Expr) -> sp.Expr:
    return value if value.is_number else sp.factor(sp.simplify(value))
