"""What an answer is computed for: sizes, distributions, data, and how much evidence is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from importlib import resources
from typing import Any

import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.laws import Digits
from varprop.model.activations import NAMED, Transformed, abs_
from varprop.model.axes import Axis
from varprop.model.distributions import Distribution, Rademacher, Unknown
from varprop.model.expressions import Expression, sum_over
from varprop.model.joint import Empirical
from varprop.model.neurons import dot
from varprop.model.parsing import as_distribution
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable
from varprop.questions.sizes import mean_size, mean_size_of_sum

__all__ = ["Setting", "input_along", "setting", "signed"]

MOST_INPUTS = 10_000
"""The most terms whose sum is simulated term by term."""


def input_along(law: Distribution, axis: Axis, name: str = "x") -> Expression:
    """Independent copies of a distribution along an axis, its activations unfolded."""
    wrapped = []
    while isinstance(law, Transformed):
        wrapped.append(law.activation)
        law = law.parent
    leaf: Expression = RandomVariable(name, law, axes=axis, role="inputs")
    for activation in reversed(wrapped):
        leaf = activation(leaf)
    return leaf


@dataclass(frozen=True)
class Setting:
    """What an answer is computed for.

    Args:
        n: the number of terms.
        weights: the distribution of each weight, mean zero; in a formula `n` is the number of terms.
        inputs: the distribution of each input.
        data: a table whose rows are inputs.
        samples: draws behind each simulated number.
        budget: seconds behind each check, roughly.
        seed: of every simulation.
    """

    n: int
    weights: Distribution
    inputs: Distribution
    data: Empirical
    samples: int
    budget: float
    seed: int

    @property
    def at(self) -> dict[str, int]:
        """The values of symbols."""
        return {"n": self.n}

    @property
    def few(self) -> dict[str, int]:
        """At most 16 terms, for checks of what holds for every n."""
        return {"n": min(self.n, 16)}

    @cached_property
    def symbolic(self) -> Expression:
        """z = sum_i w_i x_i for any n."""
        return dot(weights=self.weights, inputs=self.inputs, fan_in="n")

    @cached_property
    def pair(self) -> tuple[Expression, Expression]:
        """z, and sum_i |w_i| |x_i| of the same variables."""
        axis = Axis("i", self.n)
        w = RandomVariable("w", self.weights.at(self.at), axes=axis, role="weights")
        x = input_along(self.inputs.at(self.at), axis)
        return sum_over(axis, w * x), sum_over(axis, abs_(w) * abs_(x))

    @cached_property
    def sizes(self) -> float:
        """E sum_i |w_i x_i| = n E|w| E|x|."""
        return self.n * mean_size(self.weights.at(self.at)) * mean_size(self.inputs.at(self.at))

    @cached_property
    def size(self) -> Digits:
        """E|z|."""
        return mean_size_of_sum(self.z, self.n, self.weights.at(self.at), self.inputs.at(self.at))

    @cached_property
    def std(self) -> float:
        """The standard deviation of z: sqrt(n E w^2 E x^2)."""
        second = self.weights.at(self.at).moment(2) * self.inputs.at(self.at).moment(2)
        return float(sp.sqrt(self.n * second))

    @property
    def z(self) -> Expression:
        """z at this n."""
        return self.pair[0]

    def draws(self, per_sample: int) -> int:
        """How many samples of so many random numbers are worth their time."""
        return max(2_000, min(self.samples, 20 * self.samples // max(1, per_sample)))


def setting(
    n: object, weights: object, inputs: object, data: object, samples: object, budget: object, seed: object
) -> Setting:
    """The setting of an answer.

    Raises:
        ParameterError: n is no whole number from 1 to 10,000, a weight has a mean, or inputs have no density.
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 1 <= n <= MOST_INPUTS:
        raise ParameterError(
            f"n={n!r:.40}", f"not a number of terms from 1 to {MOST_INPUTS:,}", "Choose n=100."
        )
    count = int(n)
    w, x = as_distribution(weights, NAMED), as_distribution(inputs, NAMED)
    for name, law_ in (("weights", w), ("inputs", x)):
        if isinstance(law_, Unknown) or not law_.can_draw:
            remedy = (
                "The answer itself says what holds for unknown inputs; give a distribution to compute with."
            )
            raise ParameterError(f"{name}={law_}", "its moments do not say how often it is small", remedy)
        strangers = law_.free_symbols - {symbol("n")}
        if strangers:
            raise ParameterError(
                f"{name}={law_}", f"it depends on {min(s.name for s in strangers)}", "Only n is set."
            )
        if not law_.moment_exists(2):
            raise ParameterError(f"{name}={law_}", "it has no variance", "Choose lighter tails.")
    if not w.mean.is_zero:
        raise ParameterError(f"weights={w}", "their mean is not zero", "Give weights of mean zero.")
    if isinstance(samples, bool) or not isinstance(samples, int) or not 10_000 <= samples <= 10**8:
        raise ParameterError(f"samples={samples!r:.40}", "not a number of draws", "Choose 10,000 to 10^8.")
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 < budget < 1e4:
        raise ParameterError(f"budget={budget!r:.40}", "not a number of seconds", "Choose 0.5, for example.")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise ParameterError(f"seed={seed!r:.40}", "not an integer", "Choose seed=1.")
    table = data if isinstance(data, Empirical) else _flowers() if data is None else Empirical(data)
    return Setting(count, w, x, table, samples, float(budget), seed)


def signed(sizes: Sequence[Fraction]) -> Expression:
    """The sum of numbers with fair independent signs."""
    signs = [RandomVariable(f"s{k}", Rademacher()) for k in range(1, len(sizes) + 1)]
    total: Expression = signs[0] * sp.Rational(sizes[0])
    for sign, size in zip(signs[1:], sizes[1:], strict=True):
        total = total + sign * sp.Rational(size)
    return total


def _flowers() -> Empirical:
    """150 flowers, four measurements: Fisher 1936."""
    path: Any = resources.files("varprop").joinpath("data", "iris.csv")
    with resources.as_file(path) as file:
        return Empirical(np.loadtxt(file, delimiter=",", skiprows=1))
