"""`audit`: an initializer judged."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

from varprop.auditing.effects import Effect
from varprop.auditing.identification import ENTRIES, Identified, Sample, identify, refuse_no_draw, sample
from varprop.auditing.promises import Promise, framework_promise, own_promise
from varprop.errors import ParameterError
from varprop.interop.draws import FrameworkDraw, as_shape
from varprop.interop.frameworks import framework_initializer
from varprop.model.activations import Activation, activation as as_named, relu
from varprop.model.distributions import Distribution, TruncatedNormal
from varprop.networks.catalogue import INITIALIZERS, initializer
from varprop.networks.connectivity import Connectivity
from varprop.networks.writing import shown
from varprop.render import Badge, Block, Bullets, Document, Documented, Heading, Plot, Series, Text
from varprop.testing.causes import Measured, likely_causes

__all__ = ["Audit", "audit"]

Verdict: TypeAlias = Literal["kept", "broken", "not decided", "none"]

SURE = 5.0
"""Standard errors beyond which a promise is broken: once in two million true promises."""
TOLERATED, ROUNDING = 0.02, 0.001
"""The relative error within which a promise counts as kept, and the one that is never held against it."""
LONGEST_LAW = 80
MORE = 8
"""How many times more entries are looked at where the first look does not decide."""
CENTERED = 1e-4
"""The square of the mean, in parts of the variance, up to which weights count as centered."""
QUOTED = {"tanh": "tanh", "selu": "selu", "sigmoid": "sigmoid", "relu": "relu", "leaky_relu": "leaky_relu"}


@dataclass(frozen=True)
class Audit(Documented):
    """What a rule promises, what it draws, and what that does over depth.

    Attributes:
        subject: what was audited.
        connectivity: what the array connects.
        promise: what is promised.
        found: the arrays that were drawn.
        effect: what the drawn variance does, through the activation.
    """

    subject: str
    connectivity: Connectivity | None
    promise: Promise
    found: Sample
    activation: Activation
    depth: int
    bias: float
    q: float

    @cached_property
    def identified(self) -> Identified:
        """The law that the arrays follow, with the evidence."""
        return identify(self.found)

    @property
    def drawn(self) -> tuple[float, float]:
        """The variance of a drawn entry and its standard error."""
        return self.found.variance, self.found.error

    @property
    def ratio(self) -> float | None:
        """The drawn variance over the promised one; None if none is promised."""
        promised = self._promised
        return self.found.variance / promised if promised else None

    @property
    def _promised(self) -> float | None:
        return None if self.promise.variance is None else float(self.promise.variance)

    @property
    def verdict(self) -> Verdict:
        """Broken beyond five standard errors, kept if these reach no further than two percent; or neither."""
        promised, (variance, error) = self._promised, self.drawn
        if promised is None:
            return "none"
        away = abs(variance - promised)
        if away > SURE * error and away > ROUNDING * promised:
            return "broken"
        return "kept" if away + SURE * error <= TOLERATED * promised else "not decided"

    @property
    def causes(self) -> tuple[str, ...]:
        """What would explain a broken promise, the likeliest first."""
        promised = self._promised
        if self.verdict != "broken" or not promised:
            return ()
        mean, variance = self.found.mean, self.found.variance
        measured = Measured(mean, variance + mean**2, self.found.arrays.shape[1:])
        return likely_causes("variance", promised, variance, measured)

    @property
    def variance(self) -> float:
        """The variance of the effects: of the documented law if it fits what was drawn, else the drawn."""
        law = self.promise.law
        exact = getattr(law, "variance", None) if isinstance(law, Distribution) else None
        if exact is None and law is not None:
            exact = law.entry_moment(2)  # type: ignore[union-attr]
        if exact is not None and abs(float(exact) - self.found.variance) <= SURE * self.found.error + 1e-300:
            return float(exact)
        return self.found.variance

    @cached_property
    def effect(self) -> Effect:
        """What a layer of the drawn variance does, by its true connections.

        Raises:
            ParameterError: the array has no fans, or its entries are not random or not centered.
        """
        if self.connectivity is None or self.without_effect:
            raise ParameterError(
                f"effects of {self.subject}", self.without_effect, "Audit centered weights of a layer."
            )
        into, out = map(float, self.connectivity.fans)
        return Effect(self.activation, self.variance, into, out, self.bias, self.depth, self.q)

    @property
    def without_effect(self) -> str:
        """Why no effect over depth is computed; empty where it is."""
        if self.connectivity is None:
            return "the array has no fans"
        if self.promise.variance is None or not self.variance > 0:
            return "its entries are not random"
        off = abs(self.found.mean) > SURE * math.sqrt(self.variance / self.found.arrays.size)
        if off and self.found.mean**2 > CENTERED * self.variance:
            return f"the weights have mean {self.found.mean:.4g}: their sums do not only grow by the variance"
        return ""

    def document(self) -> Document:
        """The whole report."""
        tone: Any = {"kept": "good", "broken": "bad"}.get(self.verdict, "unclear")
        law = "" if self.promise.law is None else f"; documented law: {_law_words(self.promise.law)}"
        ratio = "" if self.ratio is None else f", {self.ratio:.4f} of the promise"
        variance, error = self.drawn
        promised: list[Any] = (
            ["Promised: no variance, ", self.promise.formula]
            if self.promise.variance is None
            else ["Promised: variance ", shown(self.promise.variance), f" ({self.promise.formula}){law}"]
        )
        blocks: list[Block] = [
            Heading(f"Audit of {self.subject}"),
            Text(*promised),
            Text(
                f"Drawn: {self.identified.name}, variance {variance:.6g} +- {error:.1g}{ratio}. Promise: ",
                Badge(self.verdict, tone),
            ),
            Bullets([*self.identified.evidence, *(f"likely: {cause}" for cause in self.causes)]),
        ]
        blocks += [Text(f"No effects: {self.without_effect}.")] if self.without_effect else self._effects()
        return Document(blocks)

    def _effects(self) -> list[Block]:
        e = self.effect
        points = [f"{'every value' if p.every else f'{p.length:.4g}'} ({p.kind})" for p in e.fixed_points]
        fixed = ", ".join(points) or "none"
        share = (
            f", of which the bias is {self.bias / e.limit:.0%}" if self.bias and e.limit < math.inf else ""
        )
        signal, gradient = (word.replace("stable", "is stable") for word in e.outlook)
        words = [
            f"true connections: {e.n_in:g} terms per unit, {e.n_out:g} units per input{self._rule_words()}",
            f"through {self.activation}, a layer multiplies E z^2 by {e.forward:.4g} and the gradient by "
            f"{e.backward:.4g} (at E z^2 = {e.q:g}{self._bias_words()})",
            f"fixed points of E z^2: {fixed}; it goes to {e.limit:.4g}{share}, where chi_1 = {e.chi_1:.4g}",
            f"over {e.depth} layers the signal {signal} (E z^2 = {e.signal[-1]:.3g}), the gradient "
            f"{gradient} (times {e.gradient[-1]:.3g})",
            self._repair(),
        ]
        return [Bullets(words)]

    def _repair(self) -> str:
        e, corrected = self.effect, float(self.effect.corrected)
        if corrected <= 0:
            return f"the bias alone exceeds E z^2 = {e.q:g}"
        return (
            f"E z^2 = {e.q:g} is kept by variance {corrected:.6g}, std {math.sqrt(corrected):.6g}, gain "
            f"{e.gain:.6g} over sqrt(n_in): {corrected / e.variance:.4g} times the variance drawn"
        )

    def _rule_words(self) -> str:
        assert self.connectivity is not None
        fans, rule = self.connectivity.fans, self.connectivity.rule
        return "" if fans == rule else f"; the framework's rule reads {rule.fan_in} and {rule.fan_out}"

    def _bias_words(self) -> str:
        return f", bias variance {self.bias:.4g}" if self.bias else ""

    def plot(self) -> Document:
        """Signal and gradient over the depth."""
        e = self.effect
        layers = range(e.depth + 1)
        title = f"{self.subject}, {self.activation}"
        series = [Series("E z^2", layers, e.signal), Series("gradient", layers, e.gradient)]
        return Document([Plot(series, title, "layer", "second moment", log_y=True)])

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values."""
        found: dict[str, Any] = {
            "subject": self.subject,
            "promised": self._promised,
            "rule": self.promise.formula,
            "drawn": self.found.variance,
            "standard_error": self.found.error,
            "law": self.identified.name,
            "evidence": list(self.identified.evidence),
            "verdict": self.verdict,
            "causes": list(self.causes),
        }
        if not self.without_effect:
            e = self.effect
            found |= {
                "activation": str(self.activation),
                "forward": e.forward,
                "backward": e.backward,
                "fixed_points": [point.length for point in e.fixed_points],
                "limit": _finite(e.limit),
                "chi_1": _finite(e.chi_1),
                "signal": _finite(e.signal[-1]),
                "gradient": _finite(e.gradient[-1]),
                "outlook": list(e.outlook),
                "corrected_variance": float(e.corrected),
                "corrected_gain": e.gain,
            }
        return found

    def __str__(self) -> str:
        return self.to_text()


def _law_words(law: object) -> str:
    """A law in a line: numbers instead of formulas for a truncated one."""
    if not isinstance(law, TruncatedNormal) or len(str(law)) < LONGEST_LAW:
        return str(law)
    low, high, variance = (float(part) for part in (law.low, law.high, law.parent_variance))
    return f"a normal variable of std {math.sqrt(variance):.6g} cut at {low:.6g} and {high:.6g}"


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)


def audit(
    subject: str | Callable[[int], Any],
    *arguments: Any,
    shape: tuple[int, ...] | None = None,
    promises: object = None,
    activation: Activation | str | None = None,
    depth: int = 50,
    q: float = 1.0,
    layout: str | None = None,
    groups: int = 1,
    stride: int | tuple[int, ...] = 1,
    seed: int = 0,
    **options: Any,
) -> Audit:
    """Audit an initializer: what it promises, what it draws, and what that does over depth.

    Args:
        subject: the dotted name of a framework's initializer or layer, such as "torch.nn.init.trunc_normal_",
            "torch.nn.Linear", "jax.nn.initializers.he_normal"; or draw(seed) -> array.
        *arguments: of a layer of torch.nn.
        shape: of the array.
        promises: for a draw: the name of an initializer, an Initializer, or the variance itself.
        activation: phi of the layers that the effects are computed for; by default what the rule is for.
        depth: how many layers.
        q: the second moment of the first pre-activation.
        layout, groups, stride: of the kernel, as for `Connectivity`.
        seed: fixes what is drawn.
        **options: what the initializer takes.

    Returns:
        An Audit: `verdict`, `identified`, `effect`, `document()`, `plot()`.

    Raises:
        ParameterError: an unknown name or shape, a framework that is not installed, or no promise for a draw.
        DrawError: no finite arrays of one shape, a seed that is ignored, or a global generator that moves.

    Example:
        >>> import numpy as np
        >>> def mine(seed):
        ...     return np.random.default_rng(seed).uniform(-0.1, 0.1, (64, 200))
        >>> report = audit(mine, shape=(64, 200), promises="he_normal")
        >>> report.verdict, report.identified.name
        ('broken', 'uniform on [-0.1, 0.1]')
    """
    if isinstance(subject, str):
        given = dict(options)
        if shape is not None:
            given |= {"shape": shape, "layout": layout}
        given |= {name: n for name, n in (("groups", groups), ("stride", stride)) if n != 1}
        draw: Any = framework_initializer(subject, *arguments, **given)
        promise, words = framework_promise(draw), f"{subject.rpartition('.')[0]}.{draw.call}"
    else:
        draw, promise, words = _own(subject, shape, promises, layout, groups, stride, activation, options)
    found = sample(draw, seed, fixed=promise.variance is None)
    if shape is not None and found.arrays.shape[1:] != tuple(shape):
        missing = f"it drew {found.arrays.shape[1:]}, not {tuple(shape)}"
        raise ParameterError(f"audit of {words}", missing, "Give the shape that it draws.")
    connectivity = _connectivity(draw, found.arrays.shape[1:], layout, groups, stride)
    phi = as_named(activation) if activation is not None else _activation_of(draw)
    report = Audit(words, connectivity, promise, found, phi, depth, _bias(draw), q)
    if report.verdict != "not decided":
        return report
    return replace(report, found=sample(draw, seed, entries=MORE * ENTRIES))


def _own(
    draw: Any,
    shape: tuple[int, ...] | None,
    promises: object,
    layout: str | None,
    groups: int,
    stride: int | tuple[int, ...],
    activation: Any,
    options: dict[str, Any],
) -> tuple[Any, Promise, str]:
    refuse_no_draw(draw)
    name = getattr(draw, "__name__", type(draw).__name__)
    if options:
        raise ParameterError(f"audit of {name}", f"a draw takes no {next(iter(options))}", "Leave it out.")
    if shape is None or promises is None:
        lacking = "shape" if shape is None else "promises"
        raise ParameterError(
            f"audit of {name}", f"{lacking} is missing", "Give shape=(64, 200), promises='he_normal'."
        )
    sizes = as_shape(shape)
    if isinstance(promises, str) and promises in INITIALIZERS:
        connected = Connectivity(sizes, layout, groups, stride)
        promises = initializer(promises, connected)
    return draw, own_promise(promises), f"{name}, shape {sizes}"


def _connectivity(
    draw: Any, shape: tuple[int, ...], layout: str | None, groups: int, stride: int | tuple[int, ...]
) -> Connectivity | None:
    try:
        if isinstance(draw, FrameworkDraw):
            return draw.connectivity
        return Connectivity(shape, layout, groups, stride)
    except ParameterError:
        return None


def _activation_of(draw: Any) -> Activation:
    """The activation that a rule is meant for; ReLU where it says nothing."""
    options = dict(getattr(draw, "options", ()))
    word = options.get("nonlinearity")
    return as_named(QUOTED[word]) if word in QUOTED else relu


def _bias(draw: Any) -> float:
    """The variance of the bias that a default layer draws: uniform on the bounds of a = sqrt(5)."""
    biased = isinstance(draw, FrameworkDraw) and draw.name.startswith(("Linear", "Conv"))
    if not biased or not dict(draw.options).get("bias", True):
        return 0.0
    return float(1 / (3 * draw.connectivity.rule.fan_in))
