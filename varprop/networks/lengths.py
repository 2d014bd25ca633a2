"""The second moment of a pre-activation through many layers: the derived length map, iterated."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy as sp

from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation
from varprop.derivation.quantities import Variance
from varprop.errors import ParameterError
from varprop.model import gaussian
from varprop.model.activations import Activation, HomogeneousActivation, activation as as_named
from varprop.model.scalars import symbol
from varprop.networks.schemes import N_IN, SQUARE, V, factors, forward_of_moment

__all__ = ["DEEPEST", "homogeneous_factor", "length_map", "lengths", "slopes"]

Array = npt.NDArray[np.float64]

DEEPEST = 100_000
OVERFLOW = 1e280


@lru_cache(maxsize=1)
def length_map() -> Derivation:
    """Return the derivation of Var(z) = n_in v E phi(h)^2, for any dependence between the h_i.

    Example:
        >>> length_map().result
        n_in*phi_2*v
    """
    return derive(Variance(forward_of_moment()))


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


def lengths(phi: Activation | str, factor: Any = 1.0, q: float = 1.0, depth: int = 50) -> Array:
    """Iterate q_(l+1) = n Var(w) E phi(sqrt(q_l) g)^2, for wide layers; exact if phi is homogeneous.

    Args:
        phi: an activation or its name.
        factor: n Var(w); a number, or an array of them.
        q: the second moment of the first pre-activation.
        depth: the number of layers.

    Returns:
        E z_l^2 for l = 0 ... depth along the first axis; 0 or inf beyond the range of floats.

    Raises:
        ParameterError: a factor or q that is not positive, or a depth that is no whole number from 0 on.

    Example:
        >>> lengths("relu", 2.0, depth=3).tolist()
        [1.0, 1.0, 1.0, 1.0]
        >>> float(lengths("tanh", 1.0, depth=100)[-1].round(6))
        0.005069

    Source: Poole et al., Exponential expressivity in deep neural networks, 2016, equation 3.
    """
    found = as_named(phi)
    scale = np.asarray(factor, dtype=np.float64)
    if not (np.isfinite(scale).all() and (scale > 0).all() and np.isfinite(q) and q > 0):
        missing = "n Var(w) and q must be positive numbers"
        raise ParameterError(f"lengths of {found}", missing, "Choose them above 0.")
    if isinstance(depth, bool) or not isinstance(depth, (int, np.integer)) or not 0 <= depth <= DEEPEST:
        raise ParameterError(f"depth={depth!r:.40}", "it is no depth", f"Choose 0 to {DEEPEST}.")
    step = sp.lambdify((N_IN, V, SQUARE), length_map().result, modules="numpy")
    signal = np.empty((depth + 1, *scale.shape))
    signal[0] = q
    with np.errstate(over="ignore", under="ignore"):
        for layer in range(depth):
            square = _moment(found, signal[layer], gaussian.second_moment, signal[layer])
            signal[layer + 1] = step(1.0, scale, square)
    return signal


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
