"""Layers as specifications: every position of a network draws weights of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeAlias

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.activations import Activation, identity
from varprop.model.axes import as_size
from varprop.model.distributions import Distribution
from varprop.model.parsing import as_distribution
from varprop.networks.weights import as_weights, weight_law

__all__ = [
    "GLU",
    "Activate",
    "Dense",
    "Layer",
    "LayerNorm",
    "Misfit",
    "Noise",
    "RMSNorm",
    "Shape",
    "as_layers",
    "at",
    "listed",
    "shape_after",
    "shown",
]

Shape: TypeAlias = tuple[sp.Expr, ...]
"""The sizes of what a layer gives: (units,), or (channels, positions, ...)."""


class Misfit(Exception):
    """What keeps a layer from reading what the layer before gives."""

    def __init__(self, missing: str, remedy: str) -> None:
        self.missing, self.remedy = missing, remedy
        super().__init__(missing)


def only_units(shape: Shape, layer: str) -> sp.Expr:
    """The width of what comes in, if it is a plain row of units."""
    if len(shape) > 1:
        raise Misfit(f"{layer} reads units, and what comes has positions", "Put vp.Flatten() between them.")
    return shape[0]


class Layer(ABC):
    """One layer of a network, known by what it does; it holds no numbers that were drawn."""

    kind: ClassVar[str]

    @abstractmethod
    def shape_after(self, shape: Shape) -> Shape:
        """The sizes of what it gives for what comes in."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What tables call it."""

    def at(self, values: Mapping[Any, Any]) -> Layer:
        """The same layer with values for symbols."""
        changed = {f.name: at(getattr(self, f.name), values) for f in fields(self) if f.name != "token"}  # type: ignore[arg-type]
        return replace(self, **changed)  # type: ignore[type-var]

    def __str__(self) -> str:
        return self.label


def at(part: Any, values: Mapping[Any, Any]) -> Any:
    if isinstance(part, sp.Expr):
        return part.xreplace(dict(values))
    if isinstance(part, tuple):
        return tuple(at(inner, values) for inner in part)
    if isinstance(part, (Layer, Distribution, Activation)):
        return part.at(values)
    return part


def as_bias(given: object) -> Distribution | None:
    """The distribution of a bias; None and 0 mean that there is none."""
    law = None if given is None else as_distribution(given)
    return None if law is None or getattr(law, "value", None) == 0 else law


@dataclass(frozen=True, init=False)
class Dense(Layer):
    """A fully connected layer: z_j = sum_i W_ji h_i + b_j.

    Args:
        fan_out: the number of its units; a whole number, a symbol or text.
        weights: the distribution of each weight, or the name of an initializer such as "he_normal"; `n` in it
            is the number of units that the layer reads, `n_out` its own.
        bias: the distribution of each bias, a number that all share, or None.

    Raises:
        ParameterError: a size that is none, or weights whose mean is not zero.

    Example:
        >>> Dense(512, weights="he_normal").label
        'Dense(512)'
    """

    kind: ClassVar[str] = "dense"
    fan_out: sp.Expr
    weights: Distribution
    bias: Distribution | None

    def __init__(
        self, fan_out: object, weights: object = "Normal(variance=1/n)", bias: object = None
    ) -> None:
        object.__setattr__(self, "fan_out", as_size(fan_out, "fan_out"))
        object.__setattr__(self, "weights", as_weights(weights, "Dense"))
        object.__setattr__(self, "bias", as_bias(bias))

    def shape_after(self, shape: Shape) -> Shape:
        only_units(shape, self.label)
        return (self.fan_out,)

    def law(self, shape: Shape) -> Distribution:
        """The distribution of one weight for what comes in."""
        return weight_law(self.weights, shape[0], self.fan_out)

    def at(self, values: Mapping[Any, Any]) -> Dense:
        return Dense(*(at(part, values) for part in (self.fan_out, self.weights, self.bias)))

    @property
    def label(self) -> str:
        return f"Dense({self.fan_out})"


@dataclass(frozen=True)
class Activate(Layer):
    """An activation, applied to every unit; in a list of layers the activation itself stands for it."""

    kind: ClassVar[str] = "activation"
    activation: Activation

    def shape_after(self, shape: Shape) -> Shape:
        return shape

    @property
    def label(self) -> str:
        return str(self.activation)


@dataclass(frozen=True)
class Noise(Layer):
    """Every unit times an independent draw; a distribution such as `Dropout(0.9)` stands for it in a list."""

    kind: ClassVar[str] = "noise"
    distribution: Distribution

    def shape_after(self, shape: Shape) -> Shape:
        return shape

    @property
    def label(self) -> str:
        return str(self.distribution)


@dataclass(frozen=True, init=False)
class GLU(Layer):
    """A gated product: (W x + b)_j * activation((V x + c)_j), W and V independent with one distribution.

    Args:
        fan_out, weights, bias: as for `Dense`, for both.
        activation: of the gate: sigmoid for the GLU, gelu for the GEGLU, silu for the SwiGLU, identity for
            the bilinear layer.

    Source: Dauphin et al., Language Modeling with Gated Convolutional Networks, 2017; Shazeer, GLU Variants
        Improve Transformer, 2020.
    """

    kind: ClassVar[str] = "glu"
    fan_out: sp.Expr
    activation: Activation
    weights: Distribution
    bias: Distribution | None

    def __init__(
        self,
        fan_out: object,
        activation: Activation = identity,
        weights: object = "Normal(variance=1/n)",
        bias: object = None,
    ) -> None:
        if not isinstance(activation, Activation):
            raise ParameterError(
                f"GLU(activation={activation!r:.60})", "it is no activation", "Give vp.relu."
            )
        object.__setattr__(self, "fan_out", as_size(fan_out, "fan_out"))
        object.__setattr__(self, "activation", activation)
        object.__setattr__(self, "weights", as_weights(weights, "GLU"))
        object.__setattr__(self, "bias", as_bias(bias))

    def shape_after(self, shape: Shape) -> Shape:
        only_units(shape, self.label)
        return (self.fan_out,)

    def law(self, shape: Shape) -> Distribution:
        """The distribution of one weight for what comes in."""
        return weight_law(self.weights, shape[0], self.fan_out)

    def at(self, values: Mapping[Any, Any]) -> GLU:
        return GLU(*(at(part, values) for part in (self.fan_out, self.activation, self.weights, self.bias)))

    @property
    def label(self) -> str:
        return f"GLU({self.fan_out}, {self.activation})"


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Every unit less the mean of all, over their standard deviation; without gain and shift.

    Of two units only signs are left, and no gradient passes; below three independent normal units its mean
    square is infinite.

    Source: Ba, Kiros, Hinton, Layer Normalization, 2016.
    """

    kind: ClassVar[str] = "layer norm"

    def shape_after(self, shape: Shape) -> Shape:
        width = only_units(shape, self.label)
        if width == 1:
            raise Misfit("one unit less its own mean is 0 / 0", "Normalize at least two units.")
        return shape

    @property
    def label(self) -> str:
        return f"{type(self).__name__}()"


@dataclass(frozen=True)
class RMSNorm(Layer):
    """Every unit over the root of the mean square of all.

    Of one unit only the sign is left, and no gradient passes; below two independent normal units its mean
    square is infinite.

    Source: Zhang, Sennrich, Root Mean Square Layer Normalization, 2019.
    """

    kind: ClassVar[str] = "rms norm"

    def shape_after(self, shape: Shape) -> Shape:
        only_units(shape, self.label)
        return shape

    @property
    def label(self) -> str:
        return f"{type(self).__name__}()"


def as_layers(given: object) -> tuple[Layer, ...]:
    """A layer or a list of layers as a tuple; activations and distributions stand for layers.

    Raises:
        ParameterError: an entry is none of these, or there is none.
    """
    entries = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    return tuple(_as_layer(entry) for entry in entries)


def _as_layer(given: object) -> Layer:
    if isinstance(given, Layer):
        return given
    if isinstance(given, Activation):
        return Activate(given)
    if isinstance(given, Distribution):
        return Noise(given)
    raise ParameterError(
        f"{given!r:.60} as a layer", "it is none", "Give vp.Dense(512), an activation such as vp.relu, ..."
    )


def listed(layers: Iterable[Layer]) -> str:
    return f"[{', '.join(map(str, layers))}]"


def shown(shape: Shape) -> str:
    """A shape in words."""
    return f"{shape[0]} units" if len(shape) == 1 else " x ".join(map(str, shape))


def shape_after(layers: Iterable[Layer], shape: Shape, inside: str = "") -> Shape:
    """The sizes after all layers.

    Raises:
        ParameterError: a layer cannot read what the one before gives; the message names both.
    """
    before: object = f"the input of {inside}" if inside else "the input"
    for layer in layers:
        try:
            after = layer.shape_after(shape)
        except Misfit as misfit:
            raise ParameterError(
                f"{layer} after {before} of {shown(shape)}", misfit.missing, misfit.remedy
            ) from None
        before, shape = layer, after
    return shape
