"""Initializers of deep-learning frameworks by their dotted name; a framework is imported on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from varprop.errors import ParameterError
from varprop.interop import jax, keras, torch
from varprop.interop.draws import FrameworkDraw

__all__ = ["framework_initializer", "framework_initializers"]

_HOMES: dict[str, tuple[Callable[..., FrameworkDraw], tuple[str, ...]]] = {
    "torch.nn.init": (torch.initializer, torch.INITIALIZERS),
    "jax.nn.initializers": (jax.initializer, jax.INITIALIZERS),
    "keras.initializers": (keras.initializer, keras.INITIALIZERS),
}


def framework_initializer(name: str, *arguments: Any, **options: Any) -> FrameworkDraw:
    """Return an initializer or a default layer of a framework as `draw(seed) -> array`.

    Args:
        name: the dotted name: "torch.nn.init.kaiming_uniform_", "torch.nn.Linear",
            "jax.nn.initializers.he_normal", "keras.initializers.HeNormal".
        *arguments: of a layer.
        **options: shape, layout, groups, transposed, and what the initializer itself takes.

    Raises:
        ParameterError: the framework is not installed, or has nothing of this name.

    Example:
        >>> framework_initializer("torch.nn.init.kaiming_norm_", shape=(3, 4))
        Traceback (most recent call last):
        ...
        varprop.errors.ParameterError: torch.nn.init.kaiming_norm_: there is none of this name. Did you mean
        kaiming_normal_?
    """
    home, _, word = str(name).rpartition(".")
    if home == "torch.nn":
        return torch.layer(word, *arguments, **options)
    if home not in _HOMES:
        remedy = f"Write {', '.join(f'{place}.NAME' for place in _HOMES)} or torch.nn.LAYER."
        raise ParameterError(f"framework initializer {name!r:.60}", "its home is not known", remedy)
    if arguments or "shape" not in options:
        raise ParameterError(str(name), "its shape is missing", "Give shape=(256, 784).")
    made, _ = _HOMES[home]
    return made(word, options.pop("shape"), **options)


def framework_initializers(framework: str | None = None) -> tuple[str, ...]:
    """Return the dotted names of all initializers that are covered, of one framework or of all.

    Args:
        framework: "torch", "jax" or "keras".

    Raises:
        ParameterError: it is none of these.

    Example:
        >>> framework_initializers("keras")[3]
        'keras.initializers.HeNormal'
    """
    chosen = [home for home in _HOMES if framework in (None, home.partition(".")[0])]
    if not chosen:
        raise ParameterError(f"framework={framework!r:.40}", "it is not covered", "Use torch, jax or keras.")
    return tuple(f"{home}.{word}" for home in chosen for word in _HOMES[home][1])
