"""Numbers and symbols: everything that enters varprop as a scalar becomes one exact SymPy expression here."""

from __future__ import annotations

import ast
import difflib
import keyword
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import sympy as sp
from sympy.core.function import Application, AppliedUndef

from varprop.errors import ParameterError, ParseError, brief
from varprop.model.calls import explained
from varprop.model.sizes import MOST_DIGITS, digits, substitute, too_large

__all__ = [
    "ScalarLike",
    "one_meaning_per_name",
    "parse_scalar",
    "scalar",
    "substitute",
    "symbol",
    "symbols_in",
]

ScalarLike: TypeAlias = int | float | str | Fraction | Decimal | np.number | sp.Expr

NUMBER_NAMES: Mapping[str, sp.Expr] = {"pi": sp.pi, "E": sp.E}
FUNCTIONS: Mapping[str, Callable[[sp.Expr], sp.Expr]] = {"sqrt": sp.sqrt, "exp": sp.exp, "log": sp.log}
NOT_FINITE = frozenset({"oo", "zoo", "nan", "inf", "infinity"})
RESERVED = frozenset({"I", *NOT_FINITE, *NUMBER_NAMES, *FUNCTIONS})

MAX_TEXT = 500
MAX_NODES = 200
MAX_DIGITS = 400
MAX_EXPONENT = 64
MAX_NAME = 50

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_LANGUAGE = "Use numbers, names, + - * / **, parentheses, sqrt, exp, log, pi and E."


@explained
def symbol(name: str) -> sp.Symbol:
    """The one symbol of this name: positive, and the same object as the name in a text such as `"1/n"`.

    Args:
        name: a letter, then letters, digits and underscores.

    Raises:
        ParameterError: the name is malformed, or has another meaning (`pi`, `sqrt`, `nan`, `lambda`).

    Example:
        >>> symbol("n") == scalar("n", "size")
        True
        >>> symbol("n").is_positive
        True
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ParameterError(
            f"symbol({brief(name)})",
            "not a name",
            "A name is a letter, then letters, digits and underscores.",
        )
    if name.lower() in NOT_FINITE:
        raise ParameterError(
            f"symbol({name!r})", "this word is no finite number", "Write a finite number, or another name."
        )
    if name in RESERVED or name.lower() in RESERVED or keyword.iskeyword(name):
        raise ParameterError(f"symbol({name!r})", "this word has another meaning", f"Try symbol('{name}_').")
    return sp.Symbol(name, positive=True)


def scalar(value: object, what: str) -> sp.Expr:
    """The exact real scalar that `value` stands for; a Python float enters as the decimal it prints.

    Args:
        value: a number, a text such as `"2/n"`, or a SymPy expression whose symbols are real.
        what: the name of the quantity, for messages.

    Raises:
        ParameterError: not a finite real scalar, or symbols whose meaning is ambiguous.
        ParseError: a text outside the small language of `parse_scalar`.

    Example:
        >>> scalar(0.1, "variance"), scalar("2/n", "variance")
        (1/10, 2/n)
    """
    if isinstance(value, str):
        return parse_scalar(value, what)
    if isinstance(value, (bool, np.bool_)):
        raise ParameterError(f"{what}={value}", "a truth value is not a number", "Write 0 or 1.")
    if isinstance(value, (int, np.integer)):
        return _within_size(sp.Integer(int(value)), what)
    if isinstance(value, Fraction):
        return _within_size(sp.Rational(value.numerator, value.denominator), what)
    if isinstance(value, (float, np.floating)):
        return _from_decimal(Decimal(str(value)), what)
    if isinstance(value, Decimal):
        return _from_decimal(value, what)
    if isinstance(value, sp.Expr):
        return _checked(value, what)
    raise ParameterError(
        f"{what}={brief(value)}",
        f"a scalar was expected, not {type(value).__name__}",
        'Give a number, a text such as "1/n", or a SymPy expression.',
    )


@explained
def parse_scalar(text: str, what: str = "scalar") -> sp.Expr:
    """Read a text such as `"2/(n + 1)"` by a whitelist; nothing is ever evaluated as code.

    Args:
        text: numbers, names (each is `symbol(name)`), `+ - * / **`, parentheses, `sqrt exp log`, `pi`, `E`.
        what: the name of the quantity, for messages.

    Raises:
        ParseError: anything else, and texts, exponents or nestings beyond the stated bounds.

    Example:
        >>> parse_scalar("1/(2*sqrt(n))")
        1/(2*sqrt(n))
    """
    return read_scalar(parse_tree(text, what), text, what)


def symbols_in(holder: Any) -> frozenset[sp.Symbol]:
    """The symbols anywhere in a record: a distribution, an activation, an axis, a tuple of such.

    Example:
        >>> symbols_in((symbol("n") ** 2, 3))
        frozenset({n})
    """
    if hasattr(holder, "free_symbols"):
        return frozenset(holder.free_symbols)
    parts: Iterable[Any] = ()
    if isinstance(holder, (tuple, list)):
        parts = holder
    elif is_dataclass(holder) and not isinstance(holder, type):
        parts = (getattr(holder, field.name) for field in fields(holder))
    return frozenset().union(*map(symbols_in, parts))


def one_meaning_per_name(expressions: Iterable[sp.Basic], what: str) -> None:
    """Refuse two symbols that print alike and are different to SymPy: `n/n` would never cancel.

    Raises:
        ParameterError: two symbols of one name with different assumptions.
    """
    seen: dict[str, sp.Symbol] = {}
    for expression in expressions:
        for symbol_ in expression.free_symbols:
            if seen.setdefault(symbol_.name, symbol_) != symbol_:
                raise ParameterError(
                    what,
                    f"two different symbols are called {symbol_.name}",
                    f"Use varprop.symbol('{symbol_.name}') for both.",
                )


def parse_tree(text: object, what: str) -> ast.expr:
    """The syntax tree of a text from a user, within bounds on length and nodes.

    Raises:
        ParseError: not a text, too long, or not an expression.
    """
    if not isinstance(text, str):
        raise ParseError(
            f"{what}={brief(text)}", f"a text was expected, not {type(text).__name__}", _LANGUAGE
        )
    shown = f"{what}={brief(text)}"
    if len(text) > MAX_TEXT:
        raise ParseError(shown, f"longer than {MAX_TEXT} characters", "Build it from smaller parts.")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        nodes = sum(1 for _ in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ParseError(shown, "not an expression", f"{_LANGUAGE} Products need a sign: 2*n.") from None
    if nodes > MAX_NODES:
        raise ParseError(shown, f"the text has more than {MAX_NODES} parts", "Build it from smaller parts.")
    return tree


def read_scalar(tree: ast.expr, text: str, what: str) -> sp.Expr:
    """The scalar of a syntax tree that `parse_tree` made from `text`.

    Raises:
        ParseError: a node outside the whitelist.
    """
    shown = f"{what}={brief(text)}"
    try:
        return _checked(_Reader(text.strip(), shown).read(tree, MAX_EXPONENT), what)
    except ParameterError as error:
        raise ParseError(shown, error.missing, error.remedy) from None


class _Reader:
    """Walks a syntax tree; what it does not know, it refuses."""

    def __init__(self, text: str, shown: str) -> None:
        self.text, self.shown = text, shown

    def refuse(self, missing: str, remedy: str = _LANGUAGE) -> ParseError:
        return ParseError(self.shown, missing, remedy)

    def read(self, node: ast.expr, budget: int) -> sp.Expr:
        """The value of `node`; `budget` bounds the product of nested exponents, 0 inside an exponent."""
        if isinstance(node, ast.Constant):
            return self.number(node)
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.UAdd, ast.USub)):
            operand = self.read(node.operand, budget)
            return -operand if isinstance(node.op, ast.USub) else operand
        if isinstance(node, ast.BinOp):
            return self.operation(node, budget)
        if isinstance(node, ast.Call):
            return self.call(node, budget)
        raise self.refuse(f"{brief(ast.unparse(node), 60)} is not allowed here")

    def number(self, node: ast.Constant) -> sp.Expr:
        if type(node.value) not in (int, float):
            raise self.refuse(f"{brief(node.value, 60)} is not a real number")
        digits = ast.get_source_segment(self.text, node) or repr(node.value)
        if isinstance(node.value, int):
            return _within_size(sp.Integer(node.value), self.shown)
        return _from_decimal(Decimal(digits), self.shown)

    def name(self, name: str) -> sp.Expr:
        if name in NUMBER_NAMES:
            return NUMBER_NAMES[name]
        try:
            return symbol(name)
        except ParameterError as error:
            raise self.refuse(f"{brief(name, 60)}: {error.missing}", error.remedy) from None

    def operation(self, node: ast.BinOp, budget: int) -> sp.Expr:
        if isinstance(node.op, ast.Pow):
            return self.power(node.left, node.right, budget)
        left, right = self.read(node.left, budget), self.read(node.right, budget)
        match node.op:
            case ast.Add():
                return left + right
            case ast.Sub():
                return left - right
            case ast.Mult():
                return left * right
            case ast.Div():
                return left / right
        remedy = "Write ** for a power." if isinstance(node.op, ast.BitXor) else _LANGUAGE
        raise self.refuse(f"the sign in {brief(ast.unparse(node), 60)} is not allowed", remedy)

    def power(self, base: ast.expr, exponent: ast.expr, budget: int) -> sp.Expr:
        power = self.read(exponent, 0)
        if not power.is_Rational:
            shown = f"{brief(ast.unparse(exponent), 60)}"
            raise self.refuse(f"the exponent {shown} is not a number", "Write exp(...) instead.")
        if abs(power) > budget:
            raise self.refuse(f"exponents multiply to more than {MAX_EXPONENT}", "Use smaller exponents.")
        below = self.read(base, budget // max(1, math.ceil(abs(power))))
        if any(digits(number) * abs(power) > MOST_DIGITS for number in below.atoms(sp.Rational)):
            raise self.refuse(f"a power has more than {MOST_DIGITS} digits", "Use smaller numbers.")
        return below**power

    def call(self, node: ast.Call, budget: int) -> sp.Expr:
        if not isinstance(node.func, ast.Name) or len(node.args) != 1 or node.keywords:
            raise self.refuse(f"{brief(ast.unparse(node), 60)} is not allowed here")
        function = FUNCTIONS.get(node.func.id)
        if function is None:
            close = difflib.get_close_matches(node.func.id.lower(), FUNCTIONS, n=1)
            remedy = f"Did you mean {close[0]}?" if close else _LANGUAGE
            raise self.refuse(f"the function {brief(node.func.id, 60)} is not known", remedy)
        if function is not sp.exp:
            return function(self.read(node.args[0], budget))
        if budget == 0:
            raise self.refuse("an exponential inside an exponent", "Write the exponent without exp.")
        argument = self.read(node.args[0], 0)
        # exp(k log(10)) is 10**k to SymPy, written out at once
        numbers = argument.atoms(sp.Rational)
        inside = [number for log in argument.atoms(sp.log) for number in log.atoms(sp.Rational)]
        largest = max((abs(number) for number in numbers - set(inside)), default=0)
        if largest > 1000 or largest * max(map(digits, inside), default=0) > MOST_DIGITS:
            raise self.refuse(f"exp({str(argument)[:60]}) is beyond any use", "Use a smaller exponent.")
        return sp.exp(argument)


def _from_decimal(value: Decimal, what: str) -> sp.Expr:
    if not value.is_finite():
        raise ParameterError(f"{what}={value}", "not a finite number", "Give a finite real number.")
    if abs(value.adjusted()) > MAX_DIGITS or len(value.as_tuple().digits) > MAX_DIGITS:
        raise ParameterError(what, f"more than {MAX_DIGITS} digits", "Give a shorter number.")
    return sp.Rational(str(value))


def _within_size(value: sp.Rational, what: str) -> sp.Rational:
    if max(abs(value.p).bit_length(), value.q.bit_length()) > MAX_DIGITS * 10 // 3:
        raise ParameterError(what, f"more than {MAX_DIGITS} digits", "Give a shorter number.")
    return value


def _checked(value: sp.Expr, what: str) -> sp.Expr:
    """`value` with decimals made exact, once every part of it is known to be a real scalar."""
    if problem := too_large(value):
        raise ParameterError(what[:160], problem, "Give smaller numbers.")
    if isinstance(value, sp.Rational):
        return value
    floats: dict[sp.Expr, sp.Expr] = {}
    stack, seen = [value], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if isinstance(node, sp.Float):
            text = repr(float(node)) if node._prec == 53 else str(node)
            floats[node] = _from_decimal(Decimal(text), what)
        elif not _is_real_part(node):
            raise ParameterError(f"{what}={value}"[:160], *_why_not(node))
        stack.extend(node.args)
    one_meaning_per_name([value], f"{what}={value}"[:160])
    value = value.xreplace(floats) if floats else value
    if value.is_extended_real is False or value.is_finite is False:
        raise ParameterError(f"{what}={value}"[:160], "not a finite real number", "Give one.")
    return value


def _is_real_part(node: sp.Basic) -> bool:
    if isinstance(node, sp.Symbol):
        return type(node) is sp.Symbol and bool(node.is_real)
    if isinstance(node, (sp.Number, sp.NumberSymbol)):
        return bool(node.is_finite)
    if getattr(node, "names_a_function", False):  # an argument that says which function is meant
        return True
    return isinstance(node, (sp.Add, sp.Mul, sp.Pow, Application)) and not isinstance(node, AppliedUndef)


def _why_not(node: sp.Basic) -> tuple[str, str]:
    if type(node) is sp.Symbol and node.is_real is None:
        return f"SymPy does not know that {node} is real", f"Use varprop.symbol('{node}')."
    if isinstance(node, (sp.Number, sp.NumberSymbol)) or node.is_finite is False or node is sp.I:
        return f"{node} is not a finite real number", "Give a finite real number."
    return f"{type(node).__name__} is not a real scalar", "Give a number or an expression in real symbols."
