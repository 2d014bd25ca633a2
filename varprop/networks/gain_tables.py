"""The gains of all activations beside what libraries quote, and what the difference does over depth."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from varprop.errors import MomentError, ParameterError
from varprop.model.activations import REGISTERED, Activation, activation as as_activation, slope_of
from varprop.model.decimals import rounded
from varprop.model.gaussian import second_moment, variance
from varprop.networks.gains import KINDS, SCALED, Gain, gain
from varprop.render import Bullets, Document, Documented, Heading, Table, Text

__all__ = ["QUOTED", "GainTable", "Quote", "gain_table", "over_depth"]

MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Quote:
    """A gain that a library uses for an activation.

    Args:
        source: the library.
        activation: the name of the activation.
        value: the number as it stands there.
        kind: which gain it is meant to be.
    """

    source: str
    activation: str
    value: float
    kind: str


def _interpolated(alpha: float, lower: float, upper: float) -> float:
    """lower^(1 - alpha) upper^alpha, as unit-scaling writes its empirical models."""
    return math.exp(alpha * math.log(upper) + (1 - alpha) * math.log(lower))


_GAMMAS = {
    "identity": 1.0,
    "celu": 1.270926833152771,
    "elu": 1.2716004848480225,
    "gelu": 1.7015043497085571,
    "leaky_relu": 1.70590341091156,
    "relu": 1.7139588594436646,
    "relu6": 1.7131484746932983,
    "selu": 1.0008515119552612,
    "sigmoid": 4.803835391998291,
    "silu": 1.7881293296813965,
    "softsign": 2.338853120803833,
    "softplus": 1.9203323125839233,
    "tanh": 1.5939117670059204,
}
_TORCH = {
    "identity": 1.0,
    "sigmoid": 1.0,
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "leaky_relu": math.sqrt(2 / (1 + 0.01**2)),
    "selu": 3 / 4,
}
_HALF_NORMAL = math.sqrt(2 / (1 - 1 / math.pi))
QUOTED: tuple[Quote, ...] = (
    *(Quote("torch", name, value, "forward") for name, value in _TORCH.items()),
    *(Quote("nfnets", name, value, "centered") for name, value in _GAMMAS.items()),
    Quote("unit-scaling", "gelu", _interpolated(0.8, 2, _HALF_NORMAL), "centered"),
    Quote("unit-scaling", "gelu", _interpolated(0.8, 2, math.sqrt(2)), "backward"),
    Quote("unit-scaling", "silu", _interpolated(0.8, 2, _HALF_NORMAL), "centered"),
    Quote("unit-scaling", "silu", _interpolated(0.5, 2, math.sqrt(2)), "backward"),
)
"""torch.nn.init.calculate_gain; the gammas of normalizer-free ResNets (Brock, De, Smith 2021), which are
sampled; the empirical models of unit-scaling (Blake, Orr, Luschi 2023) at multiplier 1."""


def over_depth(
    activation: Any, size: float, depth: int = 50, q: float = 1.0, centered: bool = False
) -> tuple[float, float]:
    """By what the second moments of signal and gradient have changed after some layers of infinite width.

    q_(l+1) = size^2 E phi(z_l)^2 with z_l ~ N(0, q_l), the gradient times size^2 E phi'(z_l)^2 at each layer.

    Args:
        activation: an Activation or its name.
        size: the gain that is used.
        depth: the number of layers.
        q: where the signal starts.
        centered: whether phi - E phi is fed on instead of phi.

    Returns:
        (q_depth / q, product of the gradient's factors); inf where float64 ends.

    Raises:
        ParameterError: depth is no whole number from 0 on, or more than 10,000.

    Example:
        >>> signal, gradient = over_depth("relu", 1.0)
        >>> round(math.log2(signal), 9), round(math.log2(gradient), 9)
        (-50.0, -50.0)
    """
    _layers(depth)
    phi = as_activation(activation)
    slope = slope_of(phi)
    now, gradient = q, 1.0
    for _ in range(depth):
        if now == 0:
            return 0.0, 0.0
        try:
            std = math.sqrt(now)
            gradient *= size**2 * float(second_moment(slope, 0.0, std)) if slope is not None else 0.0
            now = size**2 * _fed(phi, std, centered)
        except (MomentError, ParameterError):  # beyond float64
            return math.inf, math.nan
    return now / q, gradient


def _layers(depth: object) -> None:
    if isinstance(depth, bool) or not isinstance(depth, int) or not 0 <= depth <= MOST_LAYERS:
        raise ParameterError(f"depth {depth!r:.40}", "no number of layers", f"Use 0 to {MOST_LAYERS}")


def _fed(phi: Activation, std: float, centered: bool) -> float:
    return float(variance(phi, 0.0, std) if centered else second_moment(phi, 0.0, std))


@dataclass(frozen=True)
class GainTable(Documented):
    """Gains of activations at q = 1, beside what libraries quote.

    Args:
        gains: one for each activation.
        depth: over how many layers the quoted ones are followed.

    Example:
        >>> table = gain_table(["relu", "tanh"])
        >>> [quote.value for quote in table.quotes("relu")]
        [1.4142135623730951, 1.7139588594436646]
    """

    gains: tuple[Gain, ...]
    depth: int = 50

    def quotes(self, activation: Activation | str) -> tuple[Quote, ...]:
        """What libraries quote for an activation."""
        phi = as_activation(activation)
        return tuple(quote for quote in QUOTED if as_activation(quote.activation) == phi)

    def consequences(self) -> Iterator[tuple[Quote, float, float, float]]:
        """Each quote with the exact number, and what it makes of signal and gradient over the depth."""
        for found in self.gains:
            for quote in self.quotes(found.activation):
                signal, gradient = over_depth(
                    found.activation, quote.value, self.depth, centered=quote.kind == "centered"
                )
                yield quote, float(found.digits(quote.kind)), signal, gradient

    def records(self) -> list[dict[str, Any]]:
        """One mapping for each activation, for JSON."""
        return [found.record() for found in self.gains]

    def document(self) -> Document:
        header = ["activation", *KINDS, "chi_1"]
        rows = [
            [
                str(found.activation),
                *(rounded(found.digits(kind), 8) for kind in KINDS),
                rounded(found.chi_1, 6),
            ]
            for found in self.gains
        ]
        kinds: dict[str, list[str]] = {}
        for found in self.gains:
            kinds.setdefault(found.precision, []).append(str(found.activation))
        blocks: list[Any] = [
            Heading("Gains at q = 1", 1),
            Text(SCALED, "; chi_1: what a layer with the forward gain makes of the gradient."),
            Table(header, rows, align="lrrrrr"),
            Bullets([f"{kind.capitalize()}: {', '.join(names)}." for kind, names in kinds.items()]),
        ]
        quoted = [
            [
                str(as_activation(quote.activation)),
                quote.source,
                quote.kind,
                f"{quote.value:.5g}",
                f"{100 * (quote.value / exact - 1):+.2f}",
                f"{signal:.3g}",
                f"{gradient:.3g}",
            ]
            for quote, exact, signal, gradient in self.consequences()
        ]
        if quoted:
            names = ["activation", "library", "meant as", "quoted", "% off", "signal", "gradient"]
            blocks += [
                Heading(f"What libraries quote, and what it does over {self.depth} layers", 2),
                Text(
                    "% off: from the gain of that kind above. Signal and gradient: what becomes of their "
                    "second moments, from q = 1, at infinite width."
                ),
                Table(names, quoted, align="lllrrrr"),
            ]
        return Document(blocks)

    def __str__(self) -> str:
        return self.to_text(100)


def gain_table(activations: Iterable[Any] | None = None, depth: int = 50) -> GainTable:
    """Return the gains of several activations; of all registered ones if none are given.

    Args:
        activations: Activations, or their names.
        depth: over how many layers quoted gains are followed.

    Raises:
        ParameterError: one is no activation, or depth is no number of layers.

    Example:
        >>> print(gain_table(["relu"]).to_text(100).splitlines()[7])
        relu        1.4142136  1.7128586  1.4142136   1.4142136      1
    """
    if activations is None:
        activations = sorted(REGISTERED, key=lambda name: str(as_activation(name)))
    if isinstance(activations, str):
        raise ParameterError(
            f"gain_table({activations!r:.40})", "it is no list", f"Write [{activations!r:.40}]."
        )
    _layers(depth)
    return GainTable(tuple(gain(phi) for phi in activations), depth)
