"""Moments through blocks: skip connections, branches side by side, pools, shared weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import sympy as sp
from mpmath import mp
from numpy.typing import NDArray

from varprop.errors import DerivationError
from varprop.model.distributions import Normal
from varprop.networks import maps
from varprop.networks.branches import Concatenate, Repeat, Residual, Tied
from varprop.networks.convolving import places_of
from varprop.networks.forward import activate, basic
from varprop.networks.layers import GLU, Dense, Layer, Shape
from varprop.networks.maps import Number, is_zero, like
from varprop.networks.pooling import pool_positions, window_size
from varprop.networks.positions import AveragePool, Conv
from varprop.networks.repeating import repeated
from varprop.networks.samples import sampled
from varprop.networks.spatial import Array as Floats, Spatial, flat, of_independent, unit_of
from varprop.networks.spatial_units import beside
from varprop.networks.states import State, Trace
from varprop.networks.unit_laws import (
    Activated,
    NormalMixture,
    NormalUnit,
    Sample,
    Several,
    UnitLaw,
    as_mixture,
)

__all__ = ["step", "steps"]

ROUND_OFF = 1e-12


def steps(layers: Iterable[Layer], s: State) -> tuple[tuple[Trace, ...], State]:
    """What layers make of a state, one after the other."""
    made = []
    for layer in layers:
        made.append(step(layer, s))
        s = made[-1].after
    return tuple(made), s


def step(layer: Layer, s: State) -> Trace:
    """What a layer makes of a state."""
    if isinstance(layer, Residual):
        return residual(layer, s)
    if isinstance(layer, Concatenate):
        return concatenate(layer, s)
    if isinstance(layer, AveragePool):
        return Trace(layer, s, pool(layer, s))
    if isinstance(layer, Tied):
        return tied(layer, s)
    if isinstance(layer, Repeat):
        return repeated(layer, s, steps)
    return Trace(layer, s, basic(layer, s))


def _known(*values: Number | None) -> bool:
    return all(value is not None for value in values)


def _mixes(layers: Iterable[Layer]) -> bool:
    """Whether weights stand between every unit of the result and the unit that came in at its place."""
    return any(
        isinstance(layer, Dense | GLU | Conv)
        or (isinstance(layer, Tied) and _mixes([layer.layer]))
        or (isinstance(layer, Repeat) and _mixes(layer.layers))
        or (isinstance(layer, Concatenate) and all(map(_mixes, layer.branches)))
        for layer in layers
    )


def residual(layer: Residual, s: State) -> Trace:
    """phi(h + c f(h)): f is uncorrelated with h if it ends in fresh weights.

    Raises:
        DerivationError: no weights stand between h and f, so that they depend on each other unit by unit.
    """
    if not _mixes(layer.branch):
        raise DerivationError(
            f"the moments of {layer}",
            "its branch leads every unit to itself without weights between",
            "Put a dense layer into the branch.",
        )
    traces, f = steps(layer.branch, s)
    c = like(s.second, layer.multiplier)
    fresh = isinstance(layer.branch[-1], Dense | GLU | Conv)
    total = maps.residual()
    means, others = (s.mean, f.mean), (s.pair_mean, f.pair_mean)

    def summed(value: Number, of_branch: Number, first: Any, second: Any) -> Number:
        """E (h + c f)(k + c g) from E h k and E f g, for the means (of h, of f) and (of k, of g)."""
        return total(first[0], second[0], value, first[1], second[1], of_branch, c)

    pair = pair_mean = pair_second = cross = None
    if _known(s.pair, f.pair, s.pair_second, f.pair_second):
        pair, pair_mean = summed(s.pair, f.pair, means, others), others[0] + c * others[1]
        pair_second = summed(s.pair_second, f.pair_second, others, others)
    if _known(s.cross, f.cross):
        cross = summed(s.cross, f.cross, means, means)
    exact = {name: s.exact(name) and f.exact(name) for name in ("mean", "second", "pair", "cross", "spatial")}
    for name in ("second", "pair", "cross", "spatial"):
        exact[name] = exact[name] and fresh and (is_zero(f.mean) or s.exact("mean"))
    mean, second = s.mean + c * f.mean, summed(s.second, f.second, means, means)
    after = s.after(
        exact,
        mean=mean,
        second=second,
        fourth=None,
        coincident=None,
        pair=pair,
        pair_second=pair_second,
        pair_mean=pair_mean,
        cross=cross,
        spatial=residual_products(s, f, c, second),
        symmetric=False,
        rows_flip=False,
        law=added(
            NormalUnit(s.mean, s.second) if isinstance(s.law, Normal) else s.law, f.law, c, mean, second
        ),
        independent=False,
        alike=s.alike and f.alike,
        alive=False,
        seen=f.seen,
        precision=maps.worst(s.precision, f.precision),
    )
    if layer.post is None:
        return Trace(layer, s, after, (traces,))
    return Trace(layer, s, activate(layer.post, after), (traces,), after)


def residual_products(s: State, f: State, c: Number, second: Number) -> Spatial | None:
    """E (h_p + c f_p)(h_q + c f_q) of one channel at every two positions, None if one part is not known."""
    if s.spatial is None or f.spatial is None:
        return None
    below, branch, unit, total = s.spatial, f.spatial, unit_of(second), maps.residual()

    def make(values: Floats, of_branch: Floats) -> tuple[Floats, str]:
        h, of_f = (flat(part.mean, mp.sqrt(unit), below.places) for part in (s, f))
        return total.of_floats(
            h[:, None],
            h,
            float(below.unit / unit) * values,
            of_f[:, None],
            of_f,
            float(branch.unit / unit) * of_branch,
            float(c),
        ), "closed form"

    return Spatial(below.places, unit, make, (below, branch))


def added(law: UnitLaw, branch: UnitLaw, c: Number, mean: Number, second: Number) -> UnitLaw:
    """The law of h + c f in the limit of wide layers, where both are independent."""
    if isinstance(law, NormalUnit) and isinstance(branch, NormalUnit):
        return NormalUnit(mean, second)
    if law is None or branch is None or isinstance(second, sp.Basic | np.ndarray) or isinstance(law, Several):
        return None
    if isinstance(branch, NormalUnit):
        variance = branch.second - branch.mean**2
        base = as_mixture(law)
        moved = NormalMixture(base.weights, base.places + float(c * branch.mean), base.std)
        return moved.plus(float(abs(c) * maps.root(max(variance, 0 * variance))))
    if isinstance(law, NormalUnit) and isinstance(branch, Activated):
        base = as_mixture(branch).scaled(float(c))
        moved = NormalMixture(base.weights, base.places + float(law.mean), 0.0)
        return moved.plus(float(maps.root(max(law.second - law.mean**2, 0 * law.second))))
    return None


def concatenate(layer: Concatenate, s: State) -> Trace:
    """Branches side by side: averages over all of their units."""
    runs = [steps(branch, s) for branch in layer.branches]
    tokens = [state.seen - s.seen for _, state in runs]
    apart = sum(map(_mixes, layer.branches)) >= len(runs) - 1 and not any(
        first & second for first, second in combinations(tokens, 2)
    )
    after = side_by_side([state for _, state in runs], layer.shape_after(s.shape), s, apart)
    return Trace(layer, s, after, tuple(traces for traces, _ in runs))


def side_by_side(states: Sequence[State], shape: Shape, s: State, apart: bool) -> State:
    """Averages over groups of units.

    Args:
        states: of each group.
        shape: of all units.
        s: what came in.
        apart: whether units of two groups are uncorrelated, at least in the limit of wide layers.
    """
    sizes = [like(s.second, state.shape[0]) for state in states]
    width = like(s.second, shape[0])
    shares = tuple(size / width for size in sizes)

    def average(name: str) -> Number | None:
        values = [getattr(state, name) for state in states]
        if not _known(*values):
            return None
        return sum((share * value for share, value in zip(shares, values, strict=True)), 0 * width)

    cross = None
    if apart and all(state.cross is not None for state in states):
        means = sum((n * state.mean for n, state in zip(sizes, states, strict=True)), 0 * width) ** 2
        own = [n * (n - 1) * t.cross - (n * t.mean) ** 2 for n, t in zip(sizes, states, strict=True)]
        cross = (means + sum(own, 0 * width)) / (width * (width - 1))
    law = Several(shares, tuple(states))
    names = ("mean", "second", "fourth", "pair", "cross", "spatial")
    averages = ("mean", "second", "fourth", "pair", "pair_mean", "pair_second")
    return s.after(
        {name: all(state.exact(name) for state in states) for name in names},
        shape=shape,
        **{name: average(name) for name in averages},
        coincident=None,
        cross=cross,
        spatial=beside(law),
        symmetric=all(state.symmetric for state in states),
        rows_flip=False,
        law=law,
        independent=False,
        alike=False,
        alive=any(state.alive for state in states),
        seen=frozenset().union(*(state.seen for state in states)),
        precision=maps.worst(*(state.precision for state in states)),
    )


def pooled_rows(rows: NDArray[np.float64], shape: Shape, groups: Shape) -> NDArray[np.float64]:
    """Rows of numbers, averaged in groups along every direction of their shape."""
    sizes = [(int(count), int(length / count)) for length, count in zip(shape, groups, strict=True)]
    split = rows.reshape(len(rows), *(size for pair in sizes for size in pair))
    mean = split.mean(axis=tuple(range(2, split.ndim, 2)))
    return np.asarray(mean.reshape(len(rows), -1))


def pool(layer: AveragePool, s: State) -> State:
    """The mean of groups of units.

    Raises:
        DerivationError: how the units of one group depend on each other is not known.
    """
    shape = layer.shape_after(s.shape)
    if isinstance(s.law, Sample):
        groups = shape if len(shape) == len(s.shape) else (*shape, *(sp.S.One for _ in s.shape[1:]))
        return sampled(s.law.mapped(lambda rows: pooled_rows(rows, s.shape, groups)), shape, s.seen)
    positions = len(s.shape) > 1
    if positions and not s.independent:
        after = pool_positions(layer, s, shape)
        if isinstance(s.law, Several):
            groups = tuple(pool(layer, group) for group in s.law.states)
            after = replace(after, law=Several(s.law.shares, groups))
        return after
    if not s.alike and shape[0] != 1:
        if isinstance(s.law, Several) and all((t.shape[0] / layer.size).is_Integer for t in s.law.states):
            return side_by_side([pool(layer, state) for state in s.law.states], shape, s, s.cross is not None)
        raise DerivationError(
            f"{layer} of units that are not alike",
            "a group holds units of more than one kind",
            "Pool all units, or the branches one by one.",
        )
    if s.cross is None:
        raise DerivationError(
            f"{layer} here", "its units are correlated in a way that is not followed", "Pool before that."
        )
    size = like(s.second, window_size(s.shape, shape))

    def mixed(value: Number, cross: Number) -> Number:
        return value / size if is_zero(cross) else maps.pooled()(size, value, cross)

    second, pair, pair_second = mixed(s.second, s.cross), None, None
    if s.pair is not None and _uncorrelated(s):  # then units under two inputs are so, too
        pair, pair_second = mixed(s.pair, s.mean * s.pair_mean), mixed(s.pair_second, s.pair_mean**2)
    exact = s.exact("cross")
    law = NormalUnit(s.mean, second) if isinstance(s.law, NormalUnit) else None
    return s.after(
        {"second": s.exact("second") and exact, "pair": s.exact("pair") and exact},
        shape=shape,
        second=second,
        fourth=None,
        coincident=None,
        pair=pair,
        pair_second=pair_second,
        pair_mean=None if pair is None else s.pair_mean,
        spatial=None
        if s.spatial is None or len(shape) == 1
        else of_independent(s.mean, second, math.prod(places_of(shape))),
        law=law,
        alive=False,
        rows_flip=s.rows_flip,
    )


def _uncorrelated(s: State) -> bool:
    """Whether E h_j h_k = (E h)^2 for two units."""
    apart = s.cross - s.mean**2
    return is_zero(apart) if isinstance(apart, sp.Basic) else bool(np.all(abs(apart) <= ROUND_OFF * s.second))


def tied(layer: Tied, s: State) -> Trace:
    """A layer with shared weights: where they come again, everything holds in the limit only."""
    inner = step(layer.layer, s)
    after = inner.after if layer.token not in s.seen else inner.after.all_limits()
    if layer.token in s.seen and isinstance(after.law, NormalUnit):
        after = replace(after, law=NormalUnit(after.mean, after.second))
    return Trace(layer, s, replace(after, seen=s.seen | {layer.token}), ((inner,),))
