"""Moments through blocks: skip connections, branches side by side, pools, shared weights."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import sympy as sp

from varprop.errors import DerivationError
from varprop.networks import maps
from varprop.networks.branches import Concatenate, Repeat, Residual, Tied
from varprop.networks.forward import activate, basic
from varprop.networks.layers import GLU, Dense, Layer
from varprop.networks.maps import Number, is_zero, like
from varprop.networks.positions import AveragePool, Conv
from varprop.networks.repeating import repeated
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


def residual(layer: Residual, s: State) -> Trace:
    """phi(h + c f(h)): f is uncorrelated with h if it ends in fresh weights."""
    traces, f = steps(layer.branch, s)
    c = like(s.second, layer.multiplier)
    fresh = isinstance(layer.branch[-1], Dense | GLU | Conv)
    total = maps.residual()
    same_means = not (isinstance(s.law, Sample) and s.law.fixed) or is_zero(f.mean)
    pair = pair_second = cross = None
    if _known(s.pair, f.pair, s.pair_second, f.pair_second) and same_means:
        pair = total(s.mean, s.pair, f.mean, f.pair, c)
        pair_second = total(s.mean, s.pair_second, f.mean, f.pair_second, c)
    if _known(s.cross, f.cross):
        cross = total(s.mean, s.cross, f.mean, f.cross, c)
    exact = {name: s.exact(name) and f.exact(name) for name in ("mean", "second", "pair", "cross")}
    for name in ("second", "pair", "cross"):
        exact[name] = exact[name] and fresh and (is_zero(f.mean) or s.exact("mean"))
    mean, second = s.mean + c * f.mean, total(s.mean, s.second, f.mean, f.second, c)
    after = s.after(
        exact,
        mean=mean,
        second=second,
        fourth=None,
        coincident=None,
        pair=pair,
        pair_second=pair_second,
        cross=cross,
        symmetric=False,
        rows_flip=False,
        law=added(s.law, f.law, c, mean, second),
        independent=False,
        alive=False,
        seen=f.seen,
        precision=maps.worst(s.precision, f.precision),
    )
    if layer.post is None:
        return Trace(layer, s, after, (traces,))
    return Trace(layer, s, activate(layer.post, after), (traces,), after)


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
        return moved.plus(float(c**2 * variance))
    if isinstance(law, NormalUnit) and isinstance(branch, Activated):
        base = as_mixture(branch).scaled(float(c))
        moved = NormalMixture(base.weights, base.places + float(law.mean), 0.0)
        return moved.plus(float(law.second - law.mean**2))
    return None


def concatenate(layer: Concatenate, s: State) -> Trace:
    """Branches side by side: averages over all of their units."""
    runs = [steps(branch, s) for branch in layer.branches]
    states = [state for _, state in runs]
    shape = layer.shape_after(s.shape)
    sizes = [like(s.second, state.shape[0]) for state in states]
    width = like(s.second, shape[0])
    shares = tuple(size / width for size in sizes)

    def average(name: str) -> Number | None:
        values = [getattr(state, name) for state in states]
        if not _known(*values):
            return None
        return sum((share * value for share, value in zip(shares, values, strict=True)), 0 * width)

    cross = None
    if all(state.cross is not None for state in states):
        apart = sum((n * state.mean for n, state in zip(sizes, states, strict=True)), 0 * width) ** 2
        own = [n * (n - 1) * t.cross - (n * t.mean) ** 2 for n, t in zip(sizes, states, strict=True)]
        cross = (apart + sum(own, 0 * width)) / (width * (width - 1))
    names = ("mean", "second", "fourth", "pair", "cross")
    after = s.after(
        {name: all(state.exact(name) for state in states) for name in names},
        shape=shape,
        **{name: average(name) for name in ("mean", "second", "fourth", "pair", "pair_second")},
        coincident=None,
        cross=cross,
        symmetric=all(state.symmetric for state in states),
        rows_flip=False,
        law=Several(shares, tuple(states)),
        independent=False,
        alive=any(state.alive for state in states),
        seen=frozenset().union(*(state.seen for state in states)),
        precision=maps.worst(*(state.precision for state in states)),
    )
    return Trace(layer, s, after, tuple(traces for traces, _ in runs))


def pool(layer: AveragePool, s: State) -> State:
    """The mean of groups of units."""
    if len(s.shape) > 1:
        raise DerivationError(
            f"{layer} over positions",
            "units at different positions of one channel depend on each other, and how is not followed",
            "Flatten, or pool units.",
        )
    size = like(s.second, s.shape[0] if layer.size is None else layer.size)
    mixed = maps.pooled()
    known = s.cross is not None and not is_zero(s.cross)
    second, pair, other = (
        None if value is None else mixed(size, value, s.cross) if known else value / size
        for value in (s.second, s.pair, s.pair_second)
    )
    if s.cross is None:
        return maps.no_law("the mean of units")
    exact = s.exact("cross")
    law = NormalUnit(s.mean, second) if isinstance(s.law, NormalUnit) else None
    return s.after(
        {"second": s.exact("second") and exact, "pair": s.exact("pair") and exact},
        shape=layer.shape_after(s.shape),
        second=second,
        fourth=None,
        coincident=None,
        pair=pair,
        pair_second=other,
        law=law,
        alive=False,
        rows_flip=s.rows_flip,
    )


def tied(layer: Tied, s: State) -> Trace:
    """A layer with shared weights: where they come again, everything holds in the limit only."""
    inner = step(layer.layer, s)
    after = inner.after if layer.token not in s.seen else inner.after.all_limits()
    if layer.token in s.seen and isinstance(after.law, NormalUnit):
        after = after.after({}, law=NormalUnit(after.mean, after.second))
    return Trace(layer, s, after.after({}, seen=s.seen | {layer.token}), ((inner,),))
