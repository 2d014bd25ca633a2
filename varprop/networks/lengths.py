"""The second moment of a pre-activation through many layers: the derived length map, iterated."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from varprop.errors import ParameterError
from varprop.model import gaussian
from varprop.model.activations import Activation, HomogeneousActivation, activation as as_named
from varprop.model.scalars import symbol
from varprop.networks.length_map import BIAS, INSIDE, KEEP, SKIP, WEIGHT, length_map
from varprop.networks.schemes import N_IN, V, factors

__all__ = ["DEEPEST", "homogeneous_factor", "lengths", "slopes"]

Array = npt.NDArray[np.float64]

DEEPEST = 100_000
OVERFLOW = 1e280


def homogeneous_factor(phi: Activation) -> sp.Expr | None:
    """Return E phi(h)^2 / E h^2 where it is one number for every symmetric h, else None.

    Example:
        >>> from varprop.model.activations import relu, tanh
        >>> homogeneous_factor(relu), homogeneous_factor(tanh)
        (1/2, None)
    """
    if not isinstance(phi, HomogeneousActivation) or phi.degree != 1:
        return None
    found = factors(phi, symbol("q")).forward / (N_IN * V)
    return None if found.has(symbol("q")) else found


def lengths(
    phi: Activation | str, factor: Any = 1.0, q: Any = 1.0, depth: int = 50, bias: float = 0.0
) -> Array:
    """Iterate q_(l+1) = n Var(w) E phi(sqrt(q_l) g)^2 + Var(b), for wide layers; exact if phi is homogeneous.

    Args:
        phi: an activation or its name.
        factor: n Var(w); a number, or an array of them.
        q: the second moment of the first pre-activation; a number, or an array that fits.
        depth: the number of layers.
        bias: Var(b).

    Returns:
        E z_l^2 for l = 0 ... depth along the first axis; 0 or inf beyond the range of floats.

    Raises:
        ParameterError: a factor or q that is not positive, a negative bias, or a depth that is none.

    Example:
        >>> lengths("relu", 2.0, depth=3).tolist()
        [1.0, 1.0, 1.0, 1.0]
        >>> float(lengths("tanh", 1.0, depth=100)[-1].round(6))
        0.005069

    Source: Poole et al., Exponential expressivity in deep neural networks, 2016, equation 3.
    """
    found = as_named(phi)
    scale, start = np.broadcast_arrays(np.asarray(factor, dtype=np.float64), np.asarray(q, dtype=np.float64))
    if not all(np.isfinite(given).all() and (given > 0).all() for given in (scale, start)):
        missing = "n Var(w) and q must be positive and finite"
        raise ParameterError(f"lengths of {found}", missing, "Choose them above 0.")
    if isinstance(depth, bool) or not isinstance(depth, (int, np.integer)) or not 0 <= depth <= DEEPEST:
        raise ParameterError(f"depth={depth!r:.40}", "it is no depth", f"Choose 0 to {DEEPEST}.")
    if not 0 <= bias < np.inf:
        raise ParameterError(f"bias={bias!r:.40}", "it is no variance", "Choose a number from 0 on.")
    step = _step()
    signal = np.empty((depth + 1, *scale.shape))
    signal[0] = start
    with np.errstate(over="ignore", under="ignore"):
        for layer in range(depth):
            square = _moment(found, signal[layer], gaussian.second_moment, signal[layer])
            signal[layer + 1] = step(scale, bias, square)
    return signal


@lru_cache(maxsize=1)
def _step() -> Callable[[Array, float, Array], Array]:
    """The derived length map without skip connection and dropout, from sigma_w^2, sigma_b^2 and E phi^2."""
    plain = length_map().result.xreplace({SKIP: sp.S.Zero, KEEP: sp.S.One})
    made: Callable[[Array, float, Array], Array] = sp.lambdify((WEIGHT, BIAS, INSIDE), plain, modules="numpy")
    return made


def slopes(phi: Activation | str, signal: Array) -> Array:
    """Return E phi'(z_l)^2: what a layer with n_out Var(w) = 1 multiplies the gradient's second moment by.

    Args:
        phi: an activation or its name.
        signal: the second moments of the pre-activations, as `lengths` gives them.

    Example:
        >>> slopes("tanh", lengths("tanh", depth=2)).round(4).tolist()
        [0.4644, 0.6365, 0.7267]
    """
    return _moment(as_named(phi), signal, gaussian.slope_second_moment, np.ones_like(signal))


def _moment(phi: Activation, q: Array, ask: Callable[..., Any], times: Array) -> Array:
    """A moment of phi or phi' under N(0, q); a q that has left the range of floats stays where it is."""
    constant = homogeneous_factor(phi)
    if constant is not None:
        return times * float(constant)
    inside = q < OVERFLOW
    found: Array = ask(phi, 0.0, np.sqrt(np.where(inside, q, 1.0))).value
    return np.where(inside, found, np.inf)
