"""The traced graph of a torch model: what nodes are, which share weights, which read what is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sympy as sp

__all__ = [
    "OVERWRITTEN",
    "collect",
    "described",
    "is_concatenation",
    "is_sum",
    "is_tensor",
    "run_on_zeros",
    "second_factor",
    "shape_of",
    "shared_weights",
]

OVERWRITTEN = "varprop overwritten"
"""The entry of a node's `meta` that tells whether it reads a tensor that was changed after it was made."""


def run_on_zeros(traced: Any, shape: tuple[int, ...]) -> None:
    """Run a traced module on two inputs of zeros, and note at its nodes what the results are like.

    A tensor and its views count the changes in place together; what counts more of them after an operation
    than before was overwritten by it.

    Args:
        traced: a GraphModule; its nodes get `meta`.
        shape: of one input.
    """
    import torch  # noqa: PLC0415
    from torch.fx.passes.shape_prop import ShapeProp  # noqa: PLC0415

    made: dict[Any, Any] = {}
    order = {node: k for k, node in enumerate(traced.graph.nodes)}
    for node in order:
        node.meta[OVERWRITTEN] = False

    class Watch(ShapeProp):
        def run_node(self, n: Any) -> Any:
            versions = {node: tensor._version for node, tensor in made.items()}
            result = super().run_node(n)
            for node, version in versions.items():
                if made[node]._version != version:
                    for user in node.users:
                        user.meta[OVERWRITTEN] |= order[user] > order[n]
            if isinstance(result, torch.Tensor):
                made[n] = result
            return result

    Watch(traced).propagate(torch.zeros(2, *shape))


def shared_weights(traced: Any) -> dict[Any, str]:
    """The nodes whose random weights an earlier node has used, and the name of that one.

    Args:
        traced: a GraphModule.
    """
    first: dict[int, Any] = {}
    shared: dict[Any, str] = {}
    for node in traced.graph.nodes:
        for weights in _weights(node, traced):
            fixed = bool((weights == 0).all() or (weights == 1).all())  # shifts and gains
            if not fixed and first.setdefault(id(weights), node) is not node:
                shared.setdefault(node, first[id(weights)].name)
    return shared


def _weights(node: Any, traced: Any) -> list[Any]:
    if node.op == "call_module":
        return list(traced.get_submodule(node.target).parameters())
    return [
        weights
        for name, weights in traced.named_parameters()
        if node.op == "get_attr" and name == node.target
    ]


def shape_of(node: Any) -> tuple[int, ...]:
    """The sizes of a result, without the batch."""
    return tuple(int(size) for size in node.meta["tensor_meta"].shape[1:])


def is_tensor(node: Any) -> bool:
    """Whether the result of a node is one tensor."""
    return node.op != "output" and hasattr(node.meta.get("tensor_meta"), "shape")


def collect(given: Any, known: Mapping[Any, int], found: list[Any]) -> None:
    """Add the known nodes in nested arguments to a list."""
    node_type = type(next(iter(known)))
    for part in given:
        if isinstance(part, (tuple, list)):
            collect(part, known, found)
        elif isinstance(part, node_type) and part in known:
            found.append(part)


def _named(node: Any) -> str:
    return node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))


def is_sum(node: Any) -> bool:
    """Whether a node adds or subtracts."""
    return node.op != "call_module" and _named(node).strip("_") in ("add", "iadd", "sub", "isub")


def second_factor(node: Any) -> sp.Expr:
    """What the second of two addends is multiplied by."""
    factor = sp.nsimplify(node.kwargs.get("alpha", 1), rational=True)
    return -factor if "sub" in _named(node) else factor


def is_concatenation(node: Any) -> bool:
    """Whether a node puts results side by side along their units or channels."""
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    return node.op == "call_function" and _named(node) in ("cat", "concat") and dim == 1


def described(node: Any, traced: Any) -> str:
    """What the model does at a node; at a part of a result, what gave it."""
    if _named(node) == "getitem" and hasattr(node.args[0], "op"):
        return described(node.args[0], traced)
    return str(traced.get_submodule(node.target)) if node.op == "call_module" else f"{_named(node)}(...)"
