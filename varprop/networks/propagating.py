"""`propagate`: all moments of a network, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from varprop.errors import ParameterError
from varprop.networks import maps
from varprop.networks.backward import Slope, backward, mean_of
from varprop.networks.blocks import steps
from varprop.networks.exact_backward import exact_backward
from varprop.networks.maps import root
from varprop.networks.network import Input, Network, as_input, first_state
from varprop.networks.profile import Profile
from varprop.networks.rows import Row, row_of
from varprop.networks.states import State, Trace
from varprop.networks.typical_size import typical_sizes

__all__ = ["propagate"]


def propagate(
    network: Network, *, input: object = None, given: object = None, against: object = None
) -> Profile:
    """Propagate moments through a network, forward and backward.

    Args:
        network: the layers.
        input: the distribution of every input, independent of the others; text for one; or `Empirical(data)`,
            one row of a table per draw.
        given: one fixed input instead; everything is then over the weights alone.
        against: a second fixed input, for the correlation of the two.

    Returns:
        A Profile, one row per layer: moments, gradients, correlation, typical size, validity and precision.

    Raises:
        ParameterError: a size is missing or does not fit.
        DerivationError: the moments of a layer follow from nothing that is known of what it reads.

    Example:
        >>> from varprop.model.activations import relu
        >>> from varprop.model.distributions import Uniform
        >>> from varprop.networks.layers import Dense
        >>> net = Network([Dense(3, weights="he_normal"), relu, Dense(1, weights="he_normal")], fan_in=784)
        >>> profile = propagate(net, input=Uniform(0, 1))
        >>> [round(row.second_moment, 6) for row in profile]
        [0.333333, 0.666667, 0.333333, 0.666667]
        >>> profile[3].validity
        'exact'
    """
    return _profile(network, as_input(input, given, against))


def _profile(network: Network, source: Input, pairs: bool = True) -> Profile:
    if source.size is not None:
        network = network.of_input(source.size)
    if network.fan_in is None:
        raise ParameterError("propagate", "the number of inputs is missing", "Give the network fan_in=784.")
    shape = network.fan_in
    network = network.expanded()
    symbolic = bool(network.free_symbols | source.free_symbols)
    start = first_state(source, shape, symbolic)
    if not pairs:
        start = replace(start, pair=None, pair_mean=None, pair_second=None)
    traces, _ = steps(network.layers, start)
    slopes = backward(traces, maps.like(start.second, maps.ONE))
    return Profile(
        network,
        source,
        tuple(_rows(start, traces, slopes)),
        lambda other: _profile(other, source, pairs=False),
    )


def _rows(start: State, traces: Sequence[Trace], slopes: Sequence[Slope]) -> Iterator[Row]:
    factors = exact_backward(traces)
    first = mean_of(slopes[0].before) if slopes else maps.like(start.second, maps.ONE)
    scaled = [1 if factor is None else factor for factor in factors]
    worst = maps.worst(start.precision, *(slope.precision for slope in slopes))
    sizes = typical_sizes(start, traces)
    layers = {id(trace.layer): trace.layer for trace in traces}  # a layer that is repeated is one object
    names = {key: str(layer) for key, layer in layers.items()}
    yield row_of(
        (0,),
        "input",
        "input",
        start,
        (first * scaled[0], factors[0] is not None),
        (None, True),
        next(sizes),
        worst,
    )
    for number, (slope, factor, size) in enumerate(zip(slopes, factors[1:], sizes, strict=True), 1):
        trace, gradient = slope.trace, mean_of(slope.after)
        for branch, inner in enumerate(slope.branches, 1):
            yield from _inner_rows(inner, (number, branch), worst)
        yield row_of(
            (number,),
            names[id(trace.layer)],
            trace.layer.kind,
            trace.after,
            (gradient * scaled[number], factor is not None),
            (slope.weights, factor is not None),
            size,
            maps.worst(worst, trace.after.precision),
        )


def _inner_rows(slopes: Sequence[Slope], path: tuple[int, ...], worst: str) -> Iterator[Row]:
    """The rows of the layers inside a block, where gradients hold in the limit only."""
    for number, slope in enumerate(slopes, 1):
        state = slope.trace.after
        for branch, inner in enumerate(slope.branches, 1):
            yield from _inner_rows(inner, (*path, number, branch), worst)
        yield row_of(
            (*path, number),
            str(slope.trace.layer),
            slope.trace.layer.kind,
            state,
            (mean_of(slope.after), False),
            (slope.weights, False),
            (root(state.second), False),
            maps.worst(worst, state.precision),
        )
