"""Laws of pre-activations: a sum that is normal in wide layers, and a bias of any law."""

from __future__ import annotations

import numpy as np
import sympy as sp
from mpmath import mp

from varprop.errors import MomentError
from varprop.model.distributions import Distribution, Normal
from varprop.networks.maps import Number, number
from varprop.networks.nodes import nodes_beside
from varprop.networks.unit_laws import NormalMixture, NormalUnit, SharedBias, UnitLaw

__all__ = ["sum_law", "with_bias"]


def sum_law(bias: Distribution | None, mean: Number, second: Number, exact: bool) -> UnitLaw:
    """The law of a pre-activation: normal, a normal plus a bias of another law, or unknown.

    Args:
        bias: of the layer.
        mean, second: E z and E z^2, by position if there are any.
        exact: whether it is normal at every width, its bias aside.
    """
    if bias is None or isinstance(bias, Normal) or hasattr(bias, "value"):
        return NormalUnit(mean, second, exact)
    if isinstance(second, sp.Basic):
        return None
    try:
        return with_bias(bias, second, exact)
    except MomentError:
        return None


def with_bias(bias: Distribution, second: Number, exact: bool) -> NormalMixture | SharedBias:
    """The law of a bias and a normal rest, by position if there are any.

    Args:
        bias: the same at all positions.
        second: the second moment of both together.
        exact: whether the rest is normal at every width.

    Raises:
        MomentError: neither the density nor enough moments of the bias are known.
    """
    rest = second - number(bias.moment(2))
    if not isinstance(rest, np.ndarray):
        std = float(mp.sqrt(max(rest, 0)))
        return NormalMixture(*nodes_beside(bias, std), std, exact)
    positive = rest[rest > 0]
    narrowest = float(mp.sqrt(min(positive))) if positive.size else 0.0
    stds = np.sqrt(np.maximum(rest, 0).astype(np.float64))
    return SharedBias(bias, *nodes_beside(bias, narrowest), stds, exact)
