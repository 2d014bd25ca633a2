"""The kurtosis of every pre-activation of a net of finite width, for any symmetric weights, exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.model.activations import Activation, relu
from varprop.model.axes import as_size
from varprop.model.distributions import Distribution, Normal
from varprop.model.scalars import scalar
from varprop.networks.finite_width_formulas import DIGITS, MOST_BITS, as_layers, two_slopes

__all__ = ["preactivation_kurtosis"]


def preactivation_kurtosis(
    widths: object,
    *,
    fan_in: object = None,
    activation: Activation | str = relu,
    weight_kurtosis: object = 3,
    inputs: object = None,
) -> tuple[sp.Expr, ...]:
    r"""Return the kurtosis of a pre-activation of every layer, over weights and input; the output is last.

    With a = E|h|^4 / (E|h|^2)^2 and s = n E sum_i h_i^4 / (E|h|^2)^2 of a layer of n units, and k the
    kurtosis of a weight, the next pre-activation z and the next layer of n' units have

        kurtosis of z = 3 a + (k - 3) s / n,  s' = c kurtosis(z),  a' = c kurtosis(z) / n' + (1 - 1/n') a,

    c = 2 (p^4 + q^4) / (p^2 + q^2)^2 for an activation of slopes p and q: 2 for ReLU, 1 for a linear net.
    Weights are independent, symmetric, of one kurtosis; there is no bias. Their variance does not matter.

    Args:
        widths: those of the hidden layers; numbers, names or expressions.
        fan_in: number of inputs; may be left out where `inputs` is an array.
        activation: `relu`, `leaky_relu(slope)`, `identity`, `abs_`, or a name such as "leaky_relu(0.1)".
        weight_kurtosis: k >= 1: 3 for normal, 9/5 for uniform, 1 for random signs.
        inputs: the distribution of independent inputs, or an array: one fixed input; `Normal()` if not given.

    Raises:
        ParameterError: a size, the kurtosis or the input is out of its domain.
        MomentError: the fourth moment of the inputs does not exist or is not declared.

    Example:
        >>> preactivation_kurtosis(["n1"], fan_in="n0")[1].factor()
        3*(n0 + 2)*(n1 + 5)/(n0*n1)
        >>> preactivation_kurtosis([8, 8], weight_kurtosis=1, inputs=[1.0, 1.0])
        (2, 25/8, 281/64)

    Source:
        Hanin, Which neural net architectures give rise to exploding and vanishing gradients?, 2018, for
        normal weights; for others by expanding the fourth power of the sum.
    """
    slopes = two_slopes(activation, "preactivation_kurtosis")
    kurtosis = scalar(weight_kurtosis, "preactivation_kurtosis: weight_kurtosis")
    if (kurtosis - 1).is_negative:
        raise ParameterError(
            f"preactivation_kurtosis(weight_kurtosis={kurtosis})",
            "no kurtosis is below 1",
            "Normal weights have 3.",
        )
    size, a, s = _input(inputs, fan_in)
    layers = [
        w
        for w, count in as_layers(widths, None, "preactivation_kurtosis", merge=False)
        for _ in range(int(count))
    ]
    c = slopes.moment(4, Normal()) / slopes.moment(2, Normal()) ** 2 / 3
    numbers: list[Any] = [a, s, size, kurtosis, c, *layers]
    exact = all(number.is_Rational for number in numbers)
    if exact:
        a, s, size, kurtosis, c, *layers = (Fraction(int(x.p), int(x.q)) for x in numbers)
    found = []
    with mpmath.workdps(DIGITS + 20):
        for width in [*layers, None]:
            fourth = 3 * a + (kurtosis - 3) * s / size
            found.append(fourth)
            if width is not None:
                a, s, size = c * fourth / width + (1 - 1 / width) * a, c * fourth, width
            if isinstance(a, Fraction) and a.denominator.bit_length() > MOST_BITS:
                a, s, size, kurtosis, c = (_decimal(x) for x in (a, s, size, kurtosis, c))
                layers = [_decimal(x) for x in layers]
    return tuple(_sympy(value) for value in found)


def _decimal(value: Fraction) -> Any:
    return mpmath.mpf(value.numerator) / value.denominator


def _sympy(value: Any) -> sp.Expr:
    if isinstance(value, Fraction):
        return sp.Rational(value.numerator, value.denominator)
    return value if isinstance(value, sp.Expr) else sp.Float(value, DIGITS)


def _input(inputs: object, fan_in: object) -> tuple[sp.Expr, sp.Expr, sp.Expr]:
    """Return the size of the input, a and s."""
    law = Normal() if inputs is None else inputs
    if isinstance(law, Distribution):
        if fan_in is None:
            raise ParameterError(
                "preactivation_kurtosis", "the number of inputs is not known", "Give fan_in."
            )
        size = as_size(fan_in, "preactivation_kurtosis: fan_in")
        kurtosis = law.moment(4) / law.moment(2) ** 2
        return size, 1 + (kurtosis - 1) / size, kurtosis
    try:
        numbers = np.asarray(law, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        numbers = np.array([np.nan])
    if not np.isfinite(numbers).all() or not numbers.any():
        raise ParameterError(
            f"preactivation_kurtosis(inputs={law!r:.60})",
            "it is no distribution and no finite array with an entry that is not zero",
            "Give one of these.",
        )
    if fan_in is not None and scalar(fan_in, "fan_in") != len(numbers):
        raise ParameterError(
            f"preactivation_kurtosis(fan_in={fan_in!s:.60})",
            f"the input has {len(numbers)} entries",
            "Leave it out.",
        )
    squares = [Fraction(str(number)) ** 2 for number in numbers]
    share = len(squares) * sum((x**2 for x in squares), Fraction()) / sum(squares, Fraction()) ** 2
    return sp.Integer(len(squares)), sp.S.One, sp.Rational(share.numerator, share.denominator)
