"""SymPy expressions as text and back, by a whitelist; nothing is ever evaluated as code."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import sympy as sp

from varprop.errors import ParseError, brief
from varprop.model.activations import activation
from varprop.model.gaussian.inert import ActivationAtom, GaussianMean

__all__ = ["read_line", "write_line"]

MOST_CHARACTERS = 1_000_000
MOST_BITS = 1_000_000
LARGEST_GAMMA = 1000
_CALLS: dict[str, Any] = {
    name: getattr(sp, name)
    for name in (
        "Abs Add And Max Min Mul Or Piecewise Pow asinh atan erf erfc erfcinv erfi erfinv exp floor gamma "
        "log loggamma lowergamma sign sinh cosh tanh uppergamma StrictGreaterThan GreaterThan StrictLessThan "
        "LessThan Equality Unequality"
    ).split()
} | {"ExprCondPair": lambda *pair: pair, "GaussianMean": GaussianMean}
_NAMES: dict[str, Any] = {"pi": sp.pi, "E": sp.E, "oo": sp.oo, "true": sp.true, "false": sp.false}
_NAMES |= {"EulerGamma": sp.EulerGamma, "Catalan": sp.Catalan}
_ASSUMPTIONS = frozenset(
    "positive negative nonnegative nonpositive nonzero zero real integer finite extended_real "
    "commutative".split()
)


def write_line(line: sp.Basic) -> str:
    """The line as SymPy spells its tree.

    Example:
        >>> write_line(sp.Symbol("n", positive=True) / 2)
        "Mul(Rational(1, 2), Symbol('n', positive=True))"
    """
    return str(sp.srepr(line))


def read_line(text: object, atoms: Mapping[str, sp.Basic] | None = None) -> Any:
    """The line that `write_line` wrote.

    Args:
        text: the text.
        atoms: what symbols of these names stand for.

    Raises:
        ParseError: anything else, and what would take too long to compute.

    Example:
        >>> read_line("Mul(Rational(1, 2), Symbol('n', positive=True))")
        n/2
    """
    if not isinstance(text, str) or len(text) > MOST_CHARACTERS:
        raise _refused(text, "it is no text, or too long")
    try:
        return _Reader(text, atoms or {}).read(ast.parse(text, mode="eval").body)
    except ParseError:
        raise
    except (
        SyntaxError,
        ValueError,
        TypeError,
        RecursionError,
        MemoryError,
        OverflowError,
        AttributeError,
    ) as error:
        raise _refused(text, f"it is no stored line ({type(error).__name__})") from None


def _product(*parts: sp.Expr) -> sp.Expr:
    """The product; a number in front of a sum stays in front, since SymPy would have distributed it."""
    kept = len(parts) == 2 and parts[0].is_Rational and parts[1].is_Add
    return sp.Mul(*parts, evaluate=not kept)


def _refused(text: object, why: str) -> ParseError:
    return ParseError(f"line {brief(text, 80)}", why, "Give what to_json wrote.")


class _Reader:
    def __init__(self, text: str, atoms: Mapping[str, sp.Basic]) -> None:
        self.text, self.atoms = text, atoms

    def read(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name) and node.id in _NAMES:
            return _NAMES[node.id]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self.call(node.func.id, node)
        if isinstance(node, ast.UnaryOp) and ast.unparse(node) == "-oo":
            return -sp.oo
        raise _refused(self.text, f"{brief(ast.unparse(node), 40)} is not allowed")

    def call(self, name: str, node: ast.Call) -> Any:
        if name == "ActivationAtom":
            return ActivationAtom(activation(str(self.constant(node.args[0]))))
        if name in ("Integer", "Rational", "Float"):
            return self.number(name, node)
        if name == "Symbol":
            return self.symbol(node)
        if name not in _CALLS or node.keywords:
            raise _refused(self.text, f"{name} is not allowed")
        parts = [self.read(part) for part in node.args]
        if name == "Pow" and self.is_huge(*parts):
            raise _refused(self.text, "a power is too large to compute")
        if name.endswith("gamma") and any(part.is_Integer and abs(part) > LARGEST_GAMMA for part in parts):
            raise _refused(self.text, "a gamma function is too large to compute")
        return _product(*parts) if name == "Mul" else _CALLS[name](*parts)

    @staticmethod
    def is_huge(base: sp.Expr, exponent: sp.Expr) -> bool:
        if not (base.is_Rational and exponent.is_Rational):
            return False
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        return bool(bits * abs(exponent) > MOST_BITS) and base not in (0, 1, -1)

    def number(self, name: str, node: ast.Call) -> Any:
        given = [self.constant(part) for part in node.args]
        options = {str(option.arg): self.constant(option.value) for option in node.keywords}
        if name == "Float" and isinstance(given[0], str) and set(options) <= {"precision"}:
            return sp.Float(given[0], precision=min(int(options.get("precision", 53)), 1000))
        if all(type(part) is int for part in given) and not options:
            return {"Integer": sp.Integer, "Rational": sp.Rational}[name](*given)
        raise _refused(self.text, f"{brief(ast.unparse(node), 40)} is no number")

    def symbol(self, node: ast.Call) -> Any:
        [name] = (self.constant(part) for part in node.args)
        assumptions = {str(option.arg): self.constant(option.value) for option in node.keywords}
        if not isinstance(name, str) or not set(assumptions) <= _ASSUMPTIONS:
            raise _refused(self.text, f"{brief(ast.unparse(node), 40)} is no symbol")
        if name in self.atoms:
            return self.atoms[name]
        return sp.Symbol(name, **assumptions)

    def constant(self, node: ast.expr) -> Any:
        if (
            isinstance(node, ast.UnaryOp)
            and isinstance(node.op, ast.USub)
            and isinstance(node.operand, ast.Constant)
        ):
            return -node.operand.value  # type: ignore[operator]
        if isinstance(node, ast.Constant):
            return node.value
        raise _refused(self.text, f"{brief(ast.unparse(node), 40)} is no constant")
