"""Layers that know positions: convolutions, pools, and the step back to plain units."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import sympy as sp

from varprop.errors import ParameterError
from varprop.model.axes import as_size
from varprop.model.distributions import Distribution
from varprop.networks.layers import Layer, Misfit, Shape, as_bias, at
from varprop.networks.weights import as_weights, weight_law

__all__ = ["AveragePool", "Conv", "Flatten"]


@dataclass(frozen=True, init=False)
class Conv(Layer):
    """A convolution: z_cp = sum_ik W_cik h_i,(stride p + k - padding) + b_c, zeros beyond the border.

    A unit near the border sums fewer terms than one inside, and its moments are smaller.

    Args:
        channels: the number of output channels.
        kernel: its width; one number per direction, or one for all.
        stride: positions from one unit to the next.
        padding: zeros at both ends, "same" for (kernel - 1) / 2, "valid" for none.
        weights, bias: as for `Dense`; `n` is input channels times kernel positions.

    Raises:
        ParameterError: a size that is none, an even kernel with "same", or weights whose mean is not zero.

    Example:
        >>> Conv(8, kernel=3).shape_after((sp.Integer(3), sp.Integer(32), sp.Integer(32)))
        (8, 32, 32)
    """

    kind: ClassVar[str] = "conv"
    channels: sp.Expr
    kernel: tuple[int, ...]
    stride: int
    padding: tuple[int, ...]
    weights: Distribution
    bias: Distribution | None

    def __init__(
        self,
        channels: object,
        kernel: int | Iterable[int] = 3,
        stride: int = 1,
        padding: int | str | Iterable[int] = "same",
        weights: object = "Normal(variance=1/n)",
        bias: object = None,
    ) -> None:
        sizes = _whole("kernel", kernel, 1)
        if padding == "same" and not all(size % 2 for size in sizes):
            raise ParameterError(f"Conv(kernel={kernel})", "an even kernel has no middle", "Give padding=1.")
        words = {"same": tuple((size - 1) // 2 for size in sizes), "valid": (0,) * len(sizes)}
        if isinstance(padding, str) and padding not in words:
            raise ParameterError(f"Conv(padding={padding!r:.40})", "it is none", "Give 'same', 'valid' or 1.")
        ends = words[padding] if isinstance(padding, str) else _whole("padding", padding, 0)
        for name, value in (
            ("channels", as_size(channels, "channels")),
            ("kernel", sizes),
            ("stride", _whole("stride", stride, 1)[0]),
            ("padding", ends),
            ("weights", as_weights(weights, "Conv")),
            ("bias", as_bias(bias)),
        ):
            object.__setattr__(self, name, value)

    def sides(self, shape: Shape) -> tuple[tuple[int, int], ...]:
        """Kernel and padding for each direction of what comes in."""
        directions = len(shape) - 1
        if directions < 1:
            raise Misfit(f"{self.label} reads channels and positions", "Give fan_in=(channels, length).")
        if any(len(given) not in (1, directions) for given in (self.kernel, self.padding)):
            raise Misfit(f"its kernel has not {directions} directions", "Give one number per direction.")
        kernel, padding = (
            given * directions if len(given) == 1 else given for given in (self.kernel, self.padding)
        )
        return tuple(zip(kernel, padding, strict=True))

    def shape_after(self, shape: Shape) -> Shape:
        after = []
        for (size, padding), length in zip(self.sides(shape), shape[1:], strict=True):
            if not length.is_Integer:
                raise Misfit(f"its number of positions {length} is a symbol", "Give a whole number.")
            places = (int(length) + 2 * padding - size) // self.stride + 1
            if places < 1:
                raise Misfit(f"a kernel of {size} does not fit {length} positions", "Pad, or take less.")
            after.append(sp.Integer(places))
        return (self.channels, *after)

    def law(self, shape: Shape) -> Distribution:
        """The distribution of one weight for what comes in."""
        taps = sp.prod([size for size, _ in self.sides(shape)])
        return weight_law(self.weights, shape[0] * taps, self.channels * taps)

    def at(self, values: Mapping[Any, Any]) -> Conv:
        channels, weights, bias = (at(part, values) for part in (self.channels, self.weights, self.bias))
        return Conv(channels, self.kernel, self.stride, self.padding, weights, bias)

    @property
    def label(self) -> str:
        return f"Conv({self.channels}, {' x '.join(map(str, self.kernel))})"


def _whole(name: str, given: object, least: int) -> tuple[int, ...]:
    numbers = tuple(given) if isinstance(given, Iterable) else (given,)
    if not numbers or any(isinstance(k, bool) or not isinstance(k, int) or k < least for k in numbers):
        raise ParameterError(
            f"Conv({name}={given!r:.40})", f"it is no whole number from {least} on", "Give 3, for example."
        )
    return numbers


@dataclass(frozen=True, init=False)
class AveragePool(Layer):
    """The mean of groups of `size` units; of windows of positions, if there are positions.

    E of its square is the mean of E h_p h_q over the window, which is followed at every two positions.

    Args:
        size: units (or positions along each direction) that are averaged; None averages all of them.

    Example:
        >>> AveragePool(2).shape_after((sp.Integer(6),))
        (3,)
    """

    kind: ClassVar[str] = "pool"
    size: sp.Expr | None

    def __init__(self, size: object = None) -> None:
        object.__setattr__(self, "size", None if size is None else as_size(size, "size"))

    def shape_after(self, shape: Shape) -> Shape:
        kept, along = (shape[:1], shape[1:]) if len(shape) > 1 else ((), shape)
        after = tuple(sp.S.One if self.size is None else length / self.size for length in along)
        for length, groups in zip(along, after, strict=True):
            if groups.is_number and not groups.is_Integer:
                raise Misfit(
                    f"{length} cannot be split into groups of {self.size}", f"Pool by a divisor of {length}."
                )
        return kept if len(shape) > 1 and self.size is None else (*kept, *after)

    @property
    def label(self) -> str:
        return f"AveragePool({'' if self.size is None else self.size})"


@dataclass(frozen=True)
class Flatten(Layer):
    """Channels and positions as one row of units."""

    kind: ClassVar[str] = "flatten"

    def shape_after(self, shape: Shape) -> Shape:
        return (sp.Mul(*shape),)

    @property
    def label(self) -> str:
        return "Flatten()"
