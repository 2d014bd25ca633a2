"""What the weights of a layer are drawn from, given how many units it reads and how many it feeds."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.distributions import Distribution, Normal, Uniform
from varprop.model.parsing import as_distribution
from varprop.model.scalars import symbol

__all__ = ["FAN_IN", "FAN_OUT", "as_weights", "weight_law"]

FAN_IN, FAN_OUT = symbol("fan_in"), symbol("fan_out")
_SYNONYMS = {symbol("n"): FAN_IN, symbol("n_in"): FAN_IN, symbol("n_out"): FAN_OUT}


def _uniform(variance: sp.Expr) -> Distribution:
    return Uniform(-sp.sqrt(3 * variance), sp.sqrt(3 * variance))


def _normal(variance: sp.Expr) -> Distribution:
    return Normal(variance=variance)


_VARIANCES: Mapping[str, sp.Expr] = {
    "he": 2 / FAN_IN,
    "kaiming": 2 / FAN_IN,
    "lecun": 1 / FAN_IN,
    "glorot": 2 / (FAN_IN + FAN_OUT),
    "xavier": 2 / (FAN_IN + FAN_OUT),
}
_SHAPES: Mapping[str, Callable[[sp.Expr], Distribution]] = {"normal": _normal, "uniform": _uniform}


def as_weights(given: object, layer: str) -> Distribution:
    """The distribution of one weight that a layer was given, in the symbols `fan_in` and `fan_out`.

    Args:
        given: a name such as "he_normal", a distribution, or text for one; in it `n` (or `n_in`, `fan_in`)
            stands for the number of units that the layer reads, `n_out` (or `fan_out`) for its own.
        layer: the layer that asks, for messages.

    Raises:
        ParameterError: it stands for no distribution, or for one whose mean is not zero.

    Example:
        >>> as_weights("he_normal", "Dense")
        Normal(variance=2/fan_in)
    """
    if isinstance(given, str) and "(" not in given:
        family, _, shape = given.strip().partition("_")
        if family in _VARIANCES and shape in _SHAPES:
            return _SHAPES[shape](_VARIANCES[family])
        names = [f"{a}_{b}" for a in _VARIANCES for b in _SHAPES]
        close = difflib.get_close_matches(given, names, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else f"The names are {', '.join(names)}."
        raise ParameterError(f"{layer}(weights={given!r:.60})", "no initializer has this name", remedy)
    law = as_distribution(given).at(_SYNONYMS)
    if law.mean.is_zero is not True:
        raise ParameterError(
            f"{layer}(weights={law})",
            f"their mean is {law.mean}, and hidden units depend on each other",
            "Center the weights: only then do their products with dependent units not add up.",
        )
    return law


def weight_law(weights: Distribution, fan_in: sp.Expr, fan_out: sp.Expr) -> Distribution:
    """The distribution of one weight of a layer of these sizes.

    Example:
        >>> weight_law(as_weights("glorot_normal", "Dense"), sp.Integer(3), sp.Integer(5)).variance
        1/4
    """
    return weights.at({FAN_IN: fan_in, FAN_OUT: fan_out})
