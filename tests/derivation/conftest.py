"""Networks that several tests share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from varprop import Axis, Expression, Normal, RandomVariable, relu, sum_over


def _relu_net(
    depth: int,
    bias: Callable[..., object] | None = None,
    first: object = None,
    inputs: object = "Normal()",
    widths: Sequence[object] = ("n0", "n1", "n2"),
) -> Expression:
    """Return a ReLU net with Var(w) = 2 / width; `bias(*axes)` is added in every layer."""
    axes = [Axis(letter, size) for letter, size in zip("ijk"[:depth], widths, strict=False)]
    h: Expression = RandomVariable("x", inputs, axes=axes[0], role="inputs")
    for layer, axis in enumerate(axes):
        units = axes[layer + 1 : layer + 2]
        law = first if first is not None and layer == 0 else Normal(variance=2 / axis.size)
        z = sum_over(axis, RandomVariable(f"w{layer + 1}", law, axes=(*units, axis), role="weights") * h)
        z = z if bias is None else z + bias(*units)
        h = relu(z) if units else z
    return h


@pytest.fixture(scope="session")
def relu_net() -> Callable[..., Expression]:
    """Return the builder of ReLU nets."""
    return _relu_net
