"""What weights of a variance do to signal and gradient: per layer, at the fixed point, and over depth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy as sp

from varprop.model.activations import Activation
from varprop.networks.fixed_points import FixedPoint
from varprop.networks.lengths import lengths, slopes
from varprop.networks.mean_field import MeanField, mean_field
from varprop.networks.schemes import N_IN, Scheme
from varprop.networks.typical import direction

__all__ = ["Effect"]


@dataclass(frozen=True)
class Effect:
    """A layer z = W phi(h) + b, repeated, with n_in terms in each sum and n_out units that an input feeds.

    Args:
        activation: phi.
        variance: Var(w).
        n_in: the terms of a unit's sum.
        n_out: the units that an input feeds.
        bias: Var(b).
        depth: the number of layers.
        q: the second moment of the first pre-activation.
    """

    activation: Activation
    variance: float
    n_in: float
    n_out: float
    bias: float = 0.0
    depth: int = 50
    q: float = 1.0

    @cached_property
    def mean_field(self) -> MeanField:
        """The maps of wide layers, with sigma_w^2 = n_in Var(w)."""
        weight = self.n_in * self.variance
        return mean_field(self.activation, weight_variance=weight, bias_variance=self.bias)

    @cached_property
    def forward(self) -> float:
        """What one layer multiplies E z^2 = q by, bias included."""
        return self.mean_field.next_length(self.q) / self.q

    @cached_property
    def backward(self) -> float:
        """What one layer multiplies the second moment of the gradient by, at E z^2 = q."""
        return self.mean_field.chi_1(self.q) * self.n_out / self.n_in

    @cached_property
    def signal(self) -> tuple[float, ...]:
        """E z^2 layer by layer."""
        weight = self.n_in * self.variance
        return tuple(map(float, lengths(self.activation, weight, self.q, self.depth, self.bias)))

    @cached_property
    def gradient(self) -> tuple[float, ...]:
        """What is left of the gradient's second moment, layer by layer from the first."""
        each = self.n_out * self.variance * slopes(self.activation, np.array(self.signal[:-1]))
        with np.errstate(over="ignore", under="ignore"):
            return (1.0, *map(float, np.cumprod(each)))

    @property
    def fixed_points(self) -> tuple[FixedPoint, ...]:
        """Second moments that a layer leaves as they are, classified."""
        return self.mean_field.fixed_points

    @cached_property
    def limit(self) -> float:
        """Where E z^2 goes from q: a fixed point, 0, or inf; q itself where every one is fixed."""
        return self.mean_field.limit(self.q)

    @cached_property
    def chi_1(self) -> float:
        """n_in Var(w) E phi'(z)^2 at the limit; nan where E z^2 diverges."""
        return self.mean_field.chi_1(self.limit) if math.isfinite(self.limit) else math.nan

    @property
    def outlook(self) -> tuple[str, str]:
        """Whether signal and gradient vanish, are stable or explode; a signal that settles is stable."""
        settles = 0 < self.limit < math.inf
        signal = "stable" if settles else _outlook(self.signal[-1] / self.q)
        return signal, _outlook(self.gradient[-1])

    @cached_property
    def corrected(self) -> sp.Expr:
        """The variance that keeps E z^2 = q; exact where the second moment of phi is."""
        exact = sp.Rational(str(self.q))
        solution = Scheme(self.activation, q=exact).solution.subs(N_IN, sp.nsimplify(self.n_in))
        return solution * (1 - sp.Rational(str(self.bias)) / exact)

    @property
    def gain(self) -> float:
        """sqrt(n_in Var(w)) that keeps E z^2 = q; nan if the bias alone exceeds it."""
        corrected = float(self.corrected) * self.n_in
        return math.sqrt(corrected) if corrected > 0 else math.nan


def _outlook(factor: float) -> str:
    if not factor < math.inf:
        return "explodes"
    return direction(math.log(factor)) if factor > 0 else "vanishes"
