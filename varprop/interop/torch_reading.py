"""A torch module as networks: its graph is traced, operation by operation, and nothing in it is guessed."""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias, get_args

import sympy as sp

from varprop.errors import ExpressionError, ParameterError, VarpropError
from varprop.interop.draws import missing
from varprop.interop.torch_graphs import (
    OVERWRITTEN,
    collect,
    described,
    is_concatenation,
    is_sum,
    is_tensor,
    run_on_zeros,
    second_factor,
    shape_of,
    shared_weights,
)
from varprop.interop.torch_operations import BatchNorm, Unread, layer_of
from varprop.interop.torch_weights import laws_of
from varprop.model.calls import explained
from varprop.model.distributions import Distribution
from varprop.networks.branches import Concatenate, Residual
from varprop.networks.layers import Layer, shape_after
from varprop.networks.network import Network

__all__ = ["Place", "Reading", "Segment", "Unsupported", "read"]

Path: TypeAlias = tuple[int, ...]
Shape: TypeAlias = tuple[int, ...]

BUILDS = 4
"""How many more models are built to see the laws of their weights."""


@dataclass(frozen=True)
class Place:
    """One operation of the model that a network reproduces.

    Args:
        node: its name in the traced graph.
        operation: what the model does there.
        path: the row of the profile that describes its result.
    """

    node: str
    operation: str
    path: Path


@dataclass(frozen=True)
class Segment:
    """A run of operations that a network reproduces.

    Args:
        start: the name of the node that feeds it.
        shape: what that gives, without the batch.
        network: the layers.
        places: the operations, in order.
    """

    start: str
    shape: Shape
    network: Network
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Unsupported:
    """An operation that is not read.

    Args:
        node: its name in the traced graph.
        operation: what the model does there.
        why: what is missing.
    """

    node: str
    operation: str
    why: str

    def __str__(self) -> str:
        return f"{self.node}: {self.operation}: {self.why}"


@dataclass(frozen=True)
class Reading:
    """What was read of a model: networks, and between them the operations that are not read.

    Attributes:
        parts: segments and unsupported operations, from the input to the output.
        shape: of one input.
        laws: the distribution of every parameter that is random, by its name.
        build: the function that builds the model anew, if one was read.
        traced: the traced module.
    """

    parts: tuple[Segment | Unsupported, ...]
    shape: Shape
    laws: tuple[tuple[str, Distribution], ...]
    build: Callable[[], Any] | None = field(repr=False, compare=False)
    traced: Any = field(repr=False, compare=False)

    @property
    def network(self) -> Network:
        """The whole model as one network.

        Raises:
            ExpressionError: some operation is not read.
        """
        if self.unsupported:
            raise ExpressionError(
                "the model as one network",
                "; ".join(map(str, self.unsupported)),
                "Use the segments in between: reading.parts",
            )
        if not self.parts:
            raise ExpressionError(
                "the model as one network", "it has no layers", "Read a model that has some"
            )
        (whole,) = self.parts
        assert isinstance(whole, Segment)
        return whole.network

    @property
    def unsupported(self) -> tuple[Unsupported, ...]:
        """The operations that are not read, by name and place."""
        return tuple(part for part in self.parts if isinstance(part, Unsupported))


@explained
def read(
    model: Any,
    shape: int | Sequence[int],
    *,
    batch_norm: BatchNorm = "refuse",
) -> Reading:
    """Read a torch model at initialization: its graph as networks, the laws of its weights by what they are.

    Args:
        model: a torch.nn.Module with fresh weights, or a function without arguments that builds one.
        shape: of one input, without the batch.
        batch_norm: "running": a batch normalization uses its running statistics, which at initialization are
            mean 0 and variance 1; "batch": it uses those of the batch, which is not read; "refuse": say so.
            The first two hold whatever mode the model is in, and for its measurement, too.

    Weights that two operations share are not independent of what they meet the second time: that operation is
    not read. Neither is one that has hooks, nor one that reads what was changed in place before.

    Raises:
        ParameterError: torch is not installed, or the weights of a layer are those of no known initializer
            (a trained model is refused).
        ExpressionError: the graph depends on data and cannot be traced, or does not end in one tensor.
    """
    torch = _torch()
    if batch_norm not in get_args(BatchNorm):
        raise ParameterError(
            f"batch_norm={batch_norm!r:.40}",
            "it is unknown",
            f"Choose from {', '.join(get_args(BatchNorm))}.",
        )
    ready = isinstance(model, torch.nn.Module)
    sizes = _sizes(shape)
    built = _built(torch, model)
    if type(built).__module__.startswith("torch.nn") and not isinstance(built, torch.nn.Sequential):
        built = torch.nn.Sequential(built)  # a module of torch by itself would be traced inside
    if ready:
        built = copy.deepcopy(built)  # tracing runs it, which moves the statistics of batch normalizations
    if batch_norm != "refuse":
        for module in built.modules():
            if type(module).__name__.startswith("BatchNorm"):
                module.train(batch_norm == "batch")
    traced = _traced(torch, built, sizes)
    more = [] if ready else [model() for _ in range(BUILDS)]
    laws = laws_of(traced, more)
    walk = _Walk(traced, laws, batch_norm)
    parts = tuple(walk.parts())
    return Reading(parts, sizes, tuple(sorted(laws.items())), None if ready else model, traced)


def _sizes(shape: object) -> Shape:
    sizes = (shape,) if isinstance(shape, int) else shape
    if not isinstance(sizes, Sequence) or not all(type(size) is int and size > 0 for size in sizes):
        raise ParameterError(
            f"read with inputs of shape {shape!r:.60}", "it is no shape", "Give whole numbers from 1 on."
        )
    return tuple(sizes)


def _built(torch: Any, model: Any) -> Any:
    """The model, or the one that the function builds, if it can be traced and has numbers."""
    asked = f"read({model!r:.60})"
    built = model
    if not isinstance(model, torch.nn.Module) and callable(model):
        try:
            built = model()
        except TypeError as problem:
            raise ParameterError(
                asked, f"it cannot be called without arguments ({problem})", "Give lambda: Model(...)."
            ) from problem
    if not isinstance(built, torch.nn.Module):
        raise ParameterError(asked, "it is no torch.nn.Module and builds none", "Give a model, or its class.")
    if isinstance(built, torch.jit.ScriptModule):
        raise ParameterError(asked, "a scripted module cannot be traced", "Give the module it was made of.")
    for name, numbers in built.named_parameters():
        if numbers.dtype != torch.float32 or numbers.device.type != "cpu":
            raise ParameterError(
                f"{asked}, parameter {name}",
                f"it has the type {numbers.dtype} on {numbers.device}",
                "Give a model that has numbers, in float32 on the CPU: model.float().cpu().",
            )
    return built


def _torch() -> Any:
    try:
        import torch  # noqa: PLC0415
    except ImportError as error:
        raise missing("torch", error) from None
    return torch


def _traced(torch: Any, model: Any, shape: Shape) -> Any:
    from torch.fx import symbolic_trace  # noqa: PLC0415
    from torch.fx.proxy import TraceError  # noqa: PLC0415

    try:
        traced = symbolic_trace(model)
    except TraceError as problem:
        raise ExpressionError(
            f"read({type(model).__name__})",
            f"its control flow depends on data ({str(problem).splitlines()[0]:.90})",
            "Read the modules inside it one by one.",
        ) from None
    (output,) = (node for node in traced.graph.nodes if node.op == "output")
    if not isinstance(output.args[0], torch.fx.Node):
        raise ExpressionError(
            f"read({type(model).__name__})",
            f"it returns a {type(output.args[0]).__name__} and not one tensor",
            "Wrap it in a module that returns one of its results.",
        )
    told = io.StringIO()  # the pass prints a traceback of its own before it raises
    with torch.no_grad(), torch.random.fork_rng(), contextlib.redirect_stderr(told):
        try:
            run_on_zeros(traced, shape)
        except Exception as problem:
            cause = problem.__cause__ or problem
            raise ParameterError(
                f"read({type(model).__name__}) with inputs of shape {shape}",
                f"{str(cause).splitlines()[0]:.120}",
                "Give the shape of one input, without the batch.",
            ) from None
    return traced


class _Walk:
    """Walks a traced graph along the nodes that every path passes."""

    def __init__(self, traced: Any, laws: Mapping[str, Distribution], batch_norm: BatchNorm) -> None:
        self.traced, self.laws, self.batch_norm = traced, laws, batch_norm
        self.nodes = [node for node in traced.graph.nodes if is_tensor(node) and node.op != "get_attr"]
        self.number = {node: k for k, node in enumerate(self.nodes)}
        (self.last,) = next(node for node in reversed(traced.graph.nodes) if node.op == "output").args
        self.shared = shared_weights(traced)

    def inputs(self, node: Any) -> list[Any]:
        """The nodes whose tensors a node reads, each as often as it does."""
        found: list[Any] = []
        collect(node.args, self.number, found)
        collect(tuple(node.kwargs.values()), self.number, found)
        return found

    def parts(self) -> Iterator[Segment | Unsupported]:
        """Segments and unsupported operations in order."""
        start = self.nodes[0]
        layers: list[Layer] = []
        places: list[Place] = []
        for before, node in pairwise(self.trunk(self.nodes[0], self.last)):
            try:
                made, inside = self.step(before, node, (len(layers) + 1,))
            except Unread as refused:
                if layers:
                    yield _segment(start, layers, places)
                yield Unsupported(node.name, described(node, self.traced), refused.why)
                start, layers, places = node, [], []
                continue
            layers += made
            places += inside
            places.append(Place(node.name, described(node, self.traced), (len(layers),)))
        if layers:
            yield _segment(start, layers, places)

    def trunk(self, first: Any, last: Any) -> list[Any]:
        """The nodes between two that no edge passes by, both included."""
        low, high = self.number[first], self.number[last]
        inside = self.nodes[low : high + 1]
        furthest, found = low, []
        for node in inside:
            if self.number[node] >= furthest:
                found.append(node)
            users = [self.number[user] for user in node.users if self.number.get(user, high + 1) <= high]
            furthest = max([furthest, *users])
        return found

    def step(self, before: Any, node: Any, path: Path) -> tuple[list[Layer], list[Place]]:
        """The layers from one node of the trunk to the next."""
        if node in self.shared:
            raise Unread(f"its weights are those of {self.shared[node]}")
        if node.meta[OVERWRITTEN]:
            raise Unread("it reads what was changed in place before")
        made, places = self.made(before, node, path)
        try:
            after = [int(size) for size in shape_after(made, tuple(map(sp.Integer, shape_of(before))))]
        except VarpropError as refused:
            raise Unread(refused.missing) from None
        if [size for size in after if size > 1] != [size for size in shape_of(node) if size > 1]:
            raise Unread(f"its result of shape {shape_of(node)} is more than what it reads of {before.name}")
        return made, places

    def made(self, before: Any, node: Any, path: Path) -> tuple[list[Layer], list[Place]]:
        """The layers from one node of the trunk to the next, if their sizes are as they say."""
        read = self.inputs(node)
        if read == [before]:
            layer = layer_of(node, self.traced, before, self.laws, self.batch_norm)
            return ([] if layer is None else [layer]), []
        if is_sum(node) and before in read and len(read) == 2:
            multiplier = second_factor(node)
            first = read[0] is before
            if first or multiplier == 1:
                branch, places = self.branch(before, read[1 if first else 0], (*path, 1))
                return [Residual(branch, multiplier=multiplier)], places
        if is_concatenation(node):
            made = [self.branch(before, end, (*path, k)) for k, end in enumerate(read, 1)]
            places = [place for _, inside in made for place in inside]
            return [Concatenate(*(layers for layers, _ in made))], places
        kind = "a sum of two branches" if is_sum(node) else "an operation on several results"
        raise Unread(f"{kind} is not read")

    def branch(self, first: Any, last: Any, path: Path) -> tuple[list[Layer], list[Place]]:
        """The layers of a branch between two nodes."""
        layers: list[Layer] = []
        places: list[Place] = []
        chain = self.chain(first, last)
        for before, node in pairwise(chain):
            made, inside = self.step(before, node, (*path, len(layers) + 1))
            layers += made
            places += inside
            places.append(Place(node.name, described(node, self.traced), (*path, len(layers))))
        return layers, places

    def chain(self, first: Any, last: Any) -> list[Any]:
        """The nodes from one to another where each reads the one before; an inner skip is one node of it."""
        found = [last]
        while found[-1] is not first:
            read = self.inputs(found[-1])
            shared = self.common(read, first)
            if shared is None:
                raise Unread("a branch that starts elsewhere is not read")
            found.append(shared)
        return found[::-1]

    def common(self, nodes: list[Any], first: Any) -> Any:
        """The last node that all paths to some nodes pass; None if that lies before another node."""
        waiting = set(nodes)
        while len(waiting) > 1:
            latest = max(waiting, key=self.number.__getitem__)
            waiting.discard(latest)
            waiting.update(self.inputs(latest))
        (found,) = waiting or {None}
        return found if found is not None and self.number[found] >= self.number[first] else None


def _segment(start: Any, layers: list[Layer], places: list[Place]) -> Segment:
    shape = shape_of(start)
    return Segment(start.name, shape, Network(list(layers), fan_in=shape), tuple(places))
