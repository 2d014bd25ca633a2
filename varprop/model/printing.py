"""Expressions as text and LaTeX, with one name per variable and per index."""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import sympy as sp

from varprop.model.axes import Index
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver
from varprop.model.nodes import show_with
from varprop.model.variables import RandomVariable, Variable
from varprop.model.walks import walk

__all__ = ["Names", "naming", "to_latex", "to_text"]

LONGEST = 4000
"""A text longer than this is cut: a net of 100 layers written out once per use has no end."""

ADD, MULTIPLY, POWER, ATOM = range(4)


@dataclass(frozen=True)
class Names:
    """What every variable and index is called in one text: a second `w` is shown as `w'`.

    Args:
        roots: all expressions that will be shown together.
        aliases: names for whole expressions, such as z for the neuron.
    """

    roots: tuple[Expression, ...]
    aliases: Mapping[Expression, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nodes = list(walk(*self.roots))
        leaves = [node for node in nodes if isinstance(node, RandomVariable)]
        variables = sorted({leaf.variable.token: leaf.variable for leaf in leaves}.items())
        object.__setattr__(self, "_variables", _primed((token, v.name) for token, v in variables))
        object.__setattr__(self, "_indices", _index_names(self.roots, nodes))

    def variable(self, variable: Variable) -> str:
        """Return the name of a variable."""
        names: dict[object, str] = self._variables  # type: ignore[attr-defined]
        return names.get(variable.token, variable.name)

    def index(self, index: Index) -> str:
        """Return the letter of an index, the number of a numbered place."""
        names: dict[object, str] = self._indices  # type: ignore[attr-defined]
        return names.get(index, index.name)


def _index_names(roots: Iterable[Expression], nodes: Iterable[Expression]) -> dict[object, str]:
    """Return the letters of indices: free ones differ, a bound one from all in its sum and from free ones."""
    free: set[Index] = set()
    meets: dict[Index, set[Index]] = {}
    inside: dict[Expression, frozenset[Index]] = {}
    for node in nodes:
        below = frozenset().union(*(inside[child] for child in node.children))
        if isinstance(node, SumOver):
            for other in (below | node.body.indices) - {node.index}:
                meets.setdefault(node.index, set()).add(other)
                meets.setdefault(other, set()).add(node.index)
            below |= {node.index}
        inside[node] = below
        free |= {index for index in node.indices if not index.is_bound and index.kind != "position"}
    for root in roots:
        for index in inside[root]:
            meets.setdefault(index, set()).update(root.indices)
    order = sorted(free, key=lambda index: (index.kind != "generic", index.axis.token, index.key))
    names = _primed((index, index.name) for index in order)
    for index in sorted((i for i in meets if i.is_bound), key=lambda index: (-index.key, index.axis.token)):
        names[index] = _unused(index.name, {names[other] for other in meets[index] if other in names})
    return names


def _unused(name: str, used: Container[str]) -> str:
    return next(new for count in itertools.count() if (new := name + _primes(count)) not in used)


def _primes(count: int) -> str:
    """Return the mark of one more thing of a name: ', then '', then '3, '4, ..."""
    return "'" * count if count < 3 else f"'{count}"


def _primed(items: Iterable[tuple[object, str]]) -> dict[object, str]:
    used: dict[str, int] = {}
    names: dict[object, str] = {}
    for key, name in items:
        used[name] = used.get(name, 0) + 1
        names[key] = name + _primes(used[name] - 1)
    return names


_CURRENT: ContextVar[Names | None] = ContextVar("names", default=None)


@contextmanager
def naming(names: Names) -> Iterator[None]:
    """Use these names for everything shown inside the block."""
    token = _CURRENT.set(names)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def to_text(root: Expression) -> str:
    """Return an expression as plain text, such as `sum_i w_i*x_i + b`."""
    return _Text(_CURRENT.get() or Names((root,))).show(root)


def to_latex(root: Expression) -> str:
    r"""Return an expression as LaTeX, such as `\sum_{i} w_{i} x_{i} + b`."""
    return _Latex(_CURRENT.get() or Names((root,))).show(root)


class _Printer:
    times = "*"

    def __init__(self, names: Names) -> None:
        self.names = names

    def show(self, root: Expression) -> str:
        done: dict[Expression, tuple[str, int]] = {}
        aliases = self.names.aliases
        for node in walk(root, into=lambda node: node not in aliases or node is root):
            if node in aliases and node is not root:
                continue
            for child in node.children:
                if child in aliases:
                    done[child] = aliases[child], ATOM
            text, binding = self.node(node, done)
            done[node] = (text, binding) if len(text) <= LONGEST else ("...", ATOM)
        return aliases[root] if root in aliases else done[root][0]

    def node(self, node: Expression, done: Mapping[Expression, tuple[str, int]]) -> tuple[str, int]:
        def inner(child: Expression, least: int) -> str:
            text, binding = done[child]
            return text if binding >= least else self.grouped(text)

        if isinstance(node, Scalar):
            return self.number(node.value), ADD if node.value.is_Add else MULTIPLY
        if isinstance(node, RandomVariable):
            return self.leaf(
                self.names.variable(node.variable), [self.names.index(s) for s in node.slots]
            ), ATOM
        if isinstance(node, Apply):
            return self.call(node.activation, done[node.argument][0]), ATOM
        if isinstance(node, SumOver):
            return self.sum(self.names.index(node.index), inner(node.body, MULTIPLY)), ADD
        if isinstance(node, Product):
            parts = [
                inner(b, ATOM if p > 1 else POWER) + (self.power(p) if p > 1 else "") for b, p in node.factors
            ]
            sign = ""
            if node.coefficient != 1:
                number = node.coefficient
                if number.could_extract_minus_sign():
                    sign, number = "-", -number
                if number != 1:
                    text = self.number(number)
                    parts.insert(0, self.grouped(text) if number.is_Add else text)
            single = len(parts) == 1 and not sign
            return sign + self.times.join(parts), POWER if single else MULTIPLY
        assert isinstance(node, Add)
        text = ""
        for position, term in enumerate(node.terms):
            part = inner(
                term, ADD if position == len(node.terms) - 1 or not isinstance(term, SumOver) else MULTIPLY
            )
            if isinstance(term, SumOver) and position < len(node.terms) - 1:
                part = self.grouped(done[term][0])
            if isinstance(term, Add):
                part = self.grouped(part) if position else part
            text += (f" - {part[1:]}" if part.startswith("-") else f" + {part}") if position else part
        return text, ADD

    def number(self, value: sp.Expr) -> str:
        return str(value)

    def grouped(self, text: str) -> str:
        return f"({text})"

    def leaf(self, name: str, places: list[str]) -> str:
        if not places:
            return name
        if all(place.isalpha() and len(place) == 1 for place in places):
            return f"{name}_{''.join(places)}"
        return (
            f"{name}_{places[0]}"
            if len(places) == 1 and not places[0].isdigit()
            else f"{name}[{','.join(places)}]"
        )

    def call(self, activation: object, argument: str) -> str:
        return f"{activation}({argument})"

    def sum(self, index: str, body: str) -> str:
        return f"sum_{index} {body}"

    def power(self, exponent: int) -> str:
        return f"**{exponent}"


class _Text(_Printer):
    pass


class _Latex(_Printer):
    times = " "

    def number(self, value: sp.Expr) -> str:
        return str(sp.latex(value))

    def grouped(self, text: str) -> str:
        return rf"\left({text}\right)"

    def leaf(self, name: str, places: list[str]) -> str:
        bare = name.rstrip("'")
        stem, _, subscript = str(sp.latex(sp.Symbol(bare))).partition("_{")
        subscripts = [subscript[:-1]] if subscript else []
        if places:
            subscripts.append(("," if any(len(place) > 1 for place in places) else "").join(places))
        shown = f"{{{stem}}}" if "^" in stem else stem
        if subscripts:
            shown += f"_{{{','.join(subscripts)}}}"
        return (
            shown + name[len(bare) :]
        )  # TeX takes one subscript and one power, and a power only next to a prime

    def call(self, activation: object, argument: str) -> str:
        return rf"{getattr(activation, 'latex', str(activation))}\left({argument}\right)"

    def sum(self, index: str, body: str) -> str:
        return rf"\sum_{{{index}}} {body}"

    def power(self, exponent: int) -> str:
        return f"^{{{exponent}}}"


show_with(to_text)
