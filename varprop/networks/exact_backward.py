"""Where gradient independence is no assumption: ReLU nets of any width, norms, the chance to be alive."""

from __future__ import annotations

from collections.abc import Sequence

from varprop.model.activations import HomogeneousActivation
from varprop.networks import maps
from varprop.networks.layers import Activate, Dense, LayerNorm, RMSNorm
from varprop.networks.maps import Number, like
from varprop.networks.normalizing import directions_left, sharp_or_normal
from varprop.networks.states import Trace

__all__ = ["exact_backward"]


def exact_backward(traces: Sequence[Trace]) -> list[Number | None]:
    """Where gradient independence is no assumption: what turns the product into the exact number.

    Exact are networks of dense layers with symmetric weights without atoms, at most symmetric biases, and
    ReLUs, leaky ReLUs or nothing between them. Given that a place is not all zero, the gates above it are on
    half of the time, whatever it holds; where it is all zero, all gates above are shut. So the number for a
    place below a gate is the product times the probability that the place is alive.

    Such a network may follow a norm of given rows or of independent normal units. Below a norm that leaves
    its units no direction to move, everything is 0.

    Args:
        traces: the layers, the first one first.

    Returns:
        The factor for the input, then for the place behind each layer; None where the number is a limit.
    """
    still = [place for place, trace in enumerate(traces) if _is_still(trace)]
    if still:
        return [1] * (still[-1] + 1) + exact_backward(traces[still[-1] + 1 :])
    return _behind_norm(traces) or _of_gates(traces)


def _is_still(trace: Trace) -> bool:
    layer = trace.layer
    return isinstance(layer, LayerNorm | RMSNorm) and directions_left(layer, trace.before) == 0


def _behind_norm(traces: Sequence[Trace]) -> list[Number | None]:
    """The factors of a network that starts with a norm, at most with a dense layer in front of it.

    Along a fixed input x the norm of W x does not change: one direction of n is lost, if there is no bias.
    """
    first = traces[0].layer if traces else None
    place = 1 if isinstance(first, Dense) else 0
    if len(traces) <= place:
        return []
    layer, above = traces[place].layer, traces[place + 1 :]
    if not isinstance(layer, LayerNorm | RMSNorm) or not sharp_or_normal(layer, traces[place].before):
        return []
    if above and not isinstance(above[0].layer, Dense):
        return []
    factors = exact_backward(above)
    if factors[0] is None:
        return []
    below: list[Number | None] = [1]
    if isinstance(first, Dense):
        below.insert(
            0, 1 - 1 / like(traces[0].after.second, traces[0].before.shape[0]) if first.bias is None else None
        )
    return below + factors


def _of_gates(traces: Sequence[Trace]) -> list[Number | None]:
    """The factors of a network of dense layers and gates."""
    nothing: list[Number | None] = [None] * (len(traces) + 1)
    if not all(map(_tractable, traces)):
        return nothing
    gates = [position for position, trace in enumerate(traces) if trace.layer.kind == "activation"]
    below = traces[: gates[-1]] if gates else ()
    biased = {trace.layer.bias is not None for trace in below if isinstance(trace.layer, Dense)}
    if not gates:
        return [1] * (len(traces) + 1)
    if len(biased) != 1 or not all(_gate_after_dense(traces, position) for position in gates):
        return nothing
    if biased == {False} and not traces[0].before.alive:
        return nothing
    factors: list[Number | None] = [1]
    alive = like(traces[0].before.second, maps.ONE)
    for position, trace in enumerate(traces):
        layer = trace.layer
        if isinstance(layer, Activate) and layer.activation.gates and biased == {False}:
            alive = alive * (1 - 2 ** -like(alive, trace.after.shape[0]))
        factors.append(alive if position < gates[-1] else 1)
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
