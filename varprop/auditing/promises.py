"""What a framework's rule promises, in the words of its documentation, and the law that it says it draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sympy as sp

from varprop.errors import ParameterError
from varprop.interop.draws import FrameworkDraw
from varprop.model.distributions import Constant, Distribution, Normal, TruncatedNormal, Uniform
from varprop.model.joint import Joint, Orthogonal
from varprop.model.scalars import scalar
from varprop.networks.connectivity import Fans
from varprop.networks.initializers import Initializer

__all__ = ["Promise", "framework_promise", "torch_gain"]


@dataclass(frozen=True)
class Promise:
    """A variance that is promised, and why.

    Attributes:
        variance: of an entry, as the words of the rule have it; None if it promises none.
        formula: the rule in words and signs.
        law: the law that the documentation describes, if it names one.
        mean: of an entry.
    """

    variance: sp.Expr | None
    formula: str
    law: Distribution | Joint | None = None
    mean: sp.Expr = sp.S.Zero


GAINS: Mapping[str, Callable[[sp.Expr], sp.Expr]] = {
    "linear": lambda a: sp.S.One,
    "sigmoid": lambda a: sp.S.One,
    "tanh": lambda a: sp.Rational(5, 3),
    "relu": lambda a: sp.sqrt(2),
    "leaky_relu": lambda a: sp.sqrt(2 / (1 + a**2)),
    "selu": lambda a: sp.Rational(3, 4),
}
"""The gains of torch.nn.init.calculate_gain, by nonlinearity and negative slope."""


def torch_gain(nonlinearity: str, slope: object = "1/100") -> sp.Expr:
    """The gain that torch quotes for a nonlinearity.

    Raises:
        ParameterError: torch quotes none for it.

    Example:
        >>> torch_gain("tanh"), torch_gain("leaky_relu", "1/2")
        (5/3, 2*sqrt(10)/5)
    """
    word = "linear" if nonlinearity.startswith("conv") else nonlinearity
    if word not in GAINS:
        raise ParameterError(
            f"gain of {nonlinearity!r:.40}", "torch quotes none", f"It quotes {', '.join(GAINS)}."
        )
    return GAINS[word](_exact(slope))


def _exact(value: object) -> sp.Expr:
    """A number of a framework's call; the square roots that people write are recognized."""
    if isinstance(value, float) and value > 0:
        square = round(value**2)
        if square and math.isclose(value, math.sqrt(square), rel_tol=1e-15):
            return sp.sqrt(square)
    return scalar(value, "option")


def framework_promise(draw: FrameworkDraw) -> Promise:
    """What the documentation of a framework's initializer says of the variance.

    Args:
        draw: the initializer on its shape.

    Raises:
        ParameterError: the shape has no fans, and the rule needs them.
    """
    given = dict(draw.options)
    return {"torch": _torch, "jax": _jax, "keras": _keras}[draw.framework](draw, given)


def _scaled(gain_squared: sp.Expr, fan: sp.Expr, words: str, kind: str, cut: bool = False) -> Promise:
    variance = gain_squared / fan
    if kind == "uniform":
        return Promise(variance, words, Uniform(variance=variance))
    if kind == "normal" and not cut:
        return Promise(variance, words, Normal(variance=variance))
    parent = variance / TruncatedNormal(-2, 2).variance
    end = 2 * sp.sqrt(parent)
    return Promise(variance, words, TruncatedNormal(-end, end, parent_variance=parent))


def _torch(draw: FrameworkDraw, given: Mapping[str, Any]) -> Promise:
    name = draw.name.rstrip("_")
    if not draw.name.endswith("_"):
        return _torch_layer(draw)
    if name.startswith(("kaiming", "xavier")):
        fans, kind = draw.connectivity.rule, name.partition("_")[2]
        if name.startswith("xavier"):
            gain = _exact(given.get("gain", 1))
            words = f"gain^2 * 2/(fan_in + fan_out), gain = {gain}"
            return _scaled(gain**2, (fans.fan_in + fans.fan_out) / 2, words, kind)
        mode = given.get("mode", "fan_in")
        word = given.get("nonlinearity", "leaky_relu")
        gain = torch_gain(word, given.get("a", 0))
        words = f"gain^2/{mode}, gain = {gain} for {word}"
        return _scaled(gain**2, getattr(fans, mode), words, kind)
    mean = _exact(given.get("mean", 0))
    if name == "normal":
        std = _exact(given.get("std", 1))
        return Promise(std**2, f"std^2, std = {std}", Normal(mean, std=std), mean)
    if name == "trunc_normal":
        std, low, high = (_exact(given.get(k, d)) for k, d in (("std", 1), ("a", -2), ("b", 2)))
        law = TruncatedNormal(low, high, mean, parent_std=std)
        return Promise(std**2, f"std^2, std = {std}, cut at {low} and {high}", law, mean)
    if name == "uniform":
        low, high = _exact(given.get("a", 0)), _exact(given.get("b", 1))
        return _on_interval(low, high)
    if name == "orthogonal":
        gain = _exact(given.get("gain", 1))
        return _orthogonal(gain, draw.shape[0], math.prod(draw.shape[1:]))
    if name == "sparse":
        std, share = _exact(given.get("std", 0.01)), _exact(given["sparsity"])
        zeros = sp.ceiling(share * draw.shape[0]) / draw.shape[0]
        return Promise((1 - zeros) * std**2, f"(1 - {zeros}) std^2, std = {std}")
    return _fixed(name, given.get("val"))


def _torch_layer(draw: FrameworkDraw) -> Promise:
    if draw.name == "Embedding":
        return Promise(sp.S.One, "1: a normal variable for each number", Normal())
    fan = draw.connectivity.rule.fan_in
    return Promise(
        1 / (3 * fan), "1/(3 fan_in): kaiming_uniform_ with a = sqrt(5)", Uniform(variance=1 / (3 * fan))
    )


def _orthogonal(gain: sp.Expr, rows: int, columns: int) -> Promise:
    law = Orthogonal(rows, columns, gain=gain)
    return Promise(law.entry_moment(2), f"gain^2/max(rows, columns), gain = {gain}", law)


def _on_interval(low: sp.Expr, high: sp.Expr) -> Promise:
    law = Uniform(low, high)
    return Promise(law.variance, f"(b - a)^2/12 on [{low}, {high}]", law, law.mean)


def _fixed(name: str, value: object = None) -> Promise:
    word = name.lower()
    if word in ("ones", "zeros", "constant"):
        law = Constant(_exact(value) if value is not None else 0 if word == "zeros" else 1)
        return Promise(sp.S.Zero, f"0: every entry is {law.value}", law, law.mean)
    return Promise(None, "none: the array is fixed")


_RULES: Mapping[str, tuple[int, str]] = {
    "lecun": (1, "fan_in"),
    "he": (2, "fan_in"),
    "kaiming": (2, "fan_in"),
    "glorot": (1, "fan_avg"),
    "xavier": (1, "fan_avg"),
}


def _fan(fans: Fans, mode: str) -> sp.Expr:
    into, out = fans
    return {"fan_in": into, "fan_out": out, "fan_avg": (into + out) / 2, "fan_geo_avg": sp.sqrt(into * out)}[
        mode
    ]


def _by_scale(draw: FrameworkDraw, scale: sp.Expr, mode: str, kind: str) -> Promise:
    words = f"{scale}/{mode}" if mode != "fan_avg" else f"{2 * scale}/(fan_in + fan_out)"
    kind, cut = ("normal", False) if kind == "untruncated_normal" else (kind, "normal" in kind)
    return _scaled(scale, _fan(draw.connectivity.rule, mode), words, "normal" if cut else kind, cut)


def _named(draw: FrameworkDraw, word: str) -> Promise:
    scheme, _, kind = word.partition("_")
    scale, mode = _RULES[scheme]
    return _by_scale(draw, sp.Integer(scale), mode, "truncated_normal" if kind == "normal" else "uniform")


def _cut(std: sp.Expr, low: sp.Expr, high: sp.Expr, mean: sp.Expr = sp.S.Zero) -> Promise:
    """A truncation in units of the std that is given, which stands for the normal law before the cut."""
    law = TruncatedNormal(mean + low * std, mean + high * std, mean, parent_std=std)
    return Promise(std**2, f"stddev^2, stddev = {std}, cut at {low} and {high} stddev", law, mean)


def _jax(draw: FrameworkDraw, given: Mapping[str, Any]) -> Promise:
    name = draw.name
    if name.partition("_")[0] in _RULES:
        return _named(draw, name)
    if name == "variance_scaling":
        kind = given["distribution"]
        kind = "untruncated_normal" if kind == "normal" else kind
        return _by_scale(draw, _exact(given["scale"]), given["mode"], kind)
    std = _exact(given.get("stddev", 0.01))
    if name == "normal":
        return Promise(std**2, f"stddev^2, stddev = {std}", Normal(std=std))
    if name == "truncated_normal":
        return _cut(std, _exact(given.get("lower", -2)), _exact(given.get("upper", 2)))
    scale = _exact(given.get("scale", 0.01 if name == "uniform" else 1))
    if name == "uniform":
        return _on_interval(sp.S.Zero, scale)
    if name == "orthogonal":
        return _orthogonal(scale, math.prod(draw.shape[:-1]), draw.shape[-1])
    if name == "delta_orthogonal":
        taps, out = math.prod(draw.shape[:-2]), draw.shape[-1]
        return Promise(scale**2 / (out * taps), "scale^2/(out K): orthogonal at the center, 0 elsewhere")
    return _fixed(name, given.get("value"))


def _keras(draw: FrameworkDraw, given: Mapping[str, Any]) -> Promise:
    name = draw.name
    for scheme in ("Lecun", "He", "Glorot"):
        if name.startswith(scheme):
            return _named(draw, f"{scheme.lower()}_{name.removeprefix(scheme).lower()}")
    if name == "VarianceScaling":
        kind = given.get("distribution", "truncated_normal")
        kind = "truncated_normal" if kind == "normal" else kind  # Keras keeps the old meaning
        return _by_scale(draw, _exact(given.get("scale", 1)), given.get("mode", "fan_in"), kind)
    mean, std = _exact(given.get("mean", 0)), _exact(given.get("stddev", 0.05))
    if name == "RandomNormal":
        return Promise(std**2, f"stddev^2, stddev = {std}", Normal(mean, std=std), mean)
    if name == "TruncatedNormal":
        return _cut(std, sp.Integer(-2), sp.Integer(2), mean)
    if name == "RandomUniform":
        return _on_interval(_exact(given.get("minval", -0.05)), _exact(given.get("maxval", 0.05)))
    if name == "Orthogonal":
        return _orthogonal(_exact(given.get("gain", 1)), math.prod(draw.shape[:-1]), draw.shape[-1])
    return _fixed(name, given.get("value", 0 if name == "Constant" else None))


def own_promise(promises: object) -> Promise:
    """What somebody's own initializer promises: the name of an initializer, an Initializer, or a variance.

    Raises:
        ParameterError: it is none of these.
    """
    if isinstance(promises, Initializer):
        return Promise(promises.promised, str(promises.derivation.result), promises.row_law)
    return Promise(scalar(promises, "promises"), "a stated variance")
