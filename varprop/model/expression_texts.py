"""Text as a random expression, by a whitelist; nothing is ever evaluated."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from typing import Any

import sympy as sp

from varprop.errors import ExpressionError, ParseError
from varprop.model.activations import NAMED, Activation
from varprop.model.axes import Axis
from varprop.model.calls import explained
from varprop.model.expressions import Expression, sum_over
from varprop.model.scalars import FUNCTIONS, parse_tree, read_scalar
from varprop.model.variables import RandomVariable

__all__ = ["parse_expression"]

MAX_POWER = 16
MAX_AXES = 6
SUM = "sum"
_REMEDY = "Write 'sum(i, w[i]*relu(h[i])) + b', for example."


@explained
def parse_expression(
    text: str, laws: Mapping[str, object], sizes: Mapping[str, object] | None = None
) -> Expression:
    """Read a random expression such as `"sum(i, w[i]*relu(h[i])) + b"`.

    The language has numbers, names, `+ - * /`, whole powers `**`, activations by name, places in brackets
    (`w[i]`, `W[j, i]`) and sums over an axis, `sum(i, ...)`.

    Args:
        text: the expression.
        laws: the distribution of every random name; all other names are scalar symbols.
        sizes: the number of places of every axis; by default n for one axis i, else n_i for each axis i.

    Raises:
        ParseError: the text is not in this language, or beyond the stated bounds.
        ParameterError: a distribution or a size is none.

    Example:
        >>> z = parse_expression("sum(i, w[i]*relu(h[i]))", {"w": "Normal(variance=2/n)", "h": "Normal()"})
        >>> z
        sum_i w_i*relu(h_i)
        >>> parse_expression("rleu(x)", {"x": "Normal()"})
        Traceback (most recent call last):
        ...
        varprop.errors.ParseError: expression='rleu(x)': the function 'rleu' is not known. Did you mean relu?
    """
    tree = parse_tree(text, "expression")
    reader = _Reader(text, dict(laws), dict(sizes or {}))
    try:
        read = reader.read(tree)
    except (RecursionError, MemoryError):
        raise reader.refuse("nested too deep", "Build it from smaller parts.") from None
    if not isinstance(read, Expression):
        raise reader.refuse("nothing in it is random", "Give a law to a name in it, such as x=Normal().")
    unused = [name for name in laws if name not in reader.variables]
    if unused:
        raise reader.refuse(f"{unused[0]} has a law and does not occur", "Leave its law out.")
    unknown = [axis for axis in reader.sizes if axis not in reader.axes]
    if unknown:
        raise reader.refuse(f"no axis is called {unknown[0]}", "Leave its size out.")
    return read


class _Reader:
    """Walks a syntax tree; what it does not know, it refuses."""

    def __init__(self, text: str, laws: dict[str, object], sizes: dict[str, object]) -> None:
        self.text, self.laws, self.sizes = text, laws, sizes
        tree = parse_tree(text, "expression")
        self.several = len({name for node in ast.walk(tree) for name in _axis_names(node)}) > 1
        self.axes: dict[str, Axis] = {}
        self.variables: dict[str, RandomVariable] = {}
        self.places: dict[str, tuple[str, ...]] = {}

    def refuse(self, missing: str, remedy: str = _REMEDY) -> ParseError:
        return ParseError(f"expression={self.text!r:.80}", missing, remedy)

    def read(self, node: ast.expr) -> Expression | sp.Expr:
        if not self.is_random(node):
            return read_scalar(node, self.text, "expression")
        match node:
            case ast.Name():
                return self.variable(node.id, ())
            case ast.Subscript(value=ast.Name(id=name), slice=place):
                return self.variable(name, self.indices(place))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -self.read(operand)
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
            case ast.BinOp(op=ast.Pow(), left=base, right=exponent):
                return self.power(base, exponent)
            case ast.BinOp():
                return self.operation(node)
            case ast.Call():
                return self.call(node)
        raise self.refuse(f"{ast.unparse(node)!r:.60} is not allowed here")

    def is_random(self, node: ast.expr) -> bool:
        """Whether anything below is no scalar: a random name, a place, or a call that scalars do not have."""
        for part in ast.walk(node):
            if isinstance(part, ast.Subscript) or (isinstance(part, ast.Name) and part.id in self.laws):
                return True
            if isinstance(part, ast.Call):
                name = part.func.id if isinstance(part.func, ast.Name) else ""
                if name not in FUNCTIONS:
                    return True
        return False

    def operation(self, node: ast.BinOp) -> Expression | sp.Expr:
        left, right = self.read(node.left), self.read(node.right)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div() if not isinstance(right, Expression):
                return left / right
            case ast.Div():
                raise self.refuse("nothing is divided by what is random", "Give the quotient a law instead.")
        raise self.refuse(f"the sign in {ast.unparse(node)!r:.60} is not allowed", "Write ** for a power.")

    def power(self, base: ast.expr, exponent: ast.expr) -> Expression | sp.Expr:
        if self.is_random(exponent):
            raise self.refuse("an exponent is random", "Use a whole number.")
        power = read_scalar(exponent, self.text, "expression")
        if not power.is_Integer or not 0 <= power <= MAX_POWER:
            raise self.refuse(f"the power {power} is no whole number from 0 to {MAX_POWER}")
        return self.read(base) ** int(power)

    def call(self, node: ast.Call) -> Expression | sp.Expr:
        if node.keywords:
            raise self.refuse("keywords are not allowed here")
        if isinstance(node.func, ast.Name) and node.func.id == SUM:
            return self.sum(node.args)
        activation = self.activation(node.func)
        if len(node.args) != 1:
            raise self.refuse(f"{ast.unparse(node.func):.40} is applied to one expression")
        argument = self.read(node.args[0])
        if not isinstance(argument, Expression):
            raise self.refuse(f"{ast.unparse(node):.60} is not random", "Write its value.")
        return activation(argument)

    def activation(self, node: ast.expr) -> Activation:
        """An activation by its name, or by name and parameters: `leaky_relu(1/10)(...)`."""
        arguments: list[sp.Expr] = []
        if isinstance(node, ast.Call) and not node.keywords:
            arguments = [read_scalar(argument, self.text, "expression") for argument in node.args]
            node = node.func
        name = node.id if isinstance(node, ast.Name) else ast.unparse(node)
        known: Any = NAMED.get(name) if isinstance(node, ast.Name) else None
        if known is None:
            close = difflib.get_close_matches(name, [*NAMED, SUM], n=1)
            remedy = f"Did you mean {close[0]}?" if close else f"Known are {SUM}, {', '.join(NAMED)}."
            raise self.refuse(f"the function {name!r:.40} is not known", remedy)
        if arguments and isinstance(known, Activation):
            raise self.refuse(f"{name} takes no parameters", f"Write {name}(x).")
        if arguments:
            try:
                known = known(*arguments)
            except TypeError as problem:
                raise self.refuse(f"{name}: {problem}") from None
        if not isinstance(known, Activation):
            raise self.refuse(f"{name} needs its parameters first", f"Write {name}(1/10)(x).")
        return known

    def sum(self, arguments: list[ast.expr]) -> Expression:
        if len(arguments) != 2 or not isinstance(arguments[0], ast.Name):
            raise self.refuse("a sum has the form sum(i, ...)")
        body = self.read(arguments[1])
        if not isinstance(body, Expression):
            raise self.refuse(f"{ast.unparse(arguments[1]):.60} is not random", "Write it as a product.")
        return sum_over(self.axis(arguments[0].id), body)

    def axis(self, name: str) -> Axis:
        if name in self.laws:
            raise self.refuse(f"{name} is random, so it is no axis", "Use another letter.")
        if name not in self.axes:
            if len(self.axes) >= MAX_AXES:
                raise self.refuse(f"more than {MAX_AXES} axes", "Build it from smaller parts.")
            default = f"n_{name}" if self.several else "n"
            self.axes[name] = Axis(name, self.sizes.get(name, default))
        return self.axes[name]

    def indices(self, place: ast.expr) -> tuple[str, ...]:
        parts = place.elts if isinstance(place, ast.Tuple) else [place]
        names = [part.id for part in parts if isinstance(part, ast.Name)]
        if len(names) < len(parts) or len(set(names)) < len(names) or not names:
            raise self.refuse(
                f"[{ast.unparse(place)}] does not name different axes", "Write w[i] or W[j, i]."
            )
        return tuple(names)

    def variable(self, name: str, places: tuple[str, ...]) -> Expression:
        if name not in self.laws:
            raise self.refuse(f"{name} has no law", f"Give it one, such as {name}=Normal().")
        if name not in self.variables:
            axes = tuple(self.axis(place) for place in places)
            role = "weights" if name.lower().startswith("w") else ""
            try:
                self.variables[name] = RandomVariable(name, self.laws[name], axes=axes, role=role)
            except ExpressionError as problem:
                raise self.refuse(problem.missing or str(problem), problem.remedy) from None
            self.places[name] = places
        if self.places[name] != places:
            met = ", ".join(self.places[name])
            raise self.refuse(f"{name} stands along [{met}] and along [{', '.join(places)}]", "Use one form.")
        return self.variables[name]


def _axis_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Subscript):
        return [part.id for part in ast.walk(node.slice) if isinstance(part, ast.Name)]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == SUM and node.args:
        return [node.args[0].id] if isinstance(node.args[0], ast.Name) else []
    return []
