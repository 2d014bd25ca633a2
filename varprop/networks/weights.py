"""What the weights of a layer are drawn from, given how many units it reads and how many it has."""

from __future__ import annotations

import difflib

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.distributions import Distribution
from varprop.model.parsing import as_distribution
from varprop.model.scalars import symbol
from varprop.networks.catalogue import INITIALIZERS, initializer
from varprop.networks.initializers import Initializer

__all__ = ["FAN_IN", "FAN_OUT", "as_weights", "weight_law"]

FAN_IN, FAN_OUT = symbol("fan_in"), symbol("fan_out")
_SYNONYMS = {symbol("n"): FAN_IN, symbol("n_in"): FAN_IN, symbol("n_out"): FAN_OUT}


def as_weights(given: object, layer: str) -> Distribution:
    """The distribution of one weight that a layer was given, in the symbols `fan_in` and `fan_out`.

    Args:
        given: a name such as "he_normal", a distribution, or text for one; in it `n` (or `n_in`, `fan_in`)
            stands for the number of units that the layer reads, `n_out` (or `fan_out`) for its own.
        layer: the layer that asks, for messages.

    Raises:
        ParameterError: it stands for no distribution of independent weights of mean zero.

    Example:
        >>> as_weights("he_normal", "Dense")
        Normal(variance=2/fan_in)
    """
    shown = f"{layer}(weights={given!s:.60})"
    if isinstance(given, str) and "(" not in given:
        if given not in INITIALIZERS:
            close = difflib.get_close_matches(given, INITIALIZERS, n=1)
            remedy = f"Did you mean {close[0]!r}?" if close else f"The names are {', '.join(INITIALIZERS)}."
            raise ParameterError(shown, "no initializer has this name", remedy)
        given = initializer(given, (FAN_OUT, FAN_IN))
    if isinstance(given, Initializer):
        given = given.row_law
    law = as_distribution(given).at(_SYNONYMS) if not hasattr(given, "row_flips") else given
    if not isinstance(law, Distribution):
        missing = f"the weights of {law} depend on each other"
        raise ParameterError(shown, missing, "Use independent weights, such as 'lecun_normal'.")
    if law.mean.is_zero is not True:
        raise ParameterError(
            shown,
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
