"""Which expressions depend on what, and which sign changes leave the world as it is.

An expression depends on *roots*: variables at places. Two expressions without a common root are
independent. A *flip* changes the sign of some roots; if these are sign-symmetric and independent of
all others, the joint law of everything stays the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from varprop.errors import WorkLimitError
from varprop.model.axes import Axis, Index
from varprop.model.distributions import Distribution
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver, powers_of
from varprop.model.joint import Joint
from varprop.model.variables import RandomVariable, Variable
from varprop.model.walks import walk

__all__ = ["EVEN", "NEITHER", "ODD", "Flip", "Root", "Structure", "meet", "opened_sum", "root_of"]

Place: TypeAlias = Index | None
Root: TypeAlias = tuple[Variable, tuple[Place, ...]]
Flip: TypeAlias = frozenset[Root]
"""Roots whose sign changes; None stands for all places along a slot."""

ODD, EVEN, NEITHER = -1, 1, 0
MOST_FLIPS = 6
MOST_VISITS = 1_000_000
"""A derivation that has to look at more parts of expressions than this is given up."""
ALL_MOMENTS = 10**9
"""A variable with a moment of this order has all that are ever asked for."""


def root_of(leaf: RandomVariable) -> Root:
    """Return the root of a leaf: bound places, and all places of a joint variable, are wildcards."""
    joint = leaf.variable.is_joint
    return leaf.variable, tuple(None if joint or slot.is_bound else slot for slot in leaf.slots)


def meet(left: tuple[Place, ...], right: tuple[Place, ...]) -> bool:
    """Whether two places of one variable can be the same; a bound place can be any."""
    return all(
        a is None or b is None or a == b or a.is_bound or b.is_bound for a, b in zip(left, right, strict=True)
    )


@dataclass
class Structure:
    """Answers about dependence and sign flips, remembered for one derivation."""

    _bits: dict[Variable, int] = field(default_factory=dict)
    _masks: dict[Expression, int] = field(default_factory=dict)
    _uneven: int = 0
    _heavy: int = 0
    _steep: dict[Expression, str] = field(default_factory=dict)
    _flips: dict[Expression, tuple[Flip, ...]] = field(default_factory=dict)
    _visits: int = 0

    def _walk(self, root: Expression, into: Callable[[Expression], bool]) -> Iterator[Expression]:
        """Walk an expression, and give up when the walks of this derivation together are too long."""
        for node in walk(root, into=into):
            self._visits += 1
            if self._visits > MOST_VISITS:
                raise WorkLimitError(
                    f"a derivation about {root}",
                    f"it has to look at more than {MOST_VISITS} parts of expressions",
                    "Ask about a smaller expression, or use different variables where they are independent.",
                )
            yield node

    def mask(self, root: Expression) -> int:
        """Return the set of variables of an expression, as the bits of a number."""
        masks = self._masks
        if root not in masks:
            for node in self._walk(root, into=lambda node: node not in masks):
                bits = 0
                if isinstance(node, RandomVariable):
                    bits = 1 << self._bits.setdefault(node.variable, len(self._bits))
                    if isinstance(node.distribution, Joint) and not node.distribution.alike:
                        self._uneven |= bits
                    if node.distribution.moment_exists(ALL_MOMENTS) is not True:
                        self._heavy |= bits
                elif isinstance(node, Apply) and node.activation.growth is None:
                    self._steep[node] = str(node.activation)
                for child in node.children:
                    bits |= masks[child]
                    if child in self._steep:
                        self._steep[node] = self._steep[child]
                masks[node] = bits
        return masks[root]

    def heavy(self, root: Expression) -> int:
        """Return the variables of an expression that are not known to have all moments, as bits."""
        return self.mask(root) & self._heavy

    def steep(self, root: Expression) -> str | None:
        """Return the activation in an expression that is not known to grow at most like a power."""
        self.mask(root)
        return self._steep.get(root)

    def uneven_along(self, axis: Axis, *roots: Expression) -> bool:
        """Whether an expression holds a joint variable whose places along the axis differ."""
        return any(
            axis in variable.axes
            for root in roots
            if self.mask(root) & self._uneven
            for variable, _ in self.roots(root, self._uneven)
        )

    def only_variable(self, root: Expression) -> Variable | None:
        """Return the variable of an expression that has just one."""
        bits = self.mask(root)
        return list(self._bits)[bits.bit_length() - 1] if bits.bit_count() == 1 else None

    def roots(self, root: Expression, among: int = -1) -> Iterator[Root]:
        """Yield the roots of an expression, of the given variables only."""
        for node in self._walk(root, into=lambda node: bool(self.mask(node) & among)):
            if isinstance(node, RandomVariable):
                yield root_of(node)

    def independent(self, *expressions: Expression) -> bool:
        """Whether no two of the expressions share a root; then they are mutually independent."""
        return next(self._meetings(expressions), None) is None

    def groups(self, expressions: Sequence[Expression]) -> list[list[int]]:
        """Return the positions of expressions, grouped so that different groups share no root."""
        owner = list(range(len(expressions)))

        def find(position: int) -> int:
            while owner[position] != position:
                owner[position] = owner[owner[position]]
                position = owner[position]
            return position

        for position, holder in self._meetings(expressions):
            if find(holder) != find(position):
                owner[max(find(holder), find(position))] = min(find(holder), find(position))
        members: dict[int, list[int]] = {}
        for position in range(len(expressions)):
            members.setdefault(find(position), []).append(position)
        return list(members.values())

    def _meetings(self, expressions: Sequence[Expression]) -> Iterator[tuple[int, int]]:
        """Yield the positions of expressions that share a root, pair by pair."""
        seen, shared = 0, 0
        for expression in expressions:
            shared |= seen & self.mask(expression)
            seen |= self.mask(expression)
        holders: dict[Variable, list[tuple[tuple[Place, ...], int]]] = {}
        for position, expression in enumerate(expressions if shared else ()):
            for variable, places in dict.fromkeys(self.roots(expression, shared)):
                met = holders.setdefault(variable, [])
                yield from (
                    (position, holder) for other, holder in met if holder != position and meet(places, other)
                )
                met.append((places, position))

    def parity(self, root: Expression, flip: Flip) -> int:
        """Return how an expression changes under a flip: ODD, EVEN, or NEITHER of both."""
        flipped = 0
        for variable, _ in flip:
            flipped |= 1 << self._bits.setdefault(variable, len(self._bits))
        by_variable: dict[Variable, list[tuple[Place, ...]]] = {}
        for variable, places in flip:
            by_variable.setdefault(variable, []).append(places)
        if not self.mask(root) & flipped:
            return EVEN
        found: dict[Expression, int] = {}
        for node in self._walk(root, into=lambda node: bool(self.mask(node) & flipped)):
            if isinstance(node, RandomVariable):
                found[node] = _leaf_parity(node, by_variable[node.variable])
            else:
                found[node] = _combined(node, [found.get(child, EVEN) for child in node.children])
        return found[root]

    def odd_flips(self, root: Expression) -> tuple[Flip, ...]:
        """Return flips of symmetric variables under which the expression changes its sign."""
        if root not in self._flips:
            for node in self._walk(root, into=lambda node: node not in self._flips and _may_be_odd(node)):
                flips = dict.fromkeys(f for f in self._candidates(node) if self.parity(node, f) == ODD)
                self._flips[node] = tuple(itertools.islice(flips, MOST_FLIPS))
            self._flips.setdefault(root, ())
        return self._flips[root]

    def _candidates(self, node: Expression) -> Iterable[Flip]:
        if isinstance(node, RandomVariable):
            if isinstance(node.distribution, Distribution) and node.distribution.symmetric:
                yield frozenset({(node.variable, node.slots)})
        elif isinstance(node, Product):
            for base, power in powers_of(node):
                if power % 2:
                    yield from self._flips.get(base, ())
        elif isinstance(node, SumOver):
            for flip in self._flips.get(node.body, ()):
                yield frozenset(
                    (v, tuple(None if p == node.index else p for p in places)) for v, places in flip
                )
        elif isinstance(node, Apply):
            yield from self._flips.get(node.argument, ())
        elif isinstance(node, Add):
            options = [self._flips.get(term, ()) for term in node.terms]
            if all(options):
                choices = itertools.product(*options) if len(options) <= 4 else [tuple(o[0] for o in options)]
                for choice in itertools.islice(choices, 4 * MOST_FLIPS):
                    yield frozenset().union(*choice)

    def copies_independent(self, body: Expression, index: Index) -> bool:
        """Whether the bodies of a sum at two different places are independent."""
        first, second = self.two_places(body, index)
        return self.independent(first, second)

    @staticmethod
    def two_places(body: Expression, index: Index) -> tuple[Expression, Expression]:
        """Return a sum's body at two different places."""
        sum_ = SumOver.of(index, body)
        first, second = fresh_places(index, 2)
        return sum_.opened(first), sum_.opened(second)


def opened_sum(e: Expression) -> tuple[Expression, ...]:
    """Return the terms of a sum, sums inside opened where they are used once only.

    In x + (y + z) all three are terms; in e + w*e, with a sum e, these two are.
    """
    if not isinstance(e, Add):
        return (e,)
    if not any(isinstance(term, Add) for term in e.terms):
        return e.terms
    terms: list[Expression] = []
    inner: set[Expression] = set()
    waiting: list[Expression] = [e]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Add):
            inner.add(node)
            waiting.extend(reversed(node.terms))
        else:
            terms.append(node)
    reused = any(node in inner for node in walk(*terms))
    return e.terms if reused or len(set(terms)) < len(terms) else tuple(terms)


def fresh_places(index: Index, count: int) -> tuple[Index, ...]:
    """Return new places along the axis of an index, whatever its size."""
    return tuple(index.axis.places(1)[0].named(f"{index.axis.name}{k}") for k in range(1, count + 1))


def _may_be_odd(node: Expression) -> bool:
    if isinstance(node, Apply):
        return bool(node.activation.parity == "odd")
    return not isinstance(node, Scalar)


def _leaf_parity(leaf: RandomVariable, flipped: Iterable[tuple[Place, ...]]) -> int:
    parity = EVEN
    for places in flipped:
        if all(place is None or place == slot for place, slot in zip(places, leaf.slots, strict=True)):
            parity = ODD
        elif meet(places, root_of(leaf)[1]):
            return NEITHER
    return parity


def _combined(node: Expression, parities: list[int]) -> int:
    if isinstance(node, Product):
        result = EVEN
        for (_, power), parity in zip(node.factors, parities, strict=True):
            result *= parity if power % 2 else abs(parity)
        # An even power of something that is neither odd nor even stays neither.
        return result
    if isinstance(node, Add):
        if any(isinstance(term, Scalar) for term in node.terms) and ODD in parities:
            return NEITHER
        return parities[0] if len(set(parities)) == 1 else NEITHER
    if isinstance(node, Apply) and parities[0] == ODD:
        return {"odd": ODD, "even": EVEN}.get(node.activation.parity, NEITHER)
    return parities[0]
