"""What the initializers of all frameworks become: a frozen `draw(seed) -> array` that knows its shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from varprop.errors import ParameterError, SamplingError
from varprop.networks.connectivity import Connectivity

__all__ = ["SEEDS", "FrameworkDraw", "as_shape", "missing", "options_of"]

Array: TypeAlias = npt.NDArray[np.float64]

SEEDS = 2**31
"""Every framework takes a seed below it."""


@dataclass(frozen=True)
class FrameworkDraw:
    """An initializer of a framework on one shape: `draw(seed)` is what the framework would fill it with.

    Args:
        framework: "torch", "jax" or "keras".
        name: what the framework calls it, such as "kaiming_uniform_" or "Linear".
        shape: the shape of the array.
        layout: one letter per axis, as for `Connectivity`: "OI" in PyTorch, "IO" in JAX and Keras.
        options: the keywords it was given.
        made: maps a seed to the framework's array.
        groups, stride: of the convolution.
        transposed: whether the kernel is that of a transposed convolution.

    Raises:
        SamplingError: the seed is no whole number from 0 to 2^31 - 1, or the framework returns something else
            than an array of that shape.
    """

    framework: str
    name: str
    shape: tuple[int, ...]
    layout: str
    options: tuple[tuple[str, Any], ...]
    made: Callable[[int], Any] = field(repr=False, compare=False)
    groups: int = 1
    stride: int | tuple[int, ...] = 1
    transposed: bool = False

    def __call__(self, seed: int) -> Array:
        """Draw the array that belongs to a seed, as float64."""
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < SEEDS:
            remedy = "Give a whole number from 0 to 2^31 - 1."
            raise SamplingError(f"draw of {self} with seed={seed!r:.40}", "it is no seed", remedy)
        drawn = np.asarray(self.made(int(seed)), dtype=np.float64)
        if drawn.shape != self.shape:
            raise SamplingError(
                f"draw of {self}", f"it has the shape {drawn.shape}", f"{self.shape} was asked."
            )
        return drawn

    @property
    def connectivity(self) -> Connectivity:
        """What the array connects.

        Raises:
            ParameterError: the shape has no fans.
        """
        return Connectivity(self.shape, self.layout or None, self.groups, self.stride, self.transposed)

    def __str__(self) -> str:
        return f"{self.framework}: {self.call}"

    @property
    def call(self) -> str:
        """How it is called: a layer by its arguments, an initializer by its shape and options."""
        positions = [str(value) for name, value in self.options if name.isdigit()]
        named = [f"{name}={value!r}" for name, value in self.options if not name.isdigit()]
        more = [f"groups={self.groups}"] if self.groups != 1 and not positions else []
        return f"{self.name}({', '.join([*(positions or [str(self.shape)]), *named, *more])})"


def as_shape(shape: object) -> tuple[int, ...]:
    """A shape of whole numbers from 1 on.

    Raises:
        ParameterError: it is none.
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else ()
    good = all(isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n > 0 for n in sizes)
    if not sizes or not good:
        remedy = "Give positive whole numbers, such as (256, 784)."
        raise ParameterError(f"shape={shape!r:.60}", "it is no shape of an array", remedy)
    return tuple(map(int, sizes))


def options_of(options: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Keywords in a fixed order, as part of a value."""
    return tuple(sorted(options.items()))


def missing(framework: str, error: ImportError) -> ParameterError:
    """The error of a framework that is not installed."""
    return ParameterError(f"initializers of {framework}", str(error), f"Install it: pip install {framework}.")
