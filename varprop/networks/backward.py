"""Gradients move backward: the second moment of dy/dh at every place, for a fresh readout y of the output."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from varprop.model.activations import Activation, HomogeneousActivation
from varprop.model.distributions import Distribution
from varprop.networks import maps
from varprop.networks.forward import Trace
from varprop.networks.layers import Activate, Dense, Noise
from varprop.networks.maps import Number, like
from varprop.networks.states import NormalUnit, Sample, State

__all__ = ["Slope", "backward", "exact_backward"]


@dataclass(frozen=True)
class Slope:
    """Second moments of the gradient at one layer.

    Args:
        trace: the layer.
        before: E (dy/dh)^2 of a unit that it reads.
        after: E (dy/dh)^2 of a unit that it gives.
        weights: E (dy/dW)^2 of one of its weights, if it has any.
        precision: the kind of number.
        branches: the same inside its branches.
    """

    trace: Trace
    before: Number
    after: Number
    weights: Number | None = None
    precision: str = "closed form"
    branches: tuple[tuple[Slope, ...], ...] = ()


def slope_moment(phi: Activation, s: State) -> tuple[Number, str]:
    """E phi'(h)^2 of one unit.

    Raises:
        DerivationError: neither the law of the unit nor its symmetry gives it.
    """
    if isinstance(phi, HomogeneousActivation) and s.symmetric and phi.degree == 1:
        found = maps.symmetric_slope(phi)
        if found is not None:
            return found(s.second), "closed form"
    if isinstance(s.law, Sample):
        return s.law.slope_moment(phi), "closed form"
    if isinstance(s.law, Distribution):
        return maps.law_slope(phi, s.law, s.second)
    if isinstance(s.law, NormalUnit):
        return maps.normal_slope_moment(phi, s.law.mean, s.law.second)
    return maps.no_law(f"{phi}'")


def dense(layer: Dense, trace: Trace, g: Number) -> Slope:
    s = trace.before
    fans = tuple(like(g, size) for size in (s.shape[0], layer.fan_out))
    return Slope(trace, maps.dense_gradient(layer.weights)(*fans, g), g, g * s.second)


def activation(layer: Activate, trace: Trace, g: Number) -> Slope:
    factor, kind = slope_moment(layer.activation, trace.before)
    return Slope(trace, factor * g, g, None, kind)


def noise(layer: Noise, trace: Trace, g: Number) -> Slope:
    return Slope(trace, maps.noisy(layer.distribution, 2)(g), g)


_STEPS: dict[str, Callable[..., Slope]] = {"dense": dense, "activation": activation, "noise": noise}


def backward(traces: Sequence[Trace], g: Number) -> list[Slope]:
    """The second moments of the gradient at all layers, from that at the output.

    Every layer is taken to multiply an independent gradient: gradient independence.

    Args:
        traces: the layers, the first one first.
        g: E (dy/dh)^2 of an output.
    """
    made: list[Slope] = []
    for trace in reversed(traces):
        slope = _STEPS[trace.layer.kind](trace.layer, trace, g)
        made.append(slope)
        g = slope.before
    made.reverse()
    return made


def exact_backward(traces: Sequence[Trace]) -> list[Number | None]:
    """Where gradient independence is no assumption: what turns the product into the exact number.

    Exact are networks of dense layers with symmetric weights without atoms, at most symmetric biases, and
    ReLUs, leaky ReLUs or nothing between them. Given that a place is not all zero, the gates above it are on
    half of the time, whatever it holds; where it is all zero, all gates above are shut. So the number for a
    place below a gate is the product times the probability that the place is alive.

    Args:
        traces: the layers, the first one first.

    Returns:
        For each layer the factor for the place behind it; None for all if the network is not of this kind.
    """
    nothing: list[Number | None] = [None] * len(traces)
    if not traces or not all(map(_tractable, traces)):
        return nothing
    gates = [position for position, trace in enumerate(traces) if trace.layer.kind == "activation"]
    biased = {trace.layer.bias is not None for trace in traces if isinstance(trace.layer, Dense)}
    one = like(traces[0].before.second, maps.ONE)
    if not gates:
        return [one] * len(traces)
    if len(biased) != 1 or not all(_gate_after_dense(traces, position) for position in gates):
        return nothing
    if biased == {False} and not _never_zero(traces[0].before):
        return nothing
    factors: list[Number | None] = []
    alive = one
    for position, trace in enumerate(traces):
        layer = trace.layer
        if isinstance(layer, Activate) and layer.activation.gates and biased == {False}:
            alive = alive * (1 - 2 ** -like(one, trace.after.shape[0]))
        factors.append(alive if position < gates[-1] else one)
    return factors


def _tractable(trace: Trace) -> bool:
    layer = trace.layer
    if isinstance(layer, Dense):
        return True
    phi = layer.activation if isinstance(layer, Activate) else None
    return isinstance(phi, HomogeneousActivation) and phi.degree == 1


def _gate_after_dense(traces: Sequence[Trace], position: int) -> bool:
    if position == 0:
        return False
    below = traces[position - 1].layer
    if not isinstance(below, Dense) or not traces[position].before.rows_flip:
        return False
    return below.weights.atomless if below.bias is None else below.bias.atomless


def _never_zero(s: State) -> bool:
    """Whether the input is surely not all zero."""
    if isinstance(s.law, Sample):
        return bool(s.law.rows.any(axis=1).all())
    return isinstance(s.law, Distribution) and s.law.atom_at_zero is False


def walk(slopes: Sequence[Slope], path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Slope]]:
    """Yield every layer with its path: its number, then branch and number inside."""
    for number, slope in enumerate(slopes, 1):
        yield (*path, number), slope
        for branch, inner in enumerate(slope.branches, 1):
            yield from walk(inner, (*path, number, branch))
