"""Where gradient independence is no assumption: ReLU nets of any width, and the chance to be alive."""

from __future__ import annotations

from collections.abc import Sequence

from varprop.model.activations import HomogeneousActivation
from varprop.networks import maps
from varprop.networks.layers import Activate, Dense
from varprop.networks.maps import Number, like
from varprop.networks.states import Trace

__all__ = ["exact_backward"]


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
    below = traces[: gates[-1]] if gates else ()
    biased = {trace.layer.bias is not None for trace in below if isinstance(trace.layer, Dense)}
    one = like(traces[0].before.second, maps.ONE)
    if not gates:
        return [one] * len(traces)
    if len(biased) != 1 or not all(_gate_after_dense(traces, position) for position in gates):
        return nothing
    if biased == {False} and not traces[0].before.alive:
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
