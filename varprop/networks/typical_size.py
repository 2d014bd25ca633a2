"""The typical size of a layer: the geometric mean over the nets that are alive, beside the mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import sympy as sp
from mpmath import mp

from varprop.model.activations import HomogeneousActivation
from varprop.model.distributions import Normal
from varprop.networks.finite_width_logs import log_moments
from varprop.networks.layers import Activate, Dense
from varprop.networks.maps import Number, root
from varprop.networks.states import State, Trace
from varprop.networks.unit_laws import Sample

__all__ = ["typical_sizes"]


@lru_cache(maxsize=4096)
def _log_factor(above: float, below: float, width: int) -> float:
    """E log of one layer's factor over its mean, alive."""
    return float(log_moments(above, below, np.array([float(width)]))[0][0])


def typical_sizes(start: State, traces: Sequence[Trace]) -> Iterator[tuple[Number, bool]]:
    """Yield the typical root mean square behind the input and every layer, and whether it is exact.

    For dense layers of normal weights without bias and ReLUs, leaky ReLUs or nothing between them the law of
    the norm is known, given the input; else the typical size is that of the mean, as wide layers have it.

    Args:
        start: the input.
        traces: the layers.
    """
    tractable = not isinstance(start.second, sp.Basic)
    exact = isinstance(start.law, Sample) and start.law.fixed
    log_size = below = 0.0
    yield root(start.second), exact
    for trace in traces:
        layer = trace.layer
        if isinstance(layer, Dense):
            tractable = tractable and isinstance(layer.weights, Normal) and layer.bias is None
            below = log_size
        elif isinstance(layer, Activate):
            phi = layer.activation
            tractable = tractable and isinstance(phi, HomogeneousActivation) and phi.degree == 1
            tractable = tractable and trace.before.rows_flip
        else:
            tractable = False
        size = root(trace.after.second)
        if tractable:
            width = int(trace.after.shape[0])
            sides = (1.0, 1.0)
            if isinstance(layer, Activate) and isinstance(layer.activation, HomogeneousActivation):
                sides = float(layer.activation.above), float(layer.activation.below)
            log_size = below + _log_factor(*sides, width)
            size = size * mp.exp(log_size / 2)
        yield size, exact and tractable
