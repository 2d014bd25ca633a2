"""Keras' initializers as `draw(seed) -> array`."""

from __future__ import annotations

import difflib
import importlib.util
import os
import sys
from typing import Any

from varprop.errors import ParameterError
from varprop.interop.draws import FrameworkDraw, as_shape, missing, options_of

__all__ = ["INITIALIZERS", "initializer"]

INITIALIZERS: tuple[str, ...] = (
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
)
"""The classes in keras.initializers that fill weights."""

FIXED = ("Constant", "Identity", "Ones", "Zeros")
"""Those that take no seed."""

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
    """Return an initializer of keras.initializers as a draw; a shape is (in, out) or (..., in, out).

    Where Keras has not been imported and KERAS_BACKEND is not set, the first backend that is installed is
    taken: tensorflow, jax, torch.

    Args:
        name: such as "HeNormal" or "TruncatedNormal"; "he_normal" is the same.
        shape: of the array.
        layout: one letter per axis; outputs last if not given. A depthwise kernel is "HWIM".
        groups, stride: of the convolution that the kernel belongs to.
        transposed: whether that convolution is transposed.
        **options: what the initializer takes: stddev, scale, mode, distribution, gain, ...

    Raises:
        ParameterError: keras or a backend is not installed, or it has no such initializer.
    """
    sizes = as_shape(shape)
    words = {_flat(known): known for known in INITIALIZERS}
    found = words.get(_flat(str(name)))
    if found is None:
        close = difflib.get_close_matches(_flat(str(name)), words, n=1)
        remedy = f"Did you mean {words[close[0]]}?" if close else f"The names are {', '.join(INITIALIZERS)}."
        raise ParameterError(f"keras.initializers.{name!s:.40}", "there is none of this name", remedy)
    keras = _keras()
    kind = getattr(keras.initializers, found)

    def made(seed: int) -> Any:
        given = options if found in FIXED else {**options, "seed": seed}
        return keras.ops.convert_to_numpy(kind(**given)(sizes))

    try:
        made(0)
    except (TypeError, ValueError, IndexError) as error:
        raise ParameterError(
            f"keras.initializers.{found}", f"keras refuses: {error}", "See its signature."
        ) from None
    order = layout or _LAYOUTS.get(len(sizes), "")
    return FrameworkDraw("keras", found, sizes, order, options_of(options), made, groups, stride, transposed)


def _flat(name: str) -> str:
    return name.replace("_", "").lower()


def _keras() -> Any:
    if "keras" not in sys.modules and "KERAS_BACKEND" not in os.environ:
        backends = [name for name in ("tensorflow", "jax", "torch") if importlib.util.find_spec(name)]
        if not backends:
            raise missing("keras", ImportError("none of its backends (tensorflow, jax, torch) is installed"))
        os.environ["KERAS_BACKEND"] = backends[0]
    try:
        import keras  # noqa: PLC0415
    except ImportError as error:
        raise missing("keras", error) from None
    return keras
