"""How many terms a unit sums and how many units an input feeds, for dense layers and convolutions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import sympy as sp

from varprop.errors import ParameterError, brief
from varprop.model.calls import explained
from varprop.model.scalars import ScalarLike, scalar, substitute, symbol

__all__ = ["Connectivity", "Fans"]

LAYOUTS = {2: "OI", 3: "OIW", 4: "OIHW", 5: "OIDHW"}
"""The order of axes of a kernel by its rank where none is given: outputs first, as in PyTorch."""

SPATIAL = "DHW"
"""The letters of spatial axes: depth, height, width."""

MOST_PLACES = 10_000
MOST_AXES = 5


class Fans(NamedTuple):
    """The number of terms of a unit's sum, and of the sums that an input takes part in."""

    fan_in: sp.Expr
    fan_out: sp.Expr


@explained
@dataclass(frozen=True, init=False)
class Connectivity:
    """What a kernel connects: its fan_in and fan_out as they are, and as the frameworks' rule has them.

    A unit of a convolution sums fan_in = I K terms and an input feeds fan_out = (O / groups) K / S units on
    average, where O and I are the sizes of the kernel's channel axes, K is the product of its spatial sizes
    and S that of the strides. Frameworks see the kernel's shape alone and take O K for fan_out.

    Args:
        shape: the sizes of the kernel as an array; whole numbers or symbols.
        layout: one letter per axis: O output channels, I input channels, M outputs per input channel of a
            depthwise kernel, and D, H, W for depth, height and width; "OI", "OIHW" and so on if not given,
            "IOHW" for a transposed one, as PyTorch stores them. JAX and Keras have "IO" and "HWIO".
        groups: the number of groups of a grouped convolution.
        stride: of all spatial axes, or one for each.
        transposed: whether it is the kernel of a transposed convolution.

    Raises:
        ParameterError: a size that is no positive whole number, a rank that has no fans, or a layout, groups
            or strides that do not fit the shape.

    Example:
        >>> depthwise = Connectivity((64, 1, 3, 3), groups=64)
        >>> depthwise.fans
        Fans(fan_in=9, fan_out=9)
        >>> depthwise.rule
        Fans(fan_in=9, fan_out=576)

    Source: Glorot, Bengio 2010; He, Zhang, Ren, Sun 2015, sections 2.2 (counting the terms of a sum).
    """

    shape: tuple[sp.Expr, ...]
    layout: str
    groups: sp.Expr
    stride: tuple[sp.Expr, ...]
    transposed: bool

    def __init__(
        self,
        shape: Iterable[ScalarLike],
        layout: str | None = None,
        groups: ScalarLike = 1,
        stride: ScalarLike | Iterable[ScalarLike] = 1,
        transposed: bool = False,
    ) -> None:
        if not isinstance(transposed, bool):
            raise ParameterError(f"transposed={brief(transposed, 40)}", "it is neither", "Use True or False.")
        sizes = _shape(shape)
        letters = _layout(layout, sizes, transposed)
        for name, value in (
            ("shape", sizes),
            ("layout", letters),
            ("groups", _whole(groups, "groups")),
            ("stride", _strides(stride, letters)),
            ("transposed", transposed),
        ):
            object.__setattr__(self, name, value)
        self._check_groups()

    def _check_groups(self) -> None:
        if self.groups == 1:
            return
        if "M" in self.layout:
            missing = "the letter M already says that each input channel is a group"
            raise ParameterError(f"groups={self.groups} with layout {self.layout}", missing, "Leave it out.")
        split = "I" if self.transposed else "O"
        channels = self._size(split)
        if (channels / self.groups).is_integer is False:
            missing = f"{channels} channels ({split}) do not split into {self.groups} groups"
            remedy = f"The shape {self._shown} needs a number of groups that divides {channels}."
            raise ParameterError(f"groups={self.groups}", missing, remedy)

    @property
    def _shown(self) -> str:
        return f"({', '.join(map(str, self.shape))})"

    def _size(self, letter: str) -> sp.Expr:
        return self.shape[self.layout.index(letter)]

    @property
    def kernel(self) -> tuple[sp.Expr, ...]:
        """The spatial sizes."""
        return tuple(n for letter, n in zip(self.layout, self.shape, strict=True) if letter in SPATIAL)

    @property
    def channels(self) -> Fans:
        """The channels that one unit reads, and the channels that one input feeds."""
        if "M" in self.layout:
            return Fans(sp.S.One, self._size("M"))
        into, out = self._size("I"), self._size("O")
        return Fans(into / self.groups, out) if self.transposed else Fans(into, out / self.groups)

    @property
    def fans(self) -> Fans:
        """The true numbers: of a unit whose kernel meets no border, and on average over the inputs."""
        taps, steps = sp.prod(self.kernel), sp.prod(self.stride)
        into, out = self.channels
        if self.transposed:
            return Fans(into * taps / steps, out * taps)
        return Fans(into * taps, out * taps / steps)

    @property
    def rule(self) -> Fans:
        """What the frameworks read from the shape alone, without groups, strides and transposition."""
        taps = sp.prod(self.kernel)
        outputs_first = self.layout[0] in "OI" and self.layout[1] in "OI" and self.layout != "IO"
        into, out = (self.shape[1], self.shape[0]) if outputs_first else self.shape[-2:]
        return Fans(into * taps, out * taps)

    def within(
        self,
        size: int | Iterable[int],
        padding: int | Iterable[int] | str = 0,
        dilation: int | Iterable[int] = 1,
    ) -> Fans:
        """Return the averages over all units and all inputs of an image, where the border cuts sums short.

        Args:
            size: of the image along each spatial axis, or one number for all.
            padding: zeros on each side, or "same": (kernel - 1) dilation / 2, rounded down.
            dilation: the distance between the taps of the kernel.

        Raises:
            ParameterError: the kernel is larger than the padded image, a size is a symbol, or the
                convolution is transposed.

        Example:
            >>> Connectivity((8, 4, 3, 3)).within(32, padding="same")
            Fans(fan_in=2209/64, fan_out=2209/32)
        """
        if self.transposed:
            raise ParameterError(
                "within(...) of a transposed convolution",
                "not counted",
                "Swap its fans: count the plain one.",
            )
        axes = len(self.kernel)
        sizes, spread = _each(size, axes, "size"), _each(dilation, axes, "dilation")
        taps, steps = ([_number(n, "within") for n in row] for row in (self.kernel, self.stride))
        pads = (
            [(k - 1) * d // 2 for k, d in zip(taps, spread, strict=True)]
            if padding == "same"
            else _each(padding, axes, "padding", least=0)
        )
        into, out = self.channels
        for n, k, s, d, p in zip(sizes, taps, steps, spread, pads, strict=True):
            units = (n + 2 * p - d * (k - 1) - 1) // s + 1
            if units < 1:
                missing = f"a kernel of {k} taps does not fit into {n} places"
                raise ParameterError(f"within({size!r:.40})", missing, "Give a larger image, or padding.")
            met = sum(_meetings(p - tap * d, n, s, units) for tap in range(k))
            into, out = into * sp.Rational(met, units), out * sp.Rational(met, n)
        return Fans(into, out)

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        """The symbols in its sizes."""
        sizes = (*self.shape, self.groups, *self.stride)
        return frozenset().union(*(size.free_symbols for size in sizes))

    def at(self, values: Mapping[sp.Symbol | str, ScalarLike]) -> Connectivity:
        """The same connections with numbers for symbols."""
        exact = {symbol(s) if isinstance(s, str) else s: scalar(v, str(s)) for s, v in values.items()}
        shape, stride = (tuple(substitute(n, exact) for n in row) for row in (self.shape, self.stride))
        return Connectivity(shape, self.layout, substitute(self.groups, exact), stride, self.transposed)

    def __str__(self) -> str:
        named = ", ".join(f"{letter}={n}" for letter, n in zip(self.layout, self.shape, strict=True))
        more = [f"groups={self.groups}"] if self.groups != 1 else []
        more += [f"stride={self.stride[0]}" if len(set(self.stride)) == 1 else f"stride={self.stride}"] * any(
            step != 1 for step in self.stride
        )
        return ", ".join([named, *more, *["transposed"] * self.transposed])


def _whole(value: object, what: str) -> sp.Expr:
    size = scalar(value, what)
    if size.is_positive is False or size.is_integer is False or (size.is_number and not size.is_Integer):
        missing = "a size is a whole number of at least 1"
        raise ParameterError(f"{what}={size}", missing, "Give a positive int, or a name such as 'n'.")
    return size


def _row(given: object) -> tuple[Any, ...] | None:
    """As much of a row as an array has axes, and one more; None if it is none."""
    if isinstance(given, str | bytes | Mapping | Set) or not isinstance(given, Iterable):
        return None
    try:
        return tuple(islice(given, MOST_AXES + 1))
    except TypeError:  # an array without axes
        return None


def _shape(shape: object) -> tuple[sp.Expr, ...]:
    given = _row(shape)
    if given is None:
        remedy = "Give one size per axis, such as (256, 512)."
        raise ParameterError(f"shape={brief(shape, 60)}", "it is no tuple of sizes", remedy)
    if not 2 <= len(given) <= MOST_AXES:
        rank = f"{len(given)}" if len(given) <= MOST_AXES else f"above {MOST_AXES}"
        remedy = "Give (n_out, n_in) for a dense layer, (out, in, height, width) for a convolution."
        missing = f"an array of rank {rank} has no fan_in and fan_out"
        raise ParameterError(f"shape={brief(shape, 60)}", missing, remedy)
    return tuple(_whole(size, "size") for size in given)


def _strides(stride: object, layout: str) -> tuple[sp.Expr, ...]:
    axes = sum(letter in SPATIAL for letter in layout)
    row = _row(stride)
    if row is None:
        return (_whole(stride, "stride"),) * axes
    if len(row) != axes:
        missing = f"{len(row)} strides for {axes} spatial axes of {layout}"
        raise ParameterError(f"stride={brief(stride, 40)}", missing, "Give one stride, or one for each.")
    return tuple(_whole(step, "stride") for step in row)


def _layout(layout: object, sizes: tuple[sp.Expr, ...], transposed: bool) -> str:
    if layout is None:
        usual = LAYOUTS[len(sizes)]
        return f"IO{usual[2:]}" if transposed else usual
    shown = f"layout={brief(layout, 40)}"
    axes = SPATIAL[5 - len(sizes) :]
    good = [f"OI{axes}", f"IO{axes}", *[f"{axes}IO", f"{axes}OI", f"{axes}IM"] * bool(axes)]
    remedy = f"Write {', '.join(map(repr, good[:-1]))} or {good[-1]!r} for {len(sizes)} axes."
    if not isinstance(layout, str) or not layout.isalpha() or not layout.isupper():
        raise ParameterError(shown, "it is no row of capital letters", remedy)
    if len(layout) != len(sizes) or len(set(layout)) != len(layout):
        raise ParameterError(shown, f"it does not name the {len(sizes)} axes of the shape", remedy)
    unknown = [letter for letter in layout if letter not in f"OIM{SPATIAL}"]
    if unknown:
        missing = f"{unknown[0]} names no axis: they are O, I, M and {', '.join(SPATIAL)}"
        raise ParameterError(shown, missing, remedy)
    if "I" not in layout or ("O" in layout) == ("M" in layout):
        raise ParameterError(shown, "it needs one I, and one of O and M", remedy)
    if {*layout[:2]} != {"O", "I"} and {*layout[-2:]} not in ({"O", "I"}, {"I", "M"}):
        raise ParameterError(shown, "its channels are neither the first two axes nor the last two", remedy)
    return layout


def _meetings(offset: int, places: int, step: int, units: int) -> int:
    """The number of units u from 0 on for which 0 <= u step - offset < places."""
    first, last = max(-(-offset // step), 0), min((places - 1 + offset) // step, units - 1)
    return max(last - first + 1, 0)


def _number(value: sp.Expr, what: str) -> int:
    if not value.is_Integer:
        raise ParameterError(f"{what}(...)", f"the size {value} has no value", "Give at={...} first.")
    return int(value)


def _each(value: object, axes: int, what: str, least: int = 1) -> list[int]:
    values: list[Any] = (
        list(value) if isinstance(value, Iterable) and not isinstance(value, str) else [value] * axes
    )
    good = all(isinstance(n, int) and not isinstance(n, bool) and least <= n <= MOST_PLACES for n in values)
    if len(values) != axes or not good:
        missing = f"{axes} whole numbers from {least} to {MOST_PLACES} are needed"
        raise ParameterError(f"{what}={value!r:.40}", missing, "Give one number, or one for each axis.")
    return values
