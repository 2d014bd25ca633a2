"""PyTorch's initializers and default layers as `draw(seed) -> array`."""

from __future__ import annotations

import difflib
import inspect
from typing import Any

from varprop.errors import ParameterError
from varprop.interop.draws import FrameworkDraw, as_shape, missing, options_of

__all__ = ["INITIALIZERS", "LAYERS", "initializer", "layer"]

INITIALIZERS: tuple[str, ...] = (
    "constant_",
    "dirac_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
)
"""The names in torch.nn.init."""

LAYERS: dict[str, str] = {
    "Linear": "OI",
    "Conv1d": "OIW",
    "Conv2d": "OIHW",
    "Conv3d": "OIDHW",
    "ConvTranspose1d": "IOW",
    "ConvTranspose2d": "IOHW",
    "ConvTranspose3d": "IODHW",
    "Embedding": "IO",
}
"""Layers with a parameter called weight, and the order of its axes."""

_LAYOUTS = {2: "OI", 3: "OIW", 4: "OIHW", 5: "OIDHW"}


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
    """Return a function of torch.nn.init as a draw; a shape is (out, in, ...), as in PyTorch.

    Args:
        name: such as "kaiming_uniform_"; the underscore may be left out.
        shape: of the tensor to fill.
        layout: one letter per axis; outputs first if not given.
        groups, stride: of the convolution that the kernel belongs to.
        transposed: whether that convolution is transposed.
        **options: what the function takes: a, mode, nonlinearity, gain, std, ...

    Raises:
        ParameterError: torch is not installed, or has no such initializer.
    """
    sizes = as_shape(shape)
    known = name if name in INITIALIZERS else f"{name}_"
    if known not in INITIALIZERS:
        close = difflib.get_close_matches(str(name), INITIALIZERS, n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"The names are {', '.join(INITIALIZERS)}."
        raise ParameterError(f"torch.nn.init.{name!s:.40}", "there is none of this name", remedy)
    torch = _torch()
    function = getattr(torch.nn.init, known)
    seeded = "generator" in inspect.signature(function).parameters

    def made(seed: int) -> Any:
        # sparse_ shuffles by the global generator whatever generator it is given, so both are seeded
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            source = {"generator": torch.Generator().manual_seed(seed)} if seeded else {}
            return function(torch.empty(sizes), **source, **options).numpy()

    _tried(f"torch.nn.init.{known}", made)
    order = layout or _LAYOUTS.get(len(sizes), "")
    return FrameworkDraw("torch", known, sizes, order, options_of(options), made, groups, stride, transposed)


def layer(name: str, *arguments: Any, **options: Any) -> FrameworkDraw:
    """Return the weight that a layer of torch.nn has when it is made; the global generator is left alone.

    Args:
        name: "Linear", "Conv2d", "ConvTranspose2d", "Embedding", ...
        *arguments: of the layer, such as in_features and out_features.
        **options: of the layer: groups, stride, bias, ...

    Raises:
        ParameterError: torch is not installed, has no such layer, or refuses the arguments.
    """
    if name not in LAYERS:
        close = difflib.get_close_matches(str(name), LAYERS, n=1)
        remedy = f"Did you mean {close[0]}?" if close else f"The layers are {', '.join(LAYERS)}."
        raise ParameterError(f"torch.nn.{name!s:.40}", "it is not covered", remedy)
    torch = _torch()
    kind = getattr(torch.nn, name)

    def build(seed: int) -> Any:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return kind(*arguments, **options)

    first = _tried(f"torch.nn.{name}", build)
    return FrameworkDraw(
        "torch",
        name,
        tuple(first.weight.shape),
        LAYERS[name],
        options_of({str(position): value for position, value in enumerate(arguments)} | options),
        lambda seed: build(seed).weight.detach().numpy(),
        getattr(first, "groups", 1),
        getattr(first, "stride", 1),
        getattr(first, "transposed", False),
    )


def _torch() -> Any:
    try:
        import torch  # noqa: PLC0415
    except ImportError as error:
        raise missing("torch", error) from None
    return torch


def _tried(name: str, made: Any) -> Any:
    try:
        return made(0)
    except (TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ParameterError(name, f"torch refuses: {error}", "See its signature.") from None
