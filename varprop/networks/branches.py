"""Layers made of layers: skip connections, branches side by side, repetitions, shared weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.activations import Activation, identity
from varprop.model.axes import Token, new_token
from varprop.model.scalars import scalar
from varprop.networks.layers import Layer, Misfit, Shape, as_layers, at, listed, shape_after, shown

__all__ = ["Concatenate", "Repeat", "Residual", "Tied", "counted", "expanded", "fits_ties", "repeat", "tied"]

MOST_NESTED = 50


@dataclass(frozen=True, init=False)
class Residual(Layer):
    """A skip connection: h + multiplier * branch(h), with `post`, an activation, applied to the sum.

    Pre-activation blocks put the activation first in the branch, post-activation blocks give `post=relu`.

    Args:
        branch: the layers of the branch; it gives as many units as it reads.
        multiplier: what its result is multiplied by; a number, a symbol or text such as "1/sqrt(L)".
        post: an activation of the sum, or None.

    Example:
        >>> from varprop.model.activations import relu
        >>> from varprop.networks.layers import Dense
        >>> Residual([relu, Dense("n")], multiplier="1/2").label
        'Residual(1/2 * [relu, Dense(n)])'

    Source: He et al., Identity Mappings in Deep Residual Networks, 2016 (both orders).
    """

    kind: ClassVar[str] = "residual"
    branch: tuple[Layer, ...]
    multiplier: sp.Expr
    post: Activation | None

    def __init__(self, branch: object, multiplier: object = 1, post: Activation | None = None) -> None:
        if post is not None and not isinstance(post, Activation):
            raise ParameterError(
                f"Residual(post={post!r:.60})", "it is no activation", "Give vp.relu, or None."
            )
        object.__setattr__(self, "branch", as_layers(branch))
        object.__setattr__(self, "multiplier", scalar(multiplier, "multiplier"))
        object.__setattr__(self, "post", None if post is identity else post)

    def shape_after(self, shape: Shape) -> Shape:
        after = shape_after(self.branch, shape, self.label)
        if after != shape:
            raise Misfit(
                f"its branch gives {shown(after)} and the sum needs {shown(shape)}",
                f"Let the last layer of the branch, {self.branch[-1]}, give {shown(shape)}.",
            )
        return shape

    @property
    def label(self) -> str:
        scale = "" if self.multiplier == 1 else f"{self.multiplier} * "
        after = f", post={self.post}" if self.post else ""
        return f"Residual({scale}{listed(self.branch)}{after})"


@dataclass(frozen=True, init=False)
class Concatenate(Layer):
    """Branches that read the same units, their results side by side; an empty branch passes them on.

    Args:
        branches: lists of layers.

    Example:
        >>> from varprop.networks.layers import Dense
        >>> Concatenate([], [Dense(3)]).label
        'Concatenate([], [Dense(3)])'
    """

    kind: ClassVar[str] = "concatenate"
    branches: tuple[tuple[Layer, ...], ...]

    def __init__(self, *branches: object) -> None:
        if len(branches) < 2:
            raise ParameterError("Concatenate", f"{len(branches)} branch to put side by side", "Give two.")
        made = tuple(() if branch in ([], ()) else as_layers(branch) for branch in branches)
        object.__setattr__(self, "branches", made)

    def shape_after(self, shape: Shape) -> Shape:
        shapes = [shape_after(branch, shape, self.label) for branch in self.branches]
        places = {after[1:] for after in shapes}
        if len(places) > 1:
            raise Misfit("its branches give different positions", "Let all branches keep the positions.")
        return (sp.Add(*(after[0] for after in shapes)), *places.pop())

    def at(self, values: Mapping[Any, Any]) -> Concatenate:
        return Concatenate(*at(self.branches, values))

    @property
    def label(self) -> str:
        return f"Concatenate({', '.join(map(listed, self.branches))})"


@dataclass(frozen=True)
class Repeat(Layer):
    """Layers, `count` times over, with new weights each time; made by `repeat`."""

    kind: ClassVar[str] = "repeat"
    count: sp.Expr
    layers: tuple[Layer, ...]

    def shape_after(self, shape: Shape) -> Shape:
        if self.count == 0:
            return shape
        once = shape_after(self.layers, shape, self.label)
        if self.count != 1 and shape_after(self.layers, once, self.label) != once:
            raise Misfit("its layers give another shape each time", "Repeat layers that keep the shape.")
        return once

    @property
    def label(self) -> str:
        return f"repeat({self.count}, {listed(self.layers)})"


@dataclass(frozen=True)
class Tied(Layer):
    """A layer that shares its weights with every other place where the same object stands."""

    kind: ClassVar[str] = "tied"
    layer: Layer
    token: Token = field(default_factory=new_token, repr=False)

    def shape_after(self, shape: Shape) -> Shape:
        return self.layer.shape_after(shape)

    @property
    def label(self) -> str:
        return f"tied({self.layer})"


def repeat(count: object, layers: object) -> Repeat:
    """Return layers `count` times over, with new weights each time.

    Args:
        count: how often, from 0 on; a symbol or text keeps it open and gives closed forms in it.
        layers: a layer, or a list of layers.

    Example:
        >>> from varprop.model.activations import relu
        >>> from varprop.networks.layers import Dense
        >>> repeat("L", [Dense("n", weights="he_normal"), relu]).label
        'repeat(L, [Dense(n), relu])'
    """
    number = scalar(count, "count")
    if number.is_negative or (number.is_number and not number.is_Integer):
        raise ParameterError(
            f"repeat({number}, ...)", "it is no number of times", "Give 0, 1, 2, ... or 'L'."
        )
    return Repeat(number, as_layers(layers))


def tied(layer: object) -> Tied:
    """Return a layer that has the same weights wherever the returned object stands.

    Args:
        layer: a layer with weights; all its places read as many units, or channels.

    Example:
        >>> from varprop.networks.layers import Dense
        >>> shared = tied(Dense(4))
        >>> shared == tied(Dense(4))
        False
    """
    made = as_layers(layer)
    if len(made) != 1:
        raise ParameterError(f"tied({layer!r:.60})", "it is not one layer", "Tie each layer by itself.")
    return Tied(made[0])


def inside(layer: Layer) -> tuple[tuple[Layer, ...], ...]:
    """The layers that a layer is made of, branch by branch."""
    if isinstance(layer, Residual):
        return (layer.branch,)
    if isinstance(layer, Concatenate):
        return layer.branches
    if isinstance(layer, Repeat):
        return (layer.layers,)
    return ((layer.layer,),) if isinstance(layer, Tied) else ()


def counted(layers: Iterable[Layer]) -> tuple[int, bool]:
    """How many layers there are, those of branches and repetitions too, and whether one of them is tied.

    Raises:
        ParameterError: blocks stand in blocks in blocks, too deep to be followed.
    """
    total, ties = 0, False
    level: dict[int, tuple[Layer, int]] = {}

    def add(to: dict[int, tuple[Layer, int]], layer: Layer, times: int) -> None:
        to[id(layer)] = layer, to.get(id(layer), (layer, 0))[1] + times

    for layer in layers:
        add(level, layer, 1)
    for _ in range(MOST_NESTED):
        below: dict[int, tuple[Layer, int]] = {}
        for layer, times in level.values():
            repeats = isinstance(layer, Repeat)
            total, ties = total + (0 if repeats else times), ties or isinstance(layer, Tied)
            often = (
                times * int(layer.count) if isinstance(layer, Repeat) and layer.count.is_Integer else times
            )
            for branch in inside(layer):
                for inner in branch:
                    add(below, inner, often)
        if not below:
            return total, ties
        level = below
    raise ParameterError(
        "a network of blocks inside blocks",
        f"they are nested deeper than {MOST_NESTED} times",
        "Put blocks one after the other.",
    )


def _ties(layers: Iterable[Layer], shape: Shape) -> Iterator[tuple[Tied, object, Shape]]:
    """Yield every place of a tied layer: what stands before it there, and what it reads."""
    before: object = "the input"
    for layer in layers:
        after = layer.shape_after(shape)
        if isinstance(layer, Tied):
            yield layer, before, shape
        if not isinstance(layer, Repeat) or layer.count != 0:
            for branch in inside(layer):
                yield from _ties(branch, shape)
        if isinstance(layer, Repeat) and layer.count not in (0, 1):
            yield from _ties(layer.layers, after)
        before, shape = layer, after


def fits_ties(layers: Iterable[Layer], shape: Shape) -> None:
    """Check that the weights of a tied layer have one shape at all its places.

    Raises:
        ParameterError: they have not; the message names both places.
    """
    first: dict[Token, tuple[object, Shape]] = {}
    for layer, before, read in _ties(layers, shape):
        other, known = first.setdefault(layer.token, (before, read))
        if known[0] != read[0]:
            raise ParameterError(
                f"{layer} after {before} of {shown(read)}",
                f"after {other} it reads {shown(known)}: one matrix cannot read both",
                f"Let {before} give {shown(known)}, or tie another layer.",
            )


def expanded(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Yield the layers with every repetition of a known number written out."""
    for layer in layers:
        if isinstance(layer, Repeat) and layer.count.is_Integer:
            once = tuple(expanded(layer.layers))
            for _ in range(int(layer.count)):
                yield from once
        elif isinstance(layer, Repeat):
            yield Repeat(layer.count, tuple(expanded(layer.layers)))
        elif isinstance(layer, Residual):
            yield Residual(tuple(expanded(layer.branch)), layer.multiplier, layer.post)
        elif isinstance(layer, Concatenate):
            yield Concatenate(*(tuple(expanded(branch)) for branch in layer.branches))
        else:
            yield layer
