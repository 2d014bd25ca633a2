"""Text and foreign objects as distributions, by a whitelist; nothing is ever evaluated."""

from __future__ import annotations

import ast
import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import cache
from numbers import Number
from typing import Any, TypeAlias

import numpy as np
import sympy as sp

from varprop.errors import ParameterError, ParseError, brief
from varprop.model.calls import explained
from varprop.model.distributions import (
    DISTRIBUTIONS,
    Constant,
    Distribution,
    FrozenScipy,
    from_sympy_stats,
    is_frozen_scipy,
    is_sympy_stats,
)
from varprop.model.scalars import FUNCTIONS, parse_tree, read_scalar

__all__ = ["as_distribution", "parse_distribution"]

Activations: TypeAlias = Mapping[str, Callable[..., Any]]

MAX_DEPTH = 8

_signature = cache(inspect.signature)
_EXAMPLE = "Write 'Normal(variance=1/n)', for example."


@explained
def as_distribution(value: object, activations: Activations | None = None) -> Distribution:
    """The distribution that `value` stands for.

    Args:
        value: a Distribution, a text, a number or scalar (a constant), a frozen distribution of scipy.stats,
            or a random symbol of sympy.stats.
        activations: callables by the names that a text may use, each from a distribution to a distribution.

    Raises:
        ParameterError: none of these.
        ParseError: a text that is not in the language of `parse_distribution`.

    Example:
        >>> as_distribution("Uniform(0, 1)"), as_distribution(0.5)
        (Uniform(low=0, high=1), Constant(value=1/2))
    """
    if isinstance(value, Distribution):
        return value
    if isinstance(value, str):
        return parse_distribution(value, activations)
    if is_sympy_stats(value):
        return from_sympy_stats(value)
    if is_frozen_scipy(value):
        return FrozenScipy(value)
    if isinstance(value, (Number, np.number, sp.Expr)):
        return Constant(value)
    raise ParameterError(
        f"{brief(value)} as a distribution",
        f"{type(value).__name__} does not stand for one",
        f"{_EXAMPLE} A joint law such as Empirical(data) belongs to a RandomVector.",
    )


@explained
def parse_distribution(text: str, activations: Activations | None = None) -> Distribution:
    """Read a text such as `"Normal(variance=1/n)"` or `"relu(Uniform(-1, 1))"`.

    Args:
        text: the name of a distribution and its arguments; a scalar alone is a constant. An activation may be
            applied to it: `relu(...)`, or with parameters `leaky_relu(1/10)(...)`.
        activations: the callables of those names.

    Raises:
        ParseError: anything else, and texts beyond the stated bounds.
        ParameterError: a parameter outside its domain.

    Example:
        >>> parse_distribution("Mixture([Normal(), Constant(0)], weights=[0.9, 0.1])").variance
        9/10
        >>> parse_distribution("Norml()")
        Traceback (most recent call last):
        ...
        varprop.errors.ParseError: distribution='Norml()': Norml is not a distribution. Did you mean Normal?
    """
    tree = parse_tree(text, "distribution")
    try:
        return _Reader(text, activations or {}).distribution(tree, 0)
    except (RecursionError, MemoryError):
        raise ParseError(
            f"distribution={brief(text)}", "nested too deep", "Build it from smaller parts."
        ) from None


class _Reader:
    """Walks a syntax tree; what it does not know, it refuses."""

    def __init__(self, text: str, activations: Activations) -> None:
        self.text, self.activations = text, activations

    def refuse(self, missing: str, remedy: str = _EXAMPLE) -> ParseError:
        return ParseError(f"distribution={brief(self.text)}", missing, remedy)

    def distribution(self, node: ast.expr, depth: int) -> Distribution:
        if depth > MAX_DEPTH:
            raise self.refuse(f"nested deeper than {MAX_DEPTH}", "Build it from smaller parts.")
        if isinstance(node, ast.Name) and self.is_word(node.id):
            node = ast.Call(func=node, args=[], keywords=[])
        if not isinstance(node, ast.Call):
            return Constant(self.scalar(node))
        if isinstance(node.func, ast.Call):
            return self.applied(self.activation(node.func, depth), node, depth)
        if not isinstance(node.func, ast.Name):
            raise self.refuse(f"{brief(ast.unparse(node), 60)} is not allowed here")
        name = node.func.id
        if name in DISTRIBUTIONS:
            return self.built(DISTRIBUTIONS[name], node, depth)
        if name in self.activations:
            return self.applied(self.activations[name], node, depth)
        if name in FUNCTIONS:
            return Constant(self.scalar(node))
        raise self.unknown(name)

    def is_word(self, name: str) -> bool:
        """Whether a bare name is meant as a distribution: it is one, or nearly one."""
        return name in DISTRIBUTIONS or (len(name) > 3 and bool(self.close(name)))

    def close(self, name: str) -> list[str]:
        words = {word.lower(): word for word in (*DISTRIBUTIONS, *self.activations)}
        return [words[word] for word in difflib.get_close_matches(name.lower(), words, n=1, cutoff=0.75)]

    def unknown(self, name: str) -> ParseError:
        close = self.close(name)
        known = ", ".join(DISTRIBUTIONS)
        remedy = f"Did you mean {close[0]}?" if close else f"The distributions are {known}."
        return self.refuse(f"{name:.60} is not a distribution", remedy)

    def activation(self, node: ast.Call, depth: int) -> Callable[..., Any]:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in self.activations:
            raise self.unknown(name or ast.unparse(node.func))
        if node.keywords:
            raise self.refuse(f"{name} takes no keywords here", f"Write {name}(1/10)(Normal()).")
        made = self.called(self.activations[name], name, [self.scalar(arg) for arg in node.args], {})
        if not callable(made):
            raise self.refuse(f"{name} takes no parameters", f"Write {name}(Normal()).")
        return made  # type: ignore[no-any-return]

    def applied(self, activation: Callable[..., Any], node: ast.Call, depth: int) -> Distribution:
        shown = ast.unparse(node.func)
        if len(node.args) != 1 or node.keywords:
            raise self.refuse(f"{shown:.60} is applied to one distribution", f"Write {shown}(Normal()).")
        made = self.called(activation, shown, [self.distribution(node.args[0], depth + 1)], {})
        if not isinstance(made, Distribution):
            raise self.refuse(f"{shown:.60} needs its parameters first", f"Write {shown}(1/10)(Normal()).")
        return made

    def built(self, cls: type[Distribution], node: ast.Call, depth: int) -> Distribution:
        if any(keyword.arg is None for keyword in node.keywords):
            raise self.refuse("** is not allowed here")
        given = [keyword.arg for keyword in node.keywords]
        if len(set(given)) < len(given):
            raise self.refuse(f"{cls.__name__}: a parameter is given twice", "Give it once.")
        takes = _signature(cls)
        names = list(takes.parameters)
        unknown = [keyword.arg for keyword in node.keywords if keyword.arg not in names]
        if unknown:
            close = difflib.get_close_matches(str(unknown[0]), names, n=1)
            known = f"It takes {', '.join(names)}." if names else "It takes none."
            remedy = f"Did you mean {close[0]}?" if close else known
            raise self.refuse(f"{cls.__name__} has no parameter {unknown[0]:.60}", remedy)
        arguments = [self.argument(arg, depth) for arg in node.args]
        keywords = {str(keyword.arg): self.argument(keyword.value, depth) for keyword in node.keywords}
        try:
            takes.bind(*arguments, **keywords)
        except TypeError as error:
            raise self.refuse(
                f"{cls.__name__}: {error}", f"It takes {', '.join(names) or 'nothing'}."
            ) from None
        return self.called(cls, cls.__name__, arguments, keywords)  # type: ignore[no-any-return]

    def called(
        self, function: Callable[..., Any], name: str, args: list[Any], keywords: dict[str, Any]
    ) -> Any:
        try:
            return function(*args, **keywords)
        except TypeError as error:
            raise self.refuse(f"{name:.60}: {error}") from None

    def argument(self, node: ast.expr, depth: int) -> Any:
        """A scalar, a nested distribution, a list of either, a mapping of orders to scalars, or a flag."""
        if isinstance(node, ast.Constant) and (node.value is None or isinstance(node.value, bool)):
            return node.value
        if isinstance(node, (ast.List, ast.Tuple)):
            if depth > MAX_DEPTH:
                raise self.refuse(f"nested deeper than {MAX_DEPTH}", "Build it from smaller parts.")
            return [self.argument(part, depth + 1) for part in node.elts]
        if isinstance(node, ast.Dict) and all(key is not None for key in node.keys):
            pairs = zip(node.keys, node.values, strict=True)
            return {self.scalar(key): self.scalar(value) for key, value in pairs if key is not None}
        head = node.func if isinstance(node, ast.Call) else node
        head = head.func if isinstance(head, ast.Call) else head
        named = isinstance(head, ast.Name) and head.id in (*DISTRIBUTIONS, *self.activations)
        if named or (
            isinstance(node, ast.Call) and not (isinstance(head, ast.Name) and head.id in FUNCTIONS)
        ):
            return self.distribution(node, depth + 1)
        return self.scalar(node)

    def scalar(self, node: ast.expr) -> sp.Expr:
        return read_scalar(node, self.text, "distribution")
