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
ROUND_OFF = 1e-14


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
        path: its place.
        found: where means are noted.
    """

    spec: Any
    x: Array
    y: Array
    parts: dict[str, Any] = field(default_factory=dict)
    inner: list[list[Drawn]] = field(default_factory=list)
    path: Place = ()
    found: dict[Any, Array] = field(default_factory=dict)


Shared: TypeAlias = dict[Any, int]
"""The seed of every tied layer."""


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


def _glu(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    parts = _weights(layer, x, shape, rng, "") | _weights(layer, x, shape, rng, "2")
    value, gate = _affine(x, parts["W"], parts["b"]), _affine(x, parts["W2"], parts["b2"])
    parts |= {"value": value, "gate": gate}
    return Drawn(layer, x, value * layer.activation.value(gate), parts)


def _glu_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    parts, phi = drawn.parts, drawn.spec.activation
    first, second = g * phi.value(parts["gate"]), g * parts["value"] * phi.derivative(parts["gate"])
    squares = ((first**2).mean(axis=2) + (second**2).mean(axis=2)) / 2 * (drawn.x**2).mean(axis=2)
    return first @ parts["W"] + second @ parts["W2"], [squares]


def _norm(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    away = x
    for _ in range(2 if layer.kind == "layer norm" else 0):  # the second time takes off what rounding left
        away = away - away.mean(axis=2, keepdims=True)
    size = np.sqrt((away**2).mean(axis=2, keepdims=True))
    return Drawn(layer, x, np.divide(away, size, out=np.zeros_like(away), where=size > 0), {"size": size})


def _norm_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    size, y = drawn.parts["size"], drawn.y
    lost = y * (g * y).mean(axis=2, keepdims=True)
    if drawn.spec.kind == "layer norm":
        lost = lost + g.mean(axis=2, keepdims=True)
    along = g - lost
    felt = np.abs(along) > ROUND_OFF * np.abs(g).max(axis=2, keepdims=True)  # else the digits cancelled
    return np.divide(along, size, out=np.zeros_like(along), where=felt & (size > 0)), []


def _pool(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    along = range(3 if x.ndim > 3 else 2, x.ndim)
    sizes = {axis: x.shape[axis] if layer.size is None else int(layer.size) for axis in along}
    y = x
    for axis, size in sizes.items():
        y = y.reshape(*y.shape[:axis], -1, size, *y.shape[axis + 1 :]).mean(axis=axis + 1)
    flat = x.ndim > 3 and layer.size is None
    return Drawn(layer, x, y.reshape(y.shape[:3]) if flat else y, {"sizes": sizes})


def _pool_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    sizes = drawn.parts["sizes"]
    g = g.reshape(*g.shape, *(1 for _ in range(drawn.x.ndim - g.ndim)))
    for axis, size in sizes.items():
        g = np.repeat(g / size, size, axis=axis)
    return g, []


def _windows(layer: Any, x: Array, shape: Any) -> tuple[Array, list[tuple[Any, ...]], tuple[int, ...]]:
    """The input with zeros around it, and for every place of the kernel the slices that read it."""
    sides, stride = layer.sides(shape), layer.stride
    padded = np.pad(x, [(0, 0), (0, 0), (0, 0), *((padding, padding) for _, padding in sides)])
    after = tuple(int(length) for length in layer.shape_after(shape)[1:])
    cuts: list[tuple[Any, ...]] = []
    for offsets in np.ndindex(*(size for size, _ in sides)):
        slices = (
            slice(k, k + stride * (length - 1) + 1, stride) for k, length in zip(offsets, after, strict=True)
        )
        cuts.append((slice(None), slice(None), slice(None), *slices))
    return padded, cuts, after


def _conv(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    networks, fan_in, channels = x.shape[0], x.shape[2], int(layer.channels)
    padded, cuts, after = _windows(layer, x, shape)
    weights = layer.law(shape).draw(rng, (len(cuts), networks, channels, fan_in))
    y = np.zeros((*x.shape[:2], channels, *after))
    for each, cut in zip(weights, cuts, strict=True):
        y += np.einsum("boi,bni...->bno...", each, padded[cut])
    if layer.bias is not None:
        y += layer.bias.draw(rng, (networks, 1, channels, *(1 for _ in after)))
    return Drawn(layer, x, y, {"W": weights, "shape": shape})


def _conv_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    layer, shape = drawn.spec, drawn.parts["shape"]
    padded, cuts, _ = _windows(layer, drawn.x, shape)
    total, squares = np.zeros_like(padded), []
    flat = g.reshape(*g.shape[:3], -1)
    for each, cut in zip(drawn.parts["W"], cuts, strict=True):
        total[cut] += np.einsum("boi,bno...->bni...", each, g)
        seen = padded[cut].reshape(*padded.shape[:3], -1)
        squares.append(((flat @ seen.transpose(0, 1, 3, 2)) ** 2).mean(axis=(2, 3)))
    inside = tuple(
        slice(padding, padding + int(length))
        for (_, padding), length in zip(layer.sides(shape), shape[1:], strict=True)
    )
    return total[(slice(None), slice(None), slice(None), *inside)], [np.mean(squares, axis=0)]


def _flatten(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    return Drawn(layer, x, x.reshape(*x.shape[:2], -1))


def _flatten_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    return g.reshape(drawn.x.shape), []


def _residual(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    inner, branch = run(layer.branch, x, shape, rng, shared)
    total = x + float(layer.multiplier) * branch
    y = total if layer.post is None else layer.post.value(total)
    return Drawn(layer, x, y, {"sum": total}, [inner])


def _residual_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    layer = drawn.spec
    if layer.post is not None:
        g = g * layer.post.derivative(drawn.parts["sum"])
    return g + _back(drawn.inner[0], float(layer.multiplier) * g, (*drawn.path, 1), drawn.found), []


def _concatenate(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    runs = [run(branch, x, shape, rng, shared) for branch in layer.branches]
    return Drawn(layer, x, np.concatenate([y for _, y in runs], axis=2), {}, [inner for inner, _ in runs])


def _concatenate_back(drawn: Drawn, g: Array) -> tuple[Array, list[Array]]:
    total, start = np.zeros_like(drawn.x), 0
    for branch, inner in enumerate(drawn.inner, 1):
        width = inner[-1].y.shape[2] if inner else drawn.x.shape[2]
        part = g[:, :, start : start + width]
        total += _back(inner, part, (*drawn.path, branch), drawn.found)
        start += width
    return total, []


def _tied(layer: Any, x: Array, shape: Any, rng: np.random.Generator, shared: Shared) -> Drawn:
    """A layer whose weights are drawn again from the same numbers wherever it stands."""
    if layer.token not in shared:
        shared[layer.token] = int(rng.integers(2**63))
    again = np.random.default_rng(shared[layer.token])
    return _KINDS[layer.layer.kind][0](layer.layer, x, shape, again, shared)


Forward: TypeAlias = Callable[[Any, Array, Any, np.random.Generator, Shared], Drawn]
Backward: TypeAlias = Callable[[Drawn, Array], tuple[Array, list[Array]]]

_KINDS: dict[str, tuple[Forward, Backward]] = {
    "dense": (_dense, _dense_back),
    "activation": (_activation, _activation_back),
    "noise": (_noise, _noise_back),
    "glu": (_glu, _glu_back),
    "layer norm": (_norm, _norm_back),
    "rms norm": (_norm, _norm_back),
    "pool": (_pool, _pool_back),
    "conv": (_conv, _conv_back),
    "flatten": (_flatten, _flatten_back),
    "residual": (_residual, _residual_back),
    "concatenate": (_concatenate, _concatenate_back),
    "tied": (_tied, _dense_back),
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


def _forward_means(y: Array, place: Place, found: Sums, every: int) -> None:
    """Means per network of powers of units, and of products under all pairs of different inputs."""
    both = y.reshape(*y.shape[:2], -1)
    flat = both[:, ::every]
    square = flat * flat
    found[place, "mean"] = flat.mean(axis=2).mean(axis=1)
    found[place, "second_moment"] = square.mean(axis=2).mean(axis=1)
    found[place, "fourth_moment"] = (square * square).mean(axis=2).mean(axis=1)
    inputs = y.shape[1]
    if inputs == 2:
        found[place, "pair"] = (both[:, 0] * both[:, 1]).mean(axis=1)
    elif inputs > 2:
        apart = both.sum(axis=1) ** 2 - (both**2).sum(axis=1)
        found[place, "pair"] = apart.mean(axis=1) / (inputs * (inputs - 1))


def _back(drawn: Sequence[Drawn], g: Array, path: Place, found: Sums) -> Array:
    """Run layers backward and note the mean squares of gradients."""
    for number in range(len(drawn), 0, -1):
        one, place = drawn[number - 1], (*path, number)
        found[place, "gradient"] = (g * g).reshape(*g.shape[:2], -1).mean(axis=2).mean(axis=1)
        one.path, one.found = place, found
        g, weights = _KINDS[one.spec.kind][1](one, g)
        for squares in weights:
            found[place, "weight_gradient"] = squares.mean(axis=1)
    return g


def _forward(drawn: Sequence[Drawn], path: Place, found: Sums, every: int) -> None:
    for number, one in enumerate(drawn, 1):
        _forward_means(one.y, (*path, number), found, every)
        for branch, inner in enumerate(one.inner, 1):
            _forward(inner, (*path, number, branch), found, every)


def simulate(
    layers: Sequence[Any],
    shape: Any,
    draw_input: Callable[[np.random.Generator, int, int], Array],
    networks: int,
    inputs: int,
    rng: np.random.Generator,
    backward: bool = True,
    loss: str = "readout",
    first_only: bool = False,
) -> Mapping[tuple[Place, str], Array]:
    """Draw networks, feed each several inputs, and return means per network of what is to be known.

    Args:
        layers: the specifications.
        shape: the sizes of the input.
        draw_input: (generator, networks, inputs) -> array (networks, inputs, numbers); independent draws.
        networks: how many networks.
        inputs: how many inputs each of them reads.
        rng: where to draw from.
        backward: whether to run backward too.
        loss: "readout", y = sum_j v_j h_j with fresh v_j of variance 1; or "square", half the sum of h_j^2,
            whose gradient depends on what comes out.
        first_only: whether the second input of a pair is there for products alone.

    Returns:
        By place, (0,) for the input, and name: one number per network.
    """
    x = draw_input(rng, networks, inputs).reshape(networks, inputs, *(int(size) for size in shape))
    drawn, y = run(layers, x, shape, rng, {})
    found: Sums = {}
    every = 2 if first_only else 1
    _forward_means(x, (0,), found, every)
    _forward(drawn, (), found, every)
    if backward:
        g = rng.standard_normal(y.shape) if loss == "readout" else y
        if first_only:  # the second of a pair gets no gradient, and the means are doubled to make up for it
            g[:, 1::2] = 0
            g *= np.sqrt(2)
        g = _back(drawn, g, (), found)
        found[(0,), "gradient"] = (g * g).reshape(networks, inputs, -1).mean(axis=2).mean(axis=1)
    return found


_BRANCHES: dict[str, Callable[[Any], Sequence[Sequence[Any]]]] = {
    "residual": lambda layer: (layer.branch,),
    "concatenate": lambda layer: layer.branches,
    "tied": lambda layer: ((layer.layer,),),
}


def _counted(layers: Sequence[Any], shape: Any) -> tuple[float, float, int]:
    """Units, weights and layers, blocks opened."""
    units = weights = 0.0
    count = 0
    for layer in layers:
        after = layer.shape_after(shape)
        units += float(np.prod([float(size) for size in after]))
        count += 1
        if layer.kind == "conv":
            taps = float(np.prod([size for size, _ in layer.sides(shape)]))
            weights += float(shape[0]) * float(layer.channels) * taps
            units *= 1 + taps / 4
        if layer.kind in ("dense", "glu"):
            weights += float(shape[0]) * float(layer.fan_out) * (2 if layer.kind == "glu" else 1)
        branches = _BRANCHES[layer.kind](layer) if layer.kind in _BRANCHES else ()
        for branch in branches:
            inner = _counted(branch, shape)
            units, weights, count = units + inner[0], weights + inner[1], count + inner[2]
        shape = after
    return units, weights, count


def cost_of(layers: Sequence[Any], shape: Any, inputs: int) -> float:
    """Nanoseconds for one network, by a fixed formula: draws and multiplications."""
    units, weights, count = _counted(layers, shape)
    return 1000 + 300 * count + 90 * units * inputs + weights * (40 + 3 * inputs)


def numbers_of(layers: Sequence[Any], shape: Any, inputs: int) -> float:
    """How many numbers one drawn network holds."""
    units, weights, _ = _counted(layers, shape)
    return inputs * (float(np.prod([float(size) for size in shape])) + 2 * units) + weights
