"""The law of a layer's weights: that of a known initializer which the numbers do not contradict."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import sympy as sp

from varprop.errors import ParameterError
from varprop.model.distributions import Constant, Distribution, Normal, Uniform

__all__ = ["bias_law", "laws_of"]

STDS = ("0.02", "0.01", "1", "0.001", "0.000001")
"""Standard deviations that are written down as such."""
MOST_NUMBERS = 200_000
"""Of one layer that are looked at."""
ERRORS = 5.0
"""Standard errors that a moment may be off."""


def _fan_in(fan_in: int, fan_out: int) -> sp.Expr:
    return sp.Integer(fan_in)


def _fan_out(fan_in: int, fan_out: int) -> sp.Expr:
    return sp.Integer(fan_out)


def _mean_fan(fan_in: int, fan_out: int) -> sp.Expr:
    return sp.Rational(fan_in + fan_out, 2)


def _scheme(
    kind: type[Normal] | type[Uniform],
    numerator: sp.Expr,
    fans: Callable[[int, int], sp.Expr],
    fan_in: int,
    fan_out: int,
) -> Distribution:
    return kind(variance=numerator / fans(fan_in, fan_out))


def _of_std(std: str) -> Distribution:
    return Normal(variance=sp.Rational(std) ** 2)


def _constant(std: str, fan_in: int, fan_out: int) -> Distribution:
    return _of_std(std)


SCHEMES: tuple[Callable[[int, int], Distribution], ...] = (
    lambda fan_in, fan_out: Uniform(variance=sp.Rational(1, 3 * fan_in)),
    *(
        partial(_scheme, kind, numerator, fans)
        for numerator, fans in (
            (sp.Integer(2), _fan_in),
            (sp.S.One, _fan_in),
            (sp.S.One, _mean_fan),
            (sp.Integer(2), _fan_out),
            (sp.S.One, _fan_out),
            *(
                (gain, fans)
                for gain in (sp.Rational(25, 9), sp.Rational(9, 16))
                for fans in (_fan_in, _mean_fan)
            ),
        )
        for kind in (Normal, Uniform)
    ),
    *(partial(_constant, std) for std in STDS),
)
"""Laws of known initializers by fan_in and fan_out: the default of layers first, then the common ones."""


def _distance(values: np.ndarray[Any, Any], law: Distribution) -> float:
    """How many standard errors the moments are off at worst; infinite outside the support."""
    low, high = (float(end) for end in law.support)
    slack = 1e-6 * max(1.0, abs(values).max())
    if not (low - slack <= values.min() and values.max() <= high + slack):  # a nan is outside, too
        return math.inf
    worst = 0.0
    for power in (1, 2, 4):
        truth, double = float(law.moment(power)), float(law.moment(2 * power))
        error = math.sqrt(max(double - truth**2, 1e-300) / values.size)
        worst = max(worst, abs(float((values**power).mean()) - truth) / error)
    return worst


def laws_of(traced: Any, more: Sequence[Any]) -> dict[str, Distribution]:
    """The law of every random parameter of linear and convolutional layers, by its name.

    One initializer is preferred that none of the layers contradicts: small layers alone could be read in
    several ways.

    Args:
        traced: the traced module.
        more: further models from the same function, to see more numbers.

    Raises:
        ParameterError: no known initializer draws the numbers of some layer.
    """
    layers = {
        name: module
        for name, module in traced.named_modules()
        if type(module).__name__ in ("Linear", "Conv1d", "Conv2d")
    }
    others = [dict(model.named_modules()) for model in more]
    distances: dict[str, list[float]] = {}
    laws: dict[str, list[Distribution]] = {}
    for name, module in layers.items():
        known = [module, *(found[name] for found in others if name in found)]
        values = np.concatenate([_numbers(one.weight) for one in known])
        laws[name] = [scheme(*_fans(module)) for scheme in SCHEMES]
        distances[name] = [_distance(values, law) for law in laws[name]]
    fits = [sum(row[k] >= ERRORS for row in distances.values()) for k in range(len(SCHEMES))]
    common = fits.index(min(fits)) if fits else 0
    found: dict[str, Distribution] = {}
    for name, module in layers.items():
        row = distances[name]
        if not _numbers(module.weight).any():
            found[f"{name}.weight"] = Constant(0)
            continue
        chosen = common if row[common] < ERRORS else row.index(min(row))
        if row[chosen] >= ERRORS:
            raise _unknown(name, _numbers(module.weight), _fans(module)[0])
        found[f"{name}.weight"] = laws[name][chosen]
        bias = None if module.bias is None else bias_law(module.bias, _fans(module)[0], name)
        if bias is not None:
            found[f"{name}.bias"] = bias
    return found


def _unknown(name: str, values: np.ndarray[Any, Any], fan_in: int) -> ParameterError:
    return ParameterError(
        f"read the weights of {name}",
        f"no known initializer draws them: they have second moment {float((values**2).mean()):.4g}"
        f" at fan_in {fan_in}",
        "Give a model with fresh weights; what is known of fresh weights does not hold for trained ones",
    )


def _fans(module: Any) -> tuple[int, int]:
    """The inputs of each unit, and the units that read each input, as the framework counts them."""
    outputs, inputs, *field = module.weight.shape
    return int(inputs * np.prod(field, initial=1)), int(outputs * np.prod(field, initial=1))


def bias_law(bias: Any, fan_in: int, name: str) -> Distribution | None:
    """The law of the biases of a layer; None if all are zero.

    Raises:
        ParameterError: no known initializer draws such numbers.
    """
    values = _numbers(bias)
    if not values.any():
        return None
    if (values == values[0]).all() and values.size > 1:
        return Constant(
            sp.Rational(str(bias.detach().flatten()[0].cpu().numpy()))
        )  # as short as its type allows
    for law in (Uniform(variance=sp.Rational(1, 3 * fan_in)), *map(_of_std, STDS)):
        if _distance(values, law) < ERRORS:
            return law
    raise ParameterError(
        f"read the biases of {name}",
        f"they are neither constant nor uniform between +-1/sqrt({fan_in})",
        "Give a model with fresh weights.",
    )


def _numbers(tensor: Any) -> np.ndarray[Any, Any]:
    flat = tensor.detach().flatten()
    step = max(1, flat.numel() // MOST_NUMBERS)
    return np.asarray(flat[::step].cpu().double().numpy())
