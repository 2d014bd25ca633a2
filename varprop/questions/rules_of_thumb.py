"""Where the constants of the lectures come from: the root, 1 for tanh, 2 for ReLU, and Glorot's rule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation
from varprop.derivation.quantities import Equal, Mean, Variance
from varprop.derivation.solve import solve
from varprop.errors import ParameterError
from varprop.model.activations import Activation, relu, tanh
from varprop.model.axes import Axis
from varprop.model.distributions import Normal, Unknown
from varprop.model.expressions import sum_over
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable
from varprop.networks.catalogue import he_normal
from varprop.networks.compromises import Compromises, compromises
from varprop.networks.lengths import Array, lengths, slopes
from varprop.networks.schemes import factors
from varprop.networks.writing import shown
from varprop.questions.lessons import Lesson, curve, depth_of
from varprop.render import Math, Plot, Series, Text

__all__ = ["AnotherVersion", "OneForTanh", "TheRoot", "TwoForRelu"]

N, Q = symbol("n"), symbol("q")


@dataclass(frozen=True)
class TheRoot(Lesson):
    """Why `np.random.randn(n_out, n_in) * np.sqrt(2 / n_in)` has a root: Var(c g) = c^2 Var(g).

    Args:
        n_out, n_in: the shape.
        depth: how many layers the table and the plot go through.
    """

    n_out: int = 256
    n_in: int = 784
    depth: int = 10

    def __post_init__(self) -> None:
        depth_of(self.depth)
        if he_normal((self.n_out, self.n_in)).free_symbols:
            raise ParameterError("TheRoot", "a size is a symbol", "Give numbers; the derivation keeps n.")

    @property
    def question(self) -> str:
        return "Why the square root in randn(n_out, n_in) * sqrt(2/n_in)?"

    @cached_property
    def derivation(self) -> Derivation:
        g = RandomVariable("g", Normal())
        return solve(Equal(Variance(symbol("c") * g), 2 / N), "c")

    @property
    def number(self) -> sp.Expr:
        return self.derivation.result.subs(N, self.n_in)

    @cached_property
    def largest_difference(self) -> float:
        """The largest difference between the lecture's line and `he_normal(...).draw`, from one seed."""
        lecture = np.random.RandomState(0).randn(self.n_out, self.n_in) * np.sqrt(2 / self.n_in)
        drawn = he_normal((self.n_out, self.n_in)).draw(np.random.RandomState(0))
        return float(np.abs(drawn - lecture).max())

    @property
    def statement(self) -> Text:
        promised = he_normal((self.n_out, self.n_in))
        return Text(
            "randn has variance 1, and a factor c on it makes c^2. Asked is the variance ",
            shown(promised.variance),
            ", so c is its root, ",
            Math(sp.latex(self.number), f"{float(self.number):.6g}"),
            f". The line is {promised}.draw(rng): from one seed the largest difference of the two is "
            f"{self.largest_difference:g}. Without the root the variance is ",
            shown(promised.variance**2),
            " and the signal is gone after a few layers.",
        )

    def _factors(self) -> list[tuple[str, sp.Expr]]:
        per_variance = factors(relu, sp.S.One).forward / symbol("v")
        at = {symbol("n_in"): self.n_in}
        return [
            ("sqrt(2/n)", sp.Rational(2, self.n_in) * per_variance.subs(at)),
            ("2/n", sp.Rational(2, self.n_in) ** 2 * per_variance.subs(at)),
            ("1", per_variance.subs(at)),
        ]

    def rows(self) -> tuple[list[str], list[list[object]]]:
        header = ["randn *", "factor per layer", f"after {self.depth} layers"]
        rows = [[name, shown(f), f"{float(f) ** self.depth:.3g}"] for name, f in self._factors()]
        return header, rows

    def picture(self) -> Plot:
        layers = range(self.depth + 1)
        series = [
            Series(f"randn * {name}", layers, [float(f) ** k for k in layers]) for name, f in self._factors()
        ]
        return Plot(series, "Second moment by layer, ReLU", "layer", "E z^2", log_y=True)


@dataclass(frozen=True)
class OneForTanh(Lesson):
    """Why 1/n for tanh: its slope at 0 is 1, so small signals pass; and why the signal still fades, slowly.

    q' = E tanh(sqrt(q) g)^2 = q - 2 q^2 + ..., so q is about 1/(2 l) after l layers.

    Args:
        depth: the number of layers.
        q: the second moment that enters.
    """

    depth: int = 50
    q: float = 1.0

    def __post_init__(self) -> None:
        depth_of(self.depth)
        lengths(tanh, 1.0, self.q, 0)

    @property
    def question(self) -> str:
        return "Why 1/n for tanh, and why does the signal still fade?"

    @cached_property
    def slope(self) -> sp.Expr:
        """tanh'(0), from its series."""
        return sp.nsimplify(float(tanh.derivative(np.zeros(1))[0]))

    @cached_property
    def derivation(self) -> Derivation:
        """Var(sum_i w_i a h_i) = E h^2 solved for Var(w), with the slope a at 0."""
        i = Axis("i", N)
        w = RandomVariable("w", Unknown(mean=0, variance="v"), axes=i, role="weights")
        h = RandomVariable("h", Unknown(mean=0, variance=Q), axes=i)
        return solve(Equal(Variance(sum_over(i, symbol("a") * w * h)), Q), "v")

    @cached_property
    def loss(self) -> Derivation:
        """E of the series of tanh(h)^2 to the order h^4: what one layer leaves of a small q."""
        x = sp.Symbol("x")
        series = sp.series(sp.tanh(x) ** 2, x, 0, 6).removeO()
        h = RandomVariable("h", Normal(variance=Q))
        return derive(Mean(sum((c * h**k for (k,), c in sp.Poly(series, x).terms()), start=0 * h)))

    @property
    def number(self) -> sp.Expr:
        return self.derivation.result.subs(symbol("a"), self.slope)

    @cached_property
    def path(self) -> Array:
        """The second moment of the pre-activations, layer by layer."""
        return lengths(tanh, 1.0, self.q, self.depth)

    @cached_property
    def slopes(self) -> Array:
        """E tanh'(z_l)^2, layer by layer: the backward factors of square layers."""
        return slopes(tanh, self.path[:-1])

    @property
    def statement(self) -> Text:
        return Text(
            "Near 0 tanh has slope ",
            shown(self.slope),
            ", so a small signal keeps its variance if n Var(w) = 1. But |tanh z| < |z|: one layer leaves ",
            Math(rf"q - {sp.latex(Q - self.loss.result)}", f"q - {Q - self.loss.result}"),
            " + ... of a small second moment q, which makes it about 1/(2 l) after l layers: a slow fading "
            f"by a power of the depth. From q = {self.q:g}, {self.depth} layers leave {self.path[-1]:.4g}; "
            f"the gradient of square layers keeps {np.prod(self.slopes):.3g}.",
        )

    def rows(self) -> tuple[list[str], list[list[object]]]:
        header = ["layer", "E z^2", "1/(2 l)", "E tanh'^2", "gradient so far"]
        steps = sorted({1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000, self.depth})
        through = np.cumprod(self.slopes)
        rows: list[list[object]] = [
            [
                str(k),
                f"{self.path[k]:.5g}",
                f"{1 / (2 * k):.5g}",
                f"{self.slopes[k - 1]:.5g}",
                f"{through[k - 1]:.3g}",
            ]
            for k in steps
            if k <= self.depth
        ]
        return header, rows

    def picture(self) -> Plot:
        layers = range(1, self.depth + 1)
        series = [
            curve("tanh, n Var(w) = 1", self.path),
            Series("1/(2 l)", layers, [1 / (2 * k) for k in layers]),
            curve("n Var(w) = 1/2", lengths(tanh, 0.5, self.q, self.depth)),
        ]
        return Plot(series, "The signal through tanh", "layer", "E z^2", log_y=True)


@dataclass(frozen=True)
class TwoForRelu(Lesson):
    """Why 2/n for ReLU: the next layer sees the second moment, E relu(h)^2 = 1/2, not the variance 0.3408.

    Args:
        depth: the number of layers.
    """

    depth: int = 50

    def __post_init__(self) -> None:
        depth_of(self.depth)

    @property
    def question(self) -> str:
        return "Why 2/n for ReLU?"

    @cached_property
    def derivation(self) -> Derivation:
        i = Axis("i", N)
        w = RandomVariable("w", Unknown(mean=0, variance="v"), axes=i, role="weights")
        h = RandomVariable("h", Normal(variance=Q), axes=i)
        return solve(Equal(Variance(sum_over(i, w * relu(h))), Q), "v")

    @cached_property
    def second_moment(self) -> Derivation:
        """E relu(h)^2 of a standard normal h."""
        return derive(Mean(relu(RandomVariable("h", Normal())) ** 2))

    @cached_property
    def variance(self) -> Derivation:
        """Var relu(h) of a standard normal h."""
        return derive(Variance(relu(RandomVariable("h", Normal()))))

    @property
    def number(self) -> sp.Expr:
        return self.derivation.result

    @property
    def statement(self) -> Text:
        return Text(
            "Var(z) = n Var(w) E[relu(h)^2]: weights of mean zero make the second moment count, and that is "
            "half of E[h^2] for every symmetric h: ",
            shown(self.second_moment.result),
            " for a standard normal one. Its variance is only ",
            Math(sp.latex(self.variance.result), str(self.variance.result)),
            f" = {float(self.variance.result):.4f}, since its mean is not zero; taking that instead asks for "
            f"{1 / float(self.variance.result):.4f}/n, and {self.depth} layers grow the signal by "
            f"{(float(self.second_moment.result) / float(self.variance.result)) ** self.depth:.3g}.",
        )

    def _rules(self) -> list[tuple[str, sp.Expr]]:
        half, spread = self.second_moment.result, self.variance.result
        return [
            ("2/n: the second moment", half * 2),
            ("1/n: as if there were no ReLU", half),
            ("1/(2n): half of 1/n", half / 2),
            (f"{1 / float(spread):.4f}/n: the variance instead", sp.simplify(half / spread)),
        ]

    def rows(self) -> tuple[list[str], list[list[object]]]:
        header = ["Var(w)", "factor per layer", f"after {self.depth} layers"]
        return header, [[name, shown(f), f"{float(f) ** self.depth:.3g}"] for name, f in self._rules()]

    def picture(self) -> Plot:
        layers = range(self.depth + 1)
        series = [
            Series(name.partition(":")[0], layers, [float(f) ** k for k in layers])
            for name, f in self._rules()
        ]
        return Plot(series, "The signal through ReLU", "layer", "E z^2", log_y=True)


@dataclass(frozen=True)
class AnotherVersion(Lesson):
    """What "another version by Bengio", 2/(n_in + n_out), does: the signal and the gradient share the loss.

    Args:
        n_out, n_in: the shape.
        activation: what feeds the layer.
    """

    n_out: int = 256
    n_in: int = 784
    activation: Activation | str = "identity"

    @cached_property
    def curve(self) -> Compromises:
        """All variances between the two that keep one of them."""
        return compromises((self.n_out, self.n_in), self.activation)

    def __post_init__(self) -> None:
        _ = self.curve

    @property
    def question(self) -> str:
        return "What is the other version, 2/(n_in + n_out), for?"

    @property
    def derivation(self) -> Derivation:
        return self.curve.derivation

    @property
    def number(self) -> sp.Expr:
        return self.curve.variance("1/2")

    @property
    def statement(self) -> Text:
        both, forward = self.curve.factors("1/2"), self.curve.factors(1)
        return Text(
            "The signal is kept by ",
            shown(self.curve.variance(1)),
            ", the gradient by ",
            shown(self.curve.variance(0)),
            "; one number cannot be both unless the layer is square. Glorot and Bengio's ",
            shown(self.number),
            " makes the two factors 1 on average: the signal gets ",
            shown(both.forward),
            ", the gradient ",
            shown(both.backward),
            ", where the forward rule gives ",
            shown(forward.forward),
            " and ",
            shown(forward.backward),
            ". Lectures call 1/n Xavier's; the frameworks' Xavier is this one.",
        )

    def rows(self) -> tuple[list[str], list[list[object]]]:
        header = ["n_in", "n_out", "1/n_in", "2/(n_in + n_out)", "signal", "gradient"]
        rows: list[list[object]] = []
        shapes = dict.fromkeys([(self.n_out, self.n_in), (512, 512), (256, 512), (512, 256), (10, 512)])
        for n_out, n_in in shapes:
            made = compromises((n_out, n_in), self.activation)
            numbers = (n_in, n_out, made.variance(1), made.variance("1/2"), *made.factors("1/2"))
            rows.append([shown(part) for part in numbers])
        return header, rows

    def picture(self) -> Plot:
        [plot] = self.curve.plot().blocks
        assert isinstance(plot, Plot)
        return plot
