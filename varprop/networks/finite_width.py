"""The law of the norm of a net of any finite width: ReLU, leaky ReLU and linear layers, exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import ParameterError
from varprop.model.activations import Activation, HomogeneousActivation, relu
from varprop.model.distributions import Normal
from varprop.model.scalars import scalar
from varprop.networks.finite_width_formulas import (
    as_layers,
    log_formula,
    power_product,
    ratio_sum,
    relative_moment,
    two_slopes,
)
from varprop.networks.finite_width_logs import log_moments
from varprop.networks.finite_width_sampling import log_samples
from varprop.networks.typical import Typical
from varprop.render import Document, Documented, Heading, Math, Table, Text

__all__ = ["NormLaw", "norm_law", "typical"]

Number: TypeAlias = sp.Expr | float

MOST_MOMENTS = 64


@dataclass(frozen=True)
class NormLaw(Documented):
    r"""The law of the squared norm per unit, of layer L over that of the input.

        R = (|h_L|^2 / n_L) / (|x|^2 / n_0)
        R = prod_l sigma_w^2 (a^2 chi2_{K_l} + b^2 chi2_{n_l - K_l}) / n_l,  K_l ~ Binomial(n_l, 1/2)

    with all factors independent; a and b are the slopes of the activation on both sides of zero. It holds
    exactly for independent normal weights of variance sigma_w^2 / fan_in, no bias and any fixed input that is
    not zero. For the Jacobian J of the same net and any fixed direction u, |J u|^2 over |u|^2, both per unit,
    has the same law. `norm_law` makes it.

    Attributes:
        layers: pairs of a width and how many layers have it.
        activation: of every layer.
        weight_variance: sigma_w^2.
    """

    layers: tuple[tuple[sp.Expr, sp.Expr], ...]
    activation: HomogeneousActivation
    weight_variance: sp.Expr

    @property
    def depth(self) -> sp.Expr:
        """The number of layers."""
        return sp.Add(*(count for _, count in self.layers))

    @property
    def depth_to_width(self) -> sp.Expr:
        """The sum of 1/n_l, which decides how far the typical net is from the mean."""
        return ratio_sum(count / width for width, count in self.layers)

    @property
    def factor(self) -> sp.Expr:
        """What one layer multiplies the mean by: sigma_w^2 (a^2 + b^2) / 2."""
        return self.weight_variance * self.activation.moment(2, Normal())

    def moment(self, k: int) -> sp.Expr:
        """Return E R^k: exact, or where its digits grow beyond use a decimal of 30 digits.

        Args:
            k: a whole number from 0 to 64.

        Raises:
            ParameterError: another k.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k <= MOST_MOMENTS:
            raise ParameterError(
                f"moment({k!r:.60})", f"k is a whole number from 0 to {MOST_MOMENTS}", "Choose one of them."
            )
        ratios = [(relative_moment(self.activation, k, width), count) for width, count in self.layers]
        return power_product([(self.factor, k * self.depth), *ratios])

    @property
    def mean(self) -> sp.Expr:
        """E R: the factor to the power of the depth, the same at every width."""
        return self.moment(1)

    @property
    def second_moment(self) -> sp.Expr:
        """E R^2: for ReLU the squared mean times prod(1 + 5/n_l), for a linear net prod(1 + 2/n_l)."""
        return self.moment(2)

    @property
    def variance(self) -> sp.Expr:
        """Var R."""
        return self.second_moment - self.mean**2

    @property
    def output_kurtosis(self) -> sp.Expr:
        """The kurtosis of a pre-activation above layer L, over the weights: 3 E R^2 / (E R)^2."""
        ratios = [(relative_moment(self.activation, 2, width), count) for width, count in self.layers]
        return power_product([(sp.Integer(3), sp.S.One), *ratios])

    @property
    def log_mean(self) -> Number:
        """E log R, given that R > 0: a float, or a formula where a width is a symbol.

        Raises:
            DerivationError: a width or the depth is a symbol, and no formula is known.
        """
        return self._logs[0]

    @property
    def log_variance(self) -> Number:
        """Var log R, given that R > 0: a float, or a formula where a width is a symbol.

        Raises:
            DerivationError: a width or the depth is a symbol, and no formula is known.
        """
        return self._logs[1]

    @property
    def typical(self) -> Number:
        """exp(E log R), the geometric mean of the nets that are alive."""
        value = self.log_mean
        return sp.exp(value) if isinstance(value, sp.Expr) else float(np.exp(max(min(value, 709.7), -800.0)))

    @property
    def dead_probability(self) -> Number:
        """P(R = 0) = 1 - prod(1 - 2^-n_l) for ReLU, else 0: a float, or a formula for symbols.

        It is the probability for one input; that all inputs meet a dead layer is another event.
        """
        if not self._can_die:
            return sp.S.Zero if self.is_symbolic else 0.0
        if self.is_symbolic:
            return 1 - sp.Mul(*((1 - 2**-width) ** count for width, count in self.layers))
        alive = math.fsum(
            float(count) * math.log1p(-math.ldexp(1.0, -min(int(width), 2000)))
            for width, count in self.layers
        )
        return abs(math.expm1(alive))

    @property
    def is_symbolic(self) -> bool:
        """Whether a width, the depth, the weight variance or a slope is a symbol."""
        return bool(self.factor.free_symbols or any(w.free_symbols or c.free_symbols for w, c in self.layers))

    @property
    def precision(self) -> str:
        """ "closed form" where moments are exact, "enclosure" where they are 30 correct digits."""
        return "enclosure" if self.second_moment.has(sp.Float) else "closed form"

    def outlook(self) -> Typical:
        """Compare what the mean says with what the typical net does.

        Raises:
            ParameterError: a width, the depth or a variance is a symbol.
        """
        self._numbers("outlook")
        per_layer = float(sp.log(self.factor).evalf(20))
        return Typical(
            depth=int(self.depth),
            log_mean=per_layer * int(self.depth),
            log_typical=float(self.log_mean),
            log_std=math.sqrt(float(self.log_variance)),
            depth_to_width=float(self.depth_to_width),
            dead_probability=float(self.dead_probability),
        )

    def sample_log(self, size: int, *, seed: int = 0) -> NDArray[np.float64]:
        """Draw log R, -inf for a dead net, in a time that does not depend on the widths.

        Args:
            size: how many.
            seed: any integer.

        Raises:
            ParameterError: a width, the depth or a variance is a symbol, or the size is no whole number.
            SamplingError: the seed is no integer.
        """
        self._numbers("sample_log")
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or size < 0:
            raise ParameterError(f"sample with size={size!r:.60}", "a size is a whole number", "Give an int.")
        above, below = self._slopes
        start = float(sp.log(self.weight_variance * max(above, below, key=abs) ** 2).evalf(20))
        ratio = float(min(above, below, key=abs) / max(above, below, key=abs))
        made = log_samples(self._widths, self._counts, ratio, int(size), seed)
        return np.asarray(made + start * int(self.depth))

    def sample(self, size: int, *, seed: int = 0) -> NDArray[np.float64]:
        """Draw R; `sample_log` where it leaves the range of floats.

        Args:
            size: how many.
            seed: any integer.
        """
        with np.errstate(over="ignore", under="ignore"):
            return np.exp(self.sample_log(size, seed=seed))

    def document(self) -> Document:
        """Return what is known of the law as a document."""
        rows: list[list[Any]] = [
            ["mean E R", _shown(self.mean)],
            ["second moment E R^2", _shown(self.second_moment)],
            ["kurtosis of an output", _shown(self.output_kurtosis)],
            ["probability that the net is dead", _shown(self.dead_probability)],
            ["depth to width, sum of 1/n", _shown(self.depth_to_width)],
        ]
        blocks: list[Any] = [
            Heading(f"Norm of a net of {self.depth} {self.activation} layers"),
            Text("R: squared norm per unit of the last layer over that of the input; of J u likewise"),
        ]
        if not self.is_symbolic:
            rows[3:3] = [
                ["E log R, alive", _shown(self.log_mean)],
                ["Var log R, alive", _shown(self.log_variance)],
                ["typical R", _shown(self.typical)],
            ]
        blocks.append(Table(["quantity", "value"], rows))
        if not self.is_symbolic:
            blocks.append(Text(self.outlook().sentence))
        return Document(blocks)

    def __str__(self) -> str:
        return self.to_text()

    @property
    def _slopes(self) -> tuple[sp.Expr, sp.Expr]:
        return self.activation.above, self.activation.below

    @property
    def _can_die(self) -> bool:
        return self.activation.above.is_zero is True or self.activation.below.is_zero is True

    @property
    def _widths(self) -> NDArray[np.float64]:
        return np.array([float(width) for width, _ in self.layers])

    @property
    def _counts(self) -> NDArray[np.int64]:
        return np.array([int(count) for _, count in self.layers], dtype=np.int64)

    def _numbers(self, what: str) -> None:
        if self.is_symbolic:
            raise ParameterError(
                f"{what} of a net of {self.depth} layers", "a size or a variance is a symbol", "Give numbers."
            )

    @cached_property
    def _logs(self) -> tuple[Number, Number]:
        if self.is_symbolic:
            pairs = [(log_formula(self.activation, width), count) for width, count in self.layers]
            mean = self.depth * sp.log(self.factor) + sum(count * pair[0] for pair, count in pairs)
            return mean, sp.Add(*(count * pair[1] for pair, count in pairs))
        above, below = (float(s / max(self._slopes, key=abs)) for s in self._slopes)
        means, variances = log_moments(above, below, self._widths)
        start = float(self.depth) * float(sp.log(self.factor).evalf(20))
        return start + math.fsum(self._counts * means), math.fsum(self._counts * variances)


def norm_law(
    widths: object,
    *,
    activation: Activation | str = relu,
    depth: object = None,
    weight_variance: object = None,
) -> NormLaw:
    r"""Return the exact law of the squared norm of a net of finite width, and of its Jacobian.

    R = (|h_L|^2/n_L) / (|x|^2/n_0) is a product of independent factors, one a layer. Its mean knows only the
    depth; its second moment, and the kurtosis of the outputs, also the widths: prod(1 + 5/n_l) for ReLU.

    Args:
        widths: those of the hidden layers, n_1 to n_L; numbers from 1 to 10^18, names or expressions. One
            width alone stands for `depth` layers.
        activation: `relu`, `leaky_relu(slope)`, `identity`, `abs_`, or a name such as "leaky_relu(0.1)".
        depth: the number of layers if `widths` is one width; a number from 0 on, or a name.
        weight_variance: sigma_w^2 > 0, where Var w = sigma_w^2 / fan_in; if not given, the one that keeps
            the mean, 2/(a^2 + b^2): 2 for ReLU, 1 for a linear net.

    Raises:
        ParameterError: a width, the depth or the variance is out of its domain, or the activation is not
            linear on both sides of zero.

    Example:
        >>> norm_law("n", depth="L").output_kurtosis
        3*(1 + 5/n)**L
        >>> law = norm_law([100] * 50)
        >>> law.mean, round(law.log_mean, 3), round(float(law.second_moment), 3)
        (1, -1.271, 11.467)

    Source:
        Hanin, Which neural net architectures give rise to exploding and vanishing gradients?, 2018; Hanin,
        Nica, Products of many large random matrices and gradients in deep neural networks, 2019.
    """
    slopes = two_slopes(activation, "norm_law")
    layers = as_layers(widths, depth, "norm_law")
    neutral = 1 / slopes.moment(2, Normal())
    variance = neutral if weight_variance is None else scalar(weight_variance, "norm_law: weight_variance")
    if variance.is_positive is False:
        raise ParameterError(
            f"norm_law(weight_variance={variance})",
            "a variance here is above zero",
            f"Keep the mean by {neutral}.",
        )
    return NormLaw(layers, slopes, variance)


def typical(
    widths: object,
    *,
    activation: Activation | str = relu,
    depth: object = None,
    weight_variance: object = None,
) -> Typical:
    """Return what the mean says of a net beside what nearly every net does; arguments as in `norm_law`.

    Example:
        >>> typical(30, depth=30).verdict
        'the mean says stable, the typical net vanishes'
    """
    law = norm_law(widths, activation=activation, depth=depth, weight_variance=weight_variance)
    return law.outlook()


def _shown(value: Number) -> Math:
    exact = sp.sympify(value)
    if exact == 0 or not (exact.has(sp.Float) or (exact.is_Rational and exact.q > 10**6)):
        return Math(sp.latex(exact), str(exact))
    decimal = sp.Float(value, 6)
    if abs(sp.log(abs(decimal), 10)) < 300:
        return Math.number(float(value))
    return Math(sp.latex(decimal), str(decimal))
