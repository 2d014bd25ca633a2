"""Gradients move backward: the second moment of dy/dh at every place, for a fresh readout y of the output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError, MomentError
from varprop.model.activations import Activation, HomogeneousActivation, identity
from varprop.model.distributions import Distribution, Normal
from varprop.networks import maps
from varprop.networks.branches import Concatenate, Repeat, Residual, Tied
from varprop.networks.convolving import average, conv_gradient, conv_weights
from varprop.networks.forward import dense, unit_moment
from varprop.networks.gradient_products import Products, below_activation, multiple, products_below, together
from varprop.networks.layers import GLU, Activate, Dense, LayerNorm, Noise, RMSNorm
from varprop.networks.maps import Number, like
from varprop.networks.normalizing import normalized_gradient
from varprop.networks.pooling import pool_gradient
from varprop.networks.positions import AveragePool, Conv, Flatten
from varprop.networks.repeating import GENERIC_GRADIENT, affine, geometric
from varprop.networks.samples import MOST_ROWS, row_squares
from varprop.networks.spatial import Spatial
from varprop.networks.states import State, Trace
from varprop.networks.unit_laws import (
    Activated,
    NormalMixture,
    NormalUnit,
    Sample,
    Several,
    SharedBias,
    grid_of,
    law_moment,
    normal_slope_moment,
)

__all__ = ["Slope", "backward", "mean_of"]

Array: TypeAlias = NDArray[np.float64]

FLOATS = 1e300


@dataclass(frozen=True, eq=False)
class Along:
    """A gradient that depends on the unit itself, since a skip connection carries the unit on.

    Args:
        values: E (dy/dh)^2 given h, at every place of the discrete law of h.
        mean: its mean.
    """

    values: Array
    mean: Number


@dataclass(frozen=True, eq=False)
class Split:
    """A gradient that differs between branches side by side.

    Args:
        parts: E (dy/dh)^2 by branch.
        mean: over all units.
    """

    parts: tuple[Number, ...]
    mean: Number


@dataclass(frozen=True, eq=False)
class Dependent:
    """A gradient that depends on the value of its own unit.

    Args:
        mean: E (dy/dh)^2.
        given: E (dy/dh)^2 given h, as a function of h; None where only its mean is followed.
    """

    mean: Number
    given: Callable[[Array], Array] | None = None


Gradient: TypeAlias = Any
"""A number, an `Along`, a `Split` or a `Dependent`."""


def mean_of(g: Gradient) -> Number:
    """E (dy/dh)^2 of one unit."""
    return g.mean if isinstance(g, Along | Split | Dependent) else g


def _added(gradients: Sequence[Gradient]) -> Gradient:
    """The second moment of a sum of gradients that are uncorrelated, by group where groups differ."""
    total = sum(map(mean_of, gradients[1:]), mean_of(gradients[0]))
    groups = next((len(one.parts) for one in gradients if isinstance(one, Split)), 0)
    if not groups:
        return total
    each = zip(*(one.parts if isinstance(one, Split) else (one,) * groups for one in gradients), strict=True)
    return Split(tuple(sum(map(mean_of, parts[1:]), mean_of(parts[0])) for parts in each), total)


def _by_group(g: Gradient) -> Any:
    """E (dy/dh)^2, a tuple where groups of channels differ."""
    return tuple(map(mean_of, g.parts)) if isinstance(g, Split) else mean_of(g)


@dataclass(frozen=True, slots=True)
class Slope:
    """Second moments of the gradient at one layer.

    Args:
        trace: the layer.
        before: E (dy/dh)^2 of a unit that it reads.
        after: E (dy/dh)^2 of a unit that it gives.
        weights: E (dy/dW)^2 of one of its weights, if it has any.
        precision: the kind of number.
        branches: the same inside its branches.
        products: E of the product of gradients at every two positions of a channel that it reads; None if
            that is 0.
    """

    trace: Trace
    before: Gradient
    after: Gradient
    weights: Number | None = None
    precision: str = "closed form"
    branches: tuple[tuple[Slope, ...], ...] = ()
    products: Products = None


def slope_moment(phi: Activation, s: State, by_row: bool = False) -> tuple[Number, str]:
    """E phi'(h)^2 of one unit, of given rows for each if asked.

    Raises:
        DerivationError: neither the law of the unit nor its symmetry gives it.
    """
    law = s.law
    if isinstance(phi, HomogeneousActivation) and s.symmetric and phi.degree == 1:
        found = maps.symmetric_slope(phi)
        if found is not None:
            return found(s.second), "closed form"
    if isinstance(law, Sample):
        return law.slope_moment(phi, by_row), "closed form"
    if isinstance(law, Normal):
        return normal_slope_moment(phi, s.mean, s.second)
    if isinstance(law, Distribution):
        try:
            if isinstance(phi, HomogeneousActivation):
                return like(s.second, phi.slope.moment(2, law)), "closed form"
        except MomentError:
            pass
        return law_moment(phi, law, 2, slope=True)
    if isinstance(law, NormalUnit):
        return normal_slope_moment(phi, law.mean, law.second)
    if isinstance(law, Activated):
        law = law.discrete
    if isinstance(law, NormalMixture | SharedBias):
        return law.slope_moment(phi), "estimate"
    return maps.no_law(f"{phi}'")


def backward(traces: Sequence[Trace], g: Gradient, products: Products = None) -> list[Slope]:
    """The second moments of the gradient at all layers, from that at the output.

    Every layer is taken to multiply a gradient that is independent of it: gradient independence.

    Args:
        traces: the layers, the first one first.
        g: E (dy/dh)^2 of an output.
        products: E of the product of gradients at every two positions of an output, None if that is 0.
    """
    made: list[Slope] = []
    for trace in reversed(traces):
        made.append(_back(trace, g, products))
        g, products = made[-1].before, made[-1].products
    made.reverse()
    return made


def _back(trace: Trace, g: Gradient, products: Products) -> Slope:
    layer, s = trace.layer, trace.before
    if isinstance(layer, Residual):
        return _residual(layer, trace, g, products)
    if isinstance(layer, Concatenate):
        return _concatenate(trace, g, products)
    if isinstance(layer, Tied):
        return replace(_back(trace.branches[0][0], g, products), trace=trace, weights=None)
    made = _plain(trace, g, products)
    both = _by_group(made.before), _by_group(g)
    return replace(made, products=products_below(layer, s, trace.after, both, products))


def _plain(trace: Trace, g: Gradient, products: Products) -> Slope:
    layer, s = trace.layer, trace.before
    if isinstance(layer, Activate):
        return _activation(layer.activation, trace, g)
    if isinstance(layer, Repeat):
        return _repeated(layer, trace, mean_of(g))
    after, g = g, mean_of(g)
    if isinstance(layer, Dense):
        return Slope(trace, _at_rows(_through(layer, s, g), s), after, g * _squares(s, g))
    if isinstance(layer, Noise):
        through = maps.noisy(layer.distribution, 2)(g)
        return Slope(trace, through if not isinstance(after, Dependent) else Dependent(through), after)
    if isinstance(layer, GLU):
        return _glu(layer, trace, g)
    if isinstance(layer, Conv):
        assert not isinstance(products, tuple), "a convolution mixes groups"
        weights = conv_weights(layer, s, g, products)
        kind = "closed form" if products is None else products.kind
        return Slope(trace, conv_gradient(layer, s, g), after, weights, kind)
    if isinstance(layer, Flatten):
        return Slope(trace, average(g), after)
    if isinstance(layer, AveragePool):
        through = partial(pool_gradient, s.shape, trace.after.shape)
        if isinstance(after, Split):
            parts = tuple(through(mean_of(part)) for part in after.parts)
            return Slope(trace, Split(parts, through(g)), after)
        return Slope(trace, through(g), after)
    assert isinstance(layer, LayerNorm | RMSNorm)
    return Slope(trace, normalized_gradient(layer, s, g), after)


def _repeated(layer: Repeat, trace: Trace, g: Number) -> Slope:
    """A symbolic number of blocks: each multiplies the gradient by one factor."""
    first, last, generic = trace.branches
    block = mean_of(backward(generic, GENERIC_GRADIENT)[0].before)
    factor, shift = affine(block, GENERIC_GRADIENT, "the gradient")
    in_last = backward(last, g)
    in_first = backward(first, geometric(factor, shift, g, layer.count - 1))
    return Slope(trace, in_first[0].before, g, None, "closed form", (tuple(in_first), tuple(in_last)))


def _squares(s: State, g: Number) -> Number:
    """E h^2 of what weights read, row by row if the gradient above is known so."""
    return row_squares(s.law) if isinstance(s.law, Sample) and isinstance(g, np.ndarray) else s.second


def _at_rows(g: Number, s: State) -> Number:
    """A gradient at what weights read; groups of very many rows are no rows."""
    grouped = isinstance(s.law, Sample) and len(s.law.rows) > MOST_ROWS
    return average(g) if grouped else g


def _through(layer: Dense | GLU, s: State, g: Number) -> Number:
    fans = tuple(like(g, size) for size in (s.shape[0], layer.fan_out))
    return maps.dense_gradient(layer.weights)(*fans, g)


def _activation(phi: Activation, trace: Trace, g: Gradient) -> Slope:
    law, s = trace.after.law, trace.before
    if phi == identity:
        return Slope(trace, g, g)
    if isinstance(g, Along) and isinstance(law, Activated):
        nodes, weights, where = law.grid
        mean = mp.mpf(float(weights @ (phi.derivative(nodes) ** 2 * g.values[where])))
        return Slope(trace, Dependent(mean), g, None, "estimate")
    if isinstance(s.law, Several):
        parts = g.parts if isinstance(g, Split) else (g,) * len(s.law.states)
        found = [_through_unit(phi, group, part) for group, part in zip(s.law.states, parts, strict=True)]
        means = [share * part.mean for share, (part, _) in zip(s.law.shares, found, strict=True)]
        split = Split(tuple(part for part, _ in found), sum(means, 0 * s.second))
        return Slope(trace, split, g, None, maps.worst(*(kind for _, kind in found)))
    before, kind = _through_unit(phi, s, g)
    return Slope(trace, before, g, None, kind)


def _through_unit(phi: Activation, s: State, g: Gradient) -> tuple[Dependent, str]:
    """The gradient below one activation; what depends on the unit above is averaged together with it."""
    if not isinstance(g, Dependent):
        number = mean_of(g)
        factor, kind = slope_moment(phi, s, isinstance(number, np.ndarray))
        flat = not isinstance(number, np.ndarray | sp.Basic) and abs(number) < FLOATS
        size = float(number) if flat else 0.0
        return Dependent(factor * number, (lambda h: size * phi.derivative(h) ** 2) if flat else None), kind
    above = g.given
    if above is None:
        raise DerivationError(
            f"the gradient through {phi}",
            "what follows depends on the same unit in a way that is not followed",
            "Put a dense layer between them.",
        )
    nodes, weights = grid_of(s.law, phi.breaks)

    def given(h: Array) -> Array:
        return np.asarray(phi.derivative(h) ** 2 * above(phi.value(h)))

    return Dependent(mp.mpf(float(weights @ given(nodes))), given), "estimate"


def _glu(layer: GLU, trace: Trace, g: Number) -> Slope:
    """Both sides carry a gradient: phi(gate) to the one, value times phi'(gate) to the other."""
    s = trace.before
    side = dense(layer, s)
    gate, _, kind = unit_moment(layer.activation, side, 2)
    slope, kind_of_slope = slope_moment(layer.activation, side)
    first, second = maps.gated()(g, gate), maps.gated()(maps.gated()(g, side.second), slope)
    before = _at_rows(_through(layer, s, first) + _through(layer, s, second), s)
    weights = (first + second) / 2 * _squares(s, first)
    return Slope(trace, before, g, weights, maps.worst(kind, kind_of_slope))


def _concatenate(trace: Trace, g: Gradient, products: Products) -> Slope:
    """A unit that several branches read gets the sum of their gradients."""
    count = len(trace.branches)
    parts = g.parts if isinstance(g, Split) else (g,) * count
    above = products if isinstance(products, tuple) else (products,) * count
    runs = tuple(tuple(backward(*asked)) for asked in zip(trace.branches, parts, above, strict=True))
    first = [
        (run[0].before, run[0].products) if run else asked
        for run, asked in zip(runs, zip(parts, above, strict=True), strict=True)
    ]
    each = [(below, _by_group(one)) for one, below in first]
    kinds = [slope.precision for run in runs for slope in run]
    kind, both = maps.worst("closed form", *kinds), together(each, trace.before)
    return Slope(trace, _added([one for one, _ in first]), g, None, kind, runs, both)


def _residual(layer: Residual, trace: Trace, g: Gradient, products: Products) -> Slope:
    """The gradient goes on by the skip connection, and through the branch."""
    c = like(trace.before.second, layer.multiplier)
    if isinstance(layer.branch[-1], Activate) and (
        layer.post is not None or isinstance(g, Along | Dependent)
    ):
        raise DerivationError(
            f"the gradient through {layer}",
            "its branch ends in an activation, and what follows depends on the same unit",
            "End the branch, or follow the block, with a dense layer.",
        )
    if layer.post is None:
        after = mean_of(g)
        inner = backward(trace.branches[0], c**2 * after, multiple(products, c**2))
        kinds = (slope.precision for slope in inner)
        skipped = _added([after, inner[0].before])
        if isinstance(skipped, Split):
            skipped = Split(tuple(map(Dependent, skipped.parts)), skipped.mean)
        elif isinstance(g, Along | Dependent) or isinstance(inner[0].before, Dependent):
            skipped = Dependent(skipped)
        kind = maps.worst("closed form", *kinds)
        both = together([(products, after), (inner[0].products, _by_group(inner[0].before))], trace.before)
        return Slope(trace, skipped, g, None, kind, (tuple(inner),), both)
    middle = trace.middle
    assert middle is not None
    law, kind = middle.law, "closed form"
    if isinstance(law, NormalMixture) and isinstance(trace.after.law, Activated):
        nodes, weights, where = trace.after.law.grid
        values = float(mean_of(g)) if not isinstance(g, Along) else g.values[where]
        sloped = layer.post.derivative(nodes) ** 2 * values
        at_sum, kind = mp.mpf(float(weights @ sloped)), "estimate"
    else:
        factor, kind = slope_moment(layer.post, middle)
        at_sum, sloped = factor * mean_of(g), None
    if isinstance(products, Spatial):
        products = below_activation(layer.post, middle, products, at_sum)
    inner = backward(trace.branches[0], c**2 * at_sum, multiple(products, c**2))
    kind = maps.worst(kind, *(slope.precision for slope in inner))
    through = mean_of(inner[0].before)
    before: Gradient = Dependent(at_sum + through)
    above = trace.after.law
    if (
        sloped is not None
        and isinstance(law, NormalMixture)
        and isinstance(trace.before.law, Activated)
        and isinstance(above, Activated)
    ):
        each: Array | float = float(through)
        first = layer.branch[0]
        if isinstance(first, Activate):
            slopes = first.activation.derivative(trace.before.law.discrete.places) ** 2
            each = slopes * float(mean_of(inner[0].after))
        before = _carried(trace.before.law, law, sloped, above, each)
    both = together([(products, at_sum), (inner[0].products, _by_group(inner[0].before))], trace.before)
    return Slope(trace, before, g, None, kind, (tuple(inner),), both)


def _carried(
    below: Activated, law: NormalMixture, sloped: Array, above: Activated, through: Array | float
) -> Along:
    """E (dy/dh)^2 given h: h moves on to h + g, where the gradient is known, and is read by the branch."""
    nodes, weights, _ = above.grid
    if law.std == 0:
        values = np.interp(law.places, nodes, sloped) + through
        return Along(values, mp.mpf(float(below.discrete.weights @ values)))
    widths, values = weights / law.density(nodes), np.empty(len(law.places))
    for here, near in law.near(law.places, nodes):
        steps = law.bell(nodes[near] - law.places[here, None]) * widths[near]
        values[here] = steps @ sloped[near] / steps.sum(axis=1)
    values = values + through
    return Along(values, mp.mpf(float(below.discrete.weights @ values)))
