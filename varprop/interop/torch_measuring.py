"""A torch model measured beside its prediction: fresh weights, random inputs, a random readout."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from varprop.errors import ParameterError, VarpropError, brief
from varprop.interop.draws import SEEDS
from varprop.interop.torch_reading import Path, Place, Reading, Segment, Unsupported
from varprop.model.calls import explained
from varprop.model.distributions import Distribution, Normal
from varprop.model.parsing import as_distribution
from varprop.networks.branches import Residual
from varprop.networks.layers import Dense
from varprop.networks.network import Network
from varprop.networks.positions import Conv
from varprop.networks.propagating import propagate
from varprop.networks.rows import Row
from varprop.render import Document, Documented, Heading, Table
from varprop.simulation.streams import Streams

__all__ = ["Comparison", "Line", "compare"]


@dataclass(frozen=True)
class Line:
    """One operation of a model: what was predicted and what was measured, per unit.

    Attributes:
        node: its name in the traced graph.
        operation: what the model does there.
        predicted: E h^2; nan where the operation is not read.
        measured: the mean of h^2 over fresh models and inputs.
        error: its standard error, from the spread between models.
        gradient: predicted E (dy/dh)^2, from the one measured behind the last weights if an operation after
            them is not read; nan between the two.
        measured_gradient: the same, measured.
        gradient_error: its standard error.
        kind: "exact", a limit, "input", "restarted" for all behind an operation that is not read, or why
            there is no prediction.
    """

    node: str
    operation: str
    predicted: float
    measured: float
    error: float
    gradient: float
    measured_gradient: float
    gradient_error: float
    kind: str

    @property
    def deviation(self) -> float:
        """How many standard errors the measurement is off the prediction."""
        return (self.measured - self.predicted) / self.error if self.error > 0 else math.nan


@dataclass(frozen=True)
class Comparison(Documented):
    """Predicted and measured moments of every operation of a model.

    Attributes:
        lines: one per operation, from the input on.
        models: how many fresh models were measured.
        batch: how many inputs each was given.
        unsupported: the operations that are not read.
    """

    lines: tuple[Line, ...]
    models: int
    batch: int
    unsupported: tuple[Unsupported, ...]

    def __iter__(self) -> Iterator[Line]:
        return iter(self.lines)

    def __getitem__(self, node: str) -> Line:
        return next(line for line in self.lines if line.node == node)

    def document(self) -> Document:
        """A table, one row per operation."""
        rows = [
            [
                line.node,
                line.operation.split("(")[0],
                _number(line.predicted),
                f"{line.measured:.4g} +- {line.error:.2g}",
                _number(line.gradient),
                f"{line.measured_gradient:.4g} +- {line.gradient_error:.2g}",
                line.kind.split(",")[0],
            ]
            for line in self.lines
        ]
        head = ["place", "operation", "E h^2", "measured", "gradient^2", "measured", "validity"]
        title = Heading(f"Predicted and measured, {self.models} fresh models, {self.batch} inputs each")
        missing = [f"Not read: {one}." for one in self.unsupported]
        return Document([title, Table(head, rows, align="llrrrrl"), *missing])


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


@explained
def compare(
    reading: Reading, *, input: object = None, models: int = 32, batch: int = 64, seed: int = 0
) -> Comparison:
    """Predict the second moment and the gradient at every operation of a model, and measure the same.

    Behind an operation that is not read, the prediction starts again from the measured mean and second
    moment there, taken as those of normal units, and is labelled so. In front of one, that of the gradient
    starts from the gradient measured behind the last weights: behind these, what comes back depends on the
    units it meets (a maximum sends it to the largest, which are the active ones).

    Args:
        reading: what `read` found.
        input: the distribution of every input; standard normal if not given.
        models: how many fresh models are measured: built anew if a function was read, else copies of the
            model whose weights are drawn again from the laws that were found.
        batch: inputs for each.
        seed: any integer.

    Raises:
        ParameterError: not what `read` found, fewer than two models, or no inputs.
    """
    if not isinstance(reading, Reading):
        raise ParameterError(
            f"compare({brief(reading, 60)})", "it is no reading", "Give vp.read(model, shape)."
        )
    if (
        not all(isinstance(n, int) and not isinstance(n, bool) for n in (models, batch))
        or models < 2
        or batch < 1
    ):
        raise ParameterError(
            f"compare with models={models!r}, batch={batch!r}",
            "a standard error needs two models, and each an input",
            "Leave both out, or give whole numbers.",
        )
    law = Normal() if input is None else as_distribution(input)
    found = _Measured(reading, law, models, batch, seed)
    lines: list[Line] = []
    shapes = {node.name: node for node in reading.traced.graph.nodes}
    start: Distribution = law
    restarted = False
    waiting: list[Segment | Unsupported] = list(reading.parts)
    unread: list[Unsupported] = []
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, Unsupported):
            unread.append(part)
            lines.append(_line(part.node, part.operation, None, found, part.why, math.nan))
            restarted = True
            continue
        if restarted:
            mean, second = found.mean(part.start), found.second(part.start)[0]
            start = Normal(mean=mean, variance=max(second - mean**2, 1e-300))
        part, problem, rest = _propagated(part, start, shapes)
        waiting[:0] = [] if problem is None else [problem, *rest]
        profile = propagate(part.network, input=start) if part.places else None
        rows = {row.path: row for row in profile or ()}
        last, behind = _from_behind(part, rows, found) if waiting else (len(part.network.layers), 1.0)
        if not lines:
            lines.append(
                _line(part.start, "input", None if profile is None else profile[0], found, "input", behind)
            )
        for place in part.places:
            row = rows[place.path]
            kind = "restarted" if restarted else row.validity
            slope = behind if place.path[0] <= last else math.nan
            lines.append(_line(place.node, place.operation, row, found, kind, slope))
    return Comparison(tuple(lines), models, batch, tuple(unread))


def _propagated(
    segment: Segment, start: Distribution, nodes: Mapping[str, Any]
) -> tuple[Segment, Unsupported | None, tuple[Segment, ...]]:
    """The part of a segment that can be predicted, the operation that ends it, and what comes after."""
    layers = segment.network.layers
    reached, problem = 0, ""
    for count in range(len(layers), -1, -1):
        try:
            propagate(Network(layers[:count], segment.network.fan_in), input=start)
            reached = count
            break
        except VarpropError as refused:
            problem = refused.missing or str(refused)
    head = tuple(place for place in segment.places if place.path[0] <= reached)
    known = Segment(segment.start, segment.shape, Network(layers[:reached], segment.network.fan_in), head)
    if reached == len(layers):
        return known, None, ()
    last = [place for place in segment.places if place.path[0] == reached + 1][-1]
    places = tuple(
        Place(place.node, place.operation, (place.path[0] - reached - 1, *place.path[1:]))
        for place in segment.places
        if place.path[0] > reached + 1
    )
    shape = tuple(int(size) for size in nodes[last.node].meta["tensor_meta"].shape[1:])
    rest = Segment(last.node, shape, Network(layers[reached + 1 :], fan_in=shape), places)
    return known, Unsupported(last.node, last.operation, problem), (rest,) if places else ()


def _from_behind(part: Segment, rows: Mapping[Path, Row], found: _Measured) -> tuple[int, float]:
    """The last layer in front of which the gradient is that of fresh weights, and its factor there."""
    for place in reversed(part.places):
        layer = part.network.layers[place.path[0] - 1] if len(place.path) == 1 and place.path[0] else None
        if isinstance(layer, Dense | Conv) or (isinstance(layer, Residual) and layer.post is None):
            expected = rows[place.path].gradient
            measured = found.gradient(place.node)[0]
            return place.path[0], measured / float(expected) if expected else math.nan
    return 0, math.nan


def _line(node: str, operation: str, row: Row | None, found: _Measured, kind: str, behind: float) -> Line:
    second, gradient = found.second(node), found.gradient(node)
    slope = math.nan if row is None or row.gradient is None else behind * float(row.gradient)
    predicted = float(row.second_moment) if row is not None else math.nan
    return Line(node, operation, predicted, *second, slope, *gradient, kind)


class _Measured:
    """Means over fresh models, by the name of the node."""

    def __init__(self, reading: Reading, law: Distribution, models: int, batch: int, seed: int) -> None:
        import torch  # noqa: PLC0415

        streams = Streams(seed)
        moments: dict[str, list[tuple[float, float, float]]] = {}
        for number in range(models):
            rng = streams.generator(chunk=number)
            with torch.random.fork_rng():
                torch.manual_seed(int(rng.integers(SEEDS)))
                graph = _fresh(reading, rng)
                inputs = torch.from_numpy(law.draw(rng, (batch, *reading.shape))).to(torch.float32)
                try:
                    measured = _run(torch, graph, inputs, rng)
                except Exception as problem:
                    raise ParameterError(
                        f"compare on inputs from {law}",
                        f"the model cannot be run on them ({str(problem).splitlines()[0]:.120})",
                        "Give input=, a distribution of inputs that the model takes.",
                    ) from problem
                for name, values in measured.items():
                    moments.setdefault(name, []).append(values)
        self._moments = {name: np.array(values) for name, values in moments.items()}

    def _of(self, name: str, column: int) -> tuple[float, float]:
        values = self._moments[name][:, column]
        return float(values.mean()), float(values.std(ddof=1) / math.sqrt(len(values)))

    def mean(self, name: str) -> float:
        return self._of(name, 0)[0]

    def second(self, name: str) -> tuple[float, float]:
        return self._of(name, 1)

    def gradient(self, name: str) -> tuple[float, float]:
        return self._of(name, 2)


def _fresh(reading: Reading, rng: np.random.Generator) -> Any:
    """The traced graph with fresh weights."""
    import torch  # noqa: PLC0415

    graph = copy.deepcopy(reading.traced)
    if reading.build is None:
        for name, law in reading.laws:
            parameter = graph.get_parameter(name)
            drawn = law.draw(rng, tuple(parameter.shape))
            with torch.no_grad():
                parameter.copy_(torch.from_numpy(drawn).to(parameter.dtype))
    else:
        state = reading.build().state_dict()
        with torch.no_grad():
            for name, kept in graph.state_dict().items():  # of what the graph does not use, it has nothing
                fresh = state.get(
                    name, state.get(name.removeprefix("0."))
                )  # "0." of a module wrapped by itself
                if fresh is not None:
                    kept.copy_(fresh)
    return graph


def _run(
    torch: Any, graph: Any, inputs: Any, rng: np.random.Generator
) -> dict[str, tuple[float, float, float]]:
    """Mean, mean square and mean squared gradient at every node."""
    results: dict[str, Any] = {}

    class Watch(torch.fx.Interpreter):
        def run_node(self, node: Any) -> Any:
            result = super().run_node(node)
            if isinstance(result, torch.Tensor) and result.is_floating_point() and node.op != "get_attr":
                if result.requires_grad:
                    result.retain_grad()
                results[node.name] = result
                return result.clone()  # what follows may work in place
            return result

    inputs.requires_grad_(True)
    output = Watch(graph).run(inputs)
    readout = torch.from_numpy(rng.normal(size=tuple(output.shape))).to(output.dtype)
    (readout * output).sum().backward()
    found = {}
    for name, result in results.items():
        values = result.detach().double()
        gradient = result.grad
        slope = math.nan if gradient is None else float(gradient.double().square().mean())
        found[name] = (float(values.mean()), float(values.square().mean()), slope)
    return found
