"""Brute force: networks are drawn, run forward and backward in NumPy, and averages are taken.

Nothing here knows a formula. A network arrives as its specification: layers with a `kind` and their parts,
and the shapes between them. Of the library only the samplers of `model` are used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from varprop.model.distributions import Distribution

__all__ = ["Drawn", "Place", "Spec", "cost_of", "numbers_of", "simulate"]

Array: TypeAlias = NDArray[np.float64]
Place: TypeAlias = tuple[int, ...]

MOMENTS = ("mean", "second_moment", "fourth_moment", "pair")


class Spec(Protocol):
    """A layer as brute force reads it: `kind` says which of its other parts exist."""

    kind: Any


@dataclass
class Drawn:
    """One layer of a batch of drawn networks: what is needed to run it backward.

    Args:
        spec: the specification.
        x: what it read, as (networks, inputs, units ...).
        y: what it gave.
        parts: the weights and whatever else it needs.
        inner: the layers drawn inside it, by branch.
    """

    spec: Any
    x: Array
    y: Array
    parts: dict[str, Any] = field(default_factory=dict)
    inner: list[list[Drawn]] = field(default_factory=list)


Shared: TypeAlias = dict[Any, dict[str, Any]]


def _weights(
    layer: Any, x: Array, shape: tuple[int, ...], rng: np.random.Generator, name: str
) -> dict[str, Any]:
    """Weights and biases of a dense layer for every network of the batch."""
    networks, fan_in, fan_out = x.shape[0], x.shape[2], int(layer.fan_out)
    law: Distribution = layer.law(shape)
    made = {f"W{name}": law.draw(rng, (networks, fan_out, fan_in))}
    made[f"b{name}"] = np.zeros(()) if layer.bias is None else layer.bias.draw(rng, (networks, 1, fan_out))
    return made


def _affine(x: Array, weights: Array, bias: Array) -> Array:
    made: Array = x @ weights.transpose(0, 2, 1) + bias
    return made


def _dense(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    parts = _weights(layer, x, shape, rng, "")
    return Drawn(layer, x, _affine(x, parts["W"], parts["b"]), parts)


def _dense_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    squares = np.einsum("bij,bik->bijk", g, drawn.x) ** 2 if g.shape[2] * drawn.x.shape[2] < 64 else None
    if squares is None:  # the square of an outer product is the outer product of squares
        mean = (g**2).mean(axis=2) * (drawn.x**2).mean(axis=2)
    else:
        mean = squares.mean(axis=(2, 3))
    return g @ drawn.parts["W"], [mean]


def _activation(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    return Drawn(layer, x, layer.activation.value(x))


def _activation_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    return g * drawn.spec.activation.derivative(drawn.x), []


def _noise(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    mask = layer.distribution.draw(rng, x.shape)
    return Drawn(layer, x, x * mask, {"mask": mask})


def _noise_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    return g * drawn.parts["mask"], []


Forward: TypeAlias = Callable[[Any, Array, Any, np.random.Generator, Shared], Drawn]
Backward: TypeAlias = Callable[[Drawn, Array], tuple[Array, list[Array]]]

_KINDS: dict[str, tuple[Forward, Backward]] = {
    "dense": (_dense, _dense_back),
    "activation": (_activation, _activation_back),
    "noise": (_noise, _noise_back),
}


def run(
    layers: Sequence[Any], x: Array, shape: Any, rng: np.random.Generator, shared: Shared
) -> tuple[list[Drawn], Array]:
    """Draw layers and run them."""
    drawn = []
    for layer in layers:
        drawn.append(_KINDS[layer.kind][0](layer, x, shape, rng, shared))
        x, shape = drawn[-1].y, layer.shape_after(shape)
    return drawn, x


Sums: TypeAlias = dict[tuple[Place, str], Array]


def _forward_means(y: Array, place: Place, found: Sums) -> None:
    """Means per network and input of powers of units, and of products under two inputs."""
    flat = y.reshape(*y.shape[:2], -1)
    square = flat * flat
    found[place, "mean"] = flat.mean(axis=2).mean(axis=1)
    found[place, "second_moment"] = square.mean(axis=2).mean(axis=1)
    found[place, "fourth_moment"] = (square * square).mean(axis=2).mean(axis=1)
    if y.shape[1] > 1:
        found[place, "pair"] = (flat[:, ::2] * flat[:, 1::2]).mean(axis=2).mean(axis=1)


def _back(drawn: Sequence[Drawn], g: Array, path: Place, found: Sums) -> Array:
    """Run layers backward and note the mean squares of gradients."""
    for number in range(len(drawn), 0, -1):
        one, place = drawn[number - 1], (*path, number)
        found[place, "gradient"] = (g * g).reshape(*g.shape[:2], -1).mean(axis=2).mean(axis=1)
        g, weights = _KINDS[one.spec.kind][1](one, g)
        for squares in weights:
            found[place, "weight_gradient"] = squares.mean(axis=1)
    return g


def _forward(drawn: Sequence[Drawn], path: Place, found: Sums) -> None:
    for number, one in enumerate(drawn, 1):
        _forward_means(one.y, (*path, number), found)


def simulate(
    layers: Sequence[Any],
    shape: Any,
    draw_input: Callable[[np.random.Generator, int, int], Array],
    networks: int,
    inputs: int,
    rng: np.random.Generator,
    backward: bool = True,
    loss: str = "readout",
) -> Mapping[tuple[Place, str], Array]:
    """Draw networks, feed each several inputs, and return means per network of what is to be known.

    Args:
        layers: the specifications.
        shape: the sizes of the input.
        draw_input: (generator, networks, inputs) -> array (networks, inputs, numbers); neighbors are pairs.
        networks: how many networks.
        inputs: how many inputs each of them reads.
        rng: where to draw from.
        backward: whether to run backward too.
        loss: "readout", y = sum_j v_j h_j with fresh v_j of variance 1; or "square", half the sum of h_j^2,
            whose gradient depends on what comes out.

    Returns:
        By place, (0,) for the input, and name: one number per network.
    """
    x = draw_input(rng, networks, inputs).reshape(networks, inputs, *(int(size) for size in shape))
    drawn, y = run(layers, x, shape, rng, {})
    found: Sums = {}
    _forward_means(x, (0,), found)
    _forward(drawn, (), found)
    if backward:
        g = rng.standard_normal(y.shape) if loss == "readout" else y
        g = _back(drawn, g, (), found)
        found[(0,), "gradient"] = (g * g).reshape(networks, inputs, -1).mean(axis=2).mean(axis=1)
    return found


def cost_of(layers: Sequence[Any], shape: Any, inputs: int) -> float:
    """Nanoseconds for one network, by a fixed formula: draws and multiplications."""
    total = 1000.0
    for layer in layers:
        after = layer.shape_after(shape)
        units = float(np.prod([float(size) for size in after]))
        total += (150 + 60 * units * inputs) if layer.kind != "dense" else 400
        if layer.kind == "dense":
            weights = float(shape[0]) * units
            total += weights * (40 + 3 * inputs) + 100 * units * inputs
        shape = after
    return total


def numbers_of(layers: Sequence[Any], shape: Any, inputs: int) -> float:
    """How many numbers one drawn network holds."""
    total = inputs * float(np.prod([float(size) for size in shape]))
    for layer in layers:
        after = layer.shape_after(shape)
        units = float(np.prod([float(size) for size in after]))
        total += 2 * units * inputs + (float(shape[0]) * units if layer.kind == "dense" else 0.0)
        shape = after
    return total
