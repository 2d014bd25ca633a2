"""Outlooks: whether what moves through a network vanishes, stays or explodes, and what repairs it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import sympy as sp
from mpmath import mp

from varprop.errors import VarpropError
from varprop.networks.branches import Repeat, Residual
from varprop.networks.layers import Activate, Dense, Layer, Noise
from varprop.networks.network import Network
from varprop.networks.rows import Row, Value
from varprop.networks.typical import direction
from varprop.render import Bullets, Document, Documented, Text

__all__ = ["Direction", "Outlook", "outlook_of"]

WEIGHTED = ("dense", "glu", "conv", "residual", "tied", "repeat")
MOST_ROWS = 400
MOST_OCTAVES = 6.0
MOST_STEPS = 16


@dataclass(frozen=True)
class Direction:
    """What happens to a second moment from the first to the last hidden layer, or back.

    Attributes:
        verdict: "vanishes", "stable" (a change by less than a factor 2), "explodes", or "open" in symbols.
        factor: by how much one layer multiplies it, as a geometric mean; a formula in symbols.
        layers: over how many layers with weights; a formula in symbols.
        half_life: layers in which it halves, or doubles where it grows; infinite if it stays.
        remedy: what to multiply the variance of all weights by so that it stays, None if nothing is to be
            done or no number is known; of residual blocks what to multiply their branches by.
        repaired: what the remedy is multiplied to: "weight variance" or "branch".
    """

    verdict: str
    factor: Value
    layers: Value
    half_life: float
    remedy: float | None
    repaired: str

    def words(self, what: str) -> str:
        """The direction as a sentence about something."""
        if self.verdict == "open":
            return f"{what}: times {self.factor} per layer."
        made = f"{what} {'is stable' if self.verdict == 'stable' else self.verdict}"
        made += f": times {float(self.factor):.4g} per layer"
        if math.isfinite(self.half_life):
            made += f", {'half' if self.factor < 1 else 'twice'} as large after {self.half_life:.3g} layers"
        if self.remedy is not None:
            what_to = "the variance of all weights" if self.repaired == "weight variance" else "every branch"
            made += f". Multiply {what_to} by {self.remedy:.4g}"
        return made + "."


@dataclass(frozen=True)
class Outlook(Documented):
    """The outlook of a network: of its activations, of its gradients, and of its typical net.

    Attributes:
        forward: of the second moment of activations.
        backward: of the second moment of gradients, from the last hidden layer to the first.
        typical: of the typical size, which may part ways with the mean in deep narrow nets.
        depth_to_width: the sum of 1 / width over the hidden layers.
    """

    forward: Direction
    backward: Direction
    typical: Direction
    depth_to_width: Value

    def document(self) -> Document:
        """The outlook in sentences."""
        lines = [self.forward.words("The activation"), self.backward.words("The gradient")]
        if self.typical.verdict not in (self.forward.verdict, "open"):
            does = "is stable" if self.typical.verdict == "stable" else self.typical.verdict
            says = {"vanishes": "vanishing", "explodes": "exploding"}.get(self.forward.verdict, "stable")
            lines.append(
                f"The mean says {says}, the typical net {does}: times {float(self.typical.factor):.4g} "
                f"per layer; depth to width {float(self.depth_to_width):.3g}."
            )
        return Document([Bullets([Text(line) for line in lines])])

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain Python objects."""
        return {
            name: _plain(part) if not isinstance(part, dict) else {k: _plain(v) for k, v in part.items()}
            for name, part in asdict(self).items()
        }

    def __str__(self) -> str:
        return self.to_text()


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, str | int | float) or value is None else str(value)


def outlook_of(network: Network, rows: Sequence[Row], again: Callable[[float], Sequence[Row]]) -> Outlook:
    """The outlook of a network from the rows of its profile.

    Args:
        network: the layers.
        rows: of the profile.
        again: the rows once the variance of all weights is multiplied by a number.
    """
    made = _outlook(network, rows)

    def changed(name: str, factor: float) -> float:
        return _ratio(getattr(_outlook(network, again(factor)), name))

    if len(rows) > MOST_ROWS or network.free_symbols or _scale_free(network.layers):
        return made
    repaired = {
        name: replace(part, remedy=_searched(partial(changed, name)))
        for name, part in (("forward", made.forward), ("backward", made.backward))
        if part.verdict in ("vanishes", "explodes") and part.repaired == "weight variance"
    }
    return replace(made, **repaired)


def _ratio(part: Direction) -> float:
    """The log of what happens over all layers."""
    return math.log(part.factor) * part.layers if part.factor > 0 else -math.inf


def _searched(change: Callable[[float], float]) -> float | None:
    """The multiplier at which nothing changes over all layers, by bisection; None if there is none."""
    low, high = -MOST_OCTAVES, MOST_OCTAVES
    try:
        if not change(2.0**low) < 0 < change(2.0**high):
            return None
        for _ in range(MOST_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if change(2.0**middle) < 0 else (low, middle)
    except VarpropError:
        return None
    return float(2.0 ** ((low + high) / 2))


def _scale_free(layers: Sequence[Layer]) -> bool:
    """Whether twice the input gives twice the output, so that one factor per layer says all."""
    return all(
        (isinstance(layer, Dense) and layer.bias is None)
        or (isinstance(layer, Activate) and getattr(layer.activation, "degree", 0) == 1)
        or isinstance(layer, Noise)
        for layer in layers
    )


def _outlook(network: Network, rows: Sequence[Row]) -> Outlook:
    hidden = [row for row in rows if len(row.path) == 1 and row.kind in WEIGHTED]
    hidden = hidden[:-1] if len(hidden) > 2 else hidden
    if len(hidden) < 2:
        hidden = [row for row in (rows[0], rows[-1]) if len(row.path) == 1]
    first, last, count = hidden[0], hidden[-1], len(hidden) - 1
    inside = [row for row in rows if len(row.path) == 3 and row.kind in WEIGHTED]
    repeats = [layer for layer in network.layers if isinstance(layer, Repeat)]
    if repeats and inside:  # the same place of the first and the last block of a symbolic repetition
        hidden = inside
        first, last = (
            inside[0],
            next(r for r in inside if r.path == (inside[0].path[0], 2, inside[0].path[2])),
        )
        count = repeats[0].count - 1
    blocks = [layer for layer in network.layers if isinstance(layer, Residual)]
    residual = not repeats and 2 * len(blocks) > count > 0
    widths = [row.shape[0] for row in hidden if row.path != (0,)]
    narrow = sum((1 / width for width in widths), sp.S.Zero)
    return Outlook(
        _direction(first.second_moment, last.second_moment, count, residual),
        _direction(last.gradient or rows[-1].gradient, first.gradient, count, residual),
        _direction(_squared(first.typical), _squared(last.typical), count, residual),
        float(narrow) if narrow.is_number else narrow,
    )


def _squared(value: Value) -> Value:
    return value**2 if isinstance(value, sp.Basic) else mp.mpf(value) ** 2


def _direction(start: Value, end: Value, layers: Any, residual: bool) -> Direction:
    """How a second moment changed over some layers."""
    repaired = "branch" if residual else "weight variance"
    if isinstance(start, sp.Basic) or isinstance(end, sp.Basic):
        steps = sp.sympify(layers) or sp.S.One
        log = sp.expand_log(sp.log(sp.simplify(sp.sympify(end) / sp.sympify(start))), force=True)
        factor = sp.simplify(sp.exp(sp.simplify(log / steps)))
        verdict = "open"
        if factor.is_number:
            verdict = "stable" if factor == 1 else "explodes" if factor > 1 else "vanishes"
        half_life = (
            abs(float(sp.log(2) / sp.log(factor))) if verdict in ("vanishes", "explodes") else math.inf
        )
        remedy = float(1 / factor) if verdict in ("vanishes", "explodes") else None
        return Direction(verdict, factor, layers, half_life, remedy, repaired)
    if layers == 0 or not start or not end:
        verdict = "stable" if layers == 0 or not start else "vanishes"
        return Direction(verdict, 1.0 if verdict == "stable" else 0.0, layers, math.inf, None, repaired)
    log = float(mp.log(mp.mpf(end) / start))
    rate = log / layers
    factor = math.exp(max(min(rate, 700.0), -700.0))
    half_life = math.inf if abs(log) < 1e-9 else math.log(2) / abs(rate)
    verdict = direction(log)
    remedy = None
    if verdict != "stable":
        remedy = 1 / factor
        if residual:
            growth = math.expm1(rate)
            remedy = math.sqrt(math.expm1(math.log(2) / 2 / layers) / growth) if growth > 0 else None
    return Direction(verdict, factor, layers, half_life, remedy, repaired)
