"""JAX's initializers as `draw(seed) -> array`."""

from __future__ import annotations

import difflib
from typing import Any

from varprop.errors import ParameterError
from varprop.interop.draws import FrameworkDraw, as_shape, missing, options_of

__all__ = ["INITIALIZERS", "initializer"]

INITIALIZERS: tuple[str, ...] = (
    "constant",
    "delta_orthogonal",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
)
"""The names in jax.nn.initializers."""

READY = ("ones", "zeros")
"""Those that are initializers themselves; all others are called to make one."""

_LAYOUTS = {2: "IO", 3: "WIO", 4: "HWIO", 5: "DHWIO"}


def initializer(
    name: str,
    shape: object,
    *,
    layout: str | None = None,
    groups: int = 1,
    stride: int | tuple[int, ...] = 1,
    transposed: bool = False,
    **options: Any,
) -> FrameworkDraw:
    """Return an initializer of jax.nn.initializers as a draw; a shape is (in, out) or (..., in, out).

    Args:
        name: such as "he_normal" or "truncated_normal".
        shape: of the array.
        layout: one letter per axis; outputs last if not given.
        groups, stride: of the convolution that the kernel belongs to.
        transposed: whether that convolution is transposed.
        **options: what the initializer takes: stddev, scale, mode, distribution, in_axis, ...

    Raises:
        ParameterError: jax is not installed, or has no such initializer.
    """
    sizes = as_shape(shape)
    if name not in INITIALIZERS:
        close = difflib.get_close_matches(str(name), INITIALIZERS, n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"The names are {', '.join(INITIALIZERS)}."
        raise ParameterError(f"jax.nn.initializers.{name!s:.40}", "there is none of this name", remedy)
    try:
        import jax  # noqa: PLC0415
        import jax.nn.initializers as known  # noqa: PLC0415
    except ImportError as error:
        raise missing("jax", error) from None
    try:
        ready = getattr(known, name) if name in READY else getattr(known, name)(**options)

        def made(seed: int) -> Any:
            return ready(jax.random.key(seed), sizes, jax.numpy.float32)

        made(0)
    except (TypeError, ValueError, IndexError) as error:
        raise ParameterError(
            f"jax.nn.initializers.{name}", f"jax refuses: {error}", "See its signature."
        ) from None
    order = layout or _LAYOUTS.get(len(sizes), "")
    return FrameworkDraw("jax", name, sizes, order, options_of(options), made, groups, stride, transposed)
