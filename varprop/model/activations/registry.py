"""Activations by name: `activation("celu(2)")`."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Iterable
from typing import Any

import sympy as sp

from varprop.errors import ParameterError, ParseError, brief
from varprop.model.activations.base import Activation
from varprop.model.activations.custom import from_callable, from_formula, polynomial
from varprop.model.activations.homogeneous import abs_, identity, leaky_relu, prelu, relu, relu2, step
from varprop.model.activations.kinked import (
    celu,
    elu,
    hardsigmoid,
    hardswish,
    hardtanh,
    relu6,
    selu,
    softsign,
)
from varprop.model.activations.smooth import (
    cos,
    erf,
    exp,
    gelu,
    gelu_tanh,
    mish,
    sigmoid,
    silu,
    sin,
    softplus,
    square,
    tanh,
)
from varprop.model.calls import explained
from varprop.model.scalars import parse_tree, read_scalar

__all__ = ["NAMED", "REGISTERED", "activation"]

NAMED: dict[str, Callable[..., Any]] = {
    "abs": abs_,
    "celu": celu,
    "cos": cos,
    "elu": elu,
    "erf": erf,
    "exp": exp,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "hardsigmoid": hardsigmoid,
    "hardswish": hardswish,
    "hardtanh": hardtanh,
    "identity": identity,
    "leaky_relu": leaky_relu,
    "mish": mish,
    "polynomial": polynomial,
    "prelu": prelu,
    "relu": relu,
    "relu2": relu2,
    "relu6": relu6,
    "selu": selu,
    "sigmoid": sigmoid,
    "silu": silu,
    "sin": sin,
    "softplus": softplus,
    "softsign": softsign,
    "square": square,
    "step": step,
    "swish": silu,
    "tanh": tanh,
}
"""Activations by the names that a text may use; each maps a distribution to a distribution, and those with
parameters also map parameters to an activation."""

REGISTERED: tuple[Activation, ...] = tuple(
    dict.fromkeys(
        made if isinstance(made, Activation) else made() for made in NAMED.values() if made is not polynomial
    )
)
"""Each of them once, with its usual parameters; a polynomial has none that are usual."""


@explained
def activation(
    given: Any, kinks: Iterable[float] | None = None, growth: int | None = None, name: str = ""
) -> Activation:
    """The activation that a name, a formula or a function stands for.

    Args:
        given: a text such as "gelu", "leaky_relu(0.01)" or "celu(2)"; a SymPy expression in one symbol; a
            vectorized callable; or an Activation, which is returned.
        kinks: for callables, where it or its derivative jumps; found between -10 and 10 if not given.
        growth: for formulas and callables, a whole number d with |phi(x)| <= C (1 + |x|^d): derivations need
            it where no closed form is known.
        name: what a formula or a callable is called.

    Raises:
        ParameterError: it is none of these, a parameter lies outside its domain, a callable is not vectorized
            or not finite, a kink is no number, or kinks, growth or name are given with what has its own.
        ParseError: no activation has this name; the message names the nearest.

    Example:
        >>> print(activation("celu(2)"), activation("swish"), activation("relu^2"))
        celu(2) silu relu2
        >>> activation("gleu")
        Traceback (most recent call last):
        ...
        varprop.errors.ParseError: activation='gleu': gleu is not an activation. Did you mean gelu?
    """
    if isinstance(given, Activation | str):
        _refuse(given, kinks=kinks, growth=growth, name=name or None)
        return _read(given) if isinstance(given, str) else given
    if isinstance(growth, bool) or not (growth is None or (isinstance(growth, int) and growth >= 0)):
        raise ParameterError(f"growth={growth!r:.40}", "it is no whole number from 0 on")
    if isinstance(given, sp.Expr):
        _refuse(given, kinks=kinks)
        return from_formula(given, growth, name)
    if any(given is made for made in NAMED.values()):
        _refuse(given, kinks=kinks, growth=growth, name=name or None)
        return given()  # type: ignore[no-any-return]
    if callable(given):
        return from_callable(given, kinks, growth, name)
    raise ParameterError(
        f"activation {brief(given)}",
        "it is no name, formula or function",
        'Write "gelu" or "leaky_relu(0.01)".',
    )


def _refuse(given: Any, **settings: Any) -> None:
    """What a name or a formula brings itself is not given once more."""
    for setting, value in settings.items():
        if value is not None:
            raise ParameterError(
                f"activation {brief(given)}: {setting}={value!r:.40}",
                f"it brings its own {setting}",
                f"Leave {setting} out, or give a callable.",
            )


def _read(text: str) -> Activation:
    if text.replace("**", "^").replace(" ", "") == "relu^2":
        return relu2
    tree = parse_tree(text, "activation")
    head, arguments = (tree.func, tree.args) if isinstance(tree, ast.Call) else (tree, [])
    if not isinstance(head, ast.Name) or (isinstance(tree, ast.Call) and tree.keywords):
        raise ParseError(f"activation={brief(text)}", "it is no name", 'Write "gelu" or "leaky_relu(0.01)".')
    name = head.id
    if name not in NAMED:
        words = {word.lower(): word for word in NAMED}
        close = difflib.get_close_matches(name.lower(), words, n=1, cutoff=0.6)
        remedy = f"Did you mean {words[close[0]]}?" if close else f"There are {', '.join(NAMED)}."
        raise ParseError(f"activation={brief(text)}", f"{name:.60} is not an activation", remedy)
    found = NAMED[name]
    if isinstance(found, Activation):
        if isinstance(tree, ast.Call):
            raise ParseError(f"activation={brief(text)}", f"{name} takes no parameters", f'Write "{name}".')
        return found
    made = found(*(read_scalar(node, text, "activation") for node in arguments))
    assert isinstance(made, Activation)
    return made
