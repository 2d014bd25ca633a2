"""Powers of sums, expanded over which indices coincide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from math import factorial, prod
from typing import TypeAlias

import sympy as sp

from varprop.derivation import assumptions as assume
from varprop.derivation.quantities import Mean, Quantity
from varprop.derivation.rules.base import Parts, Requirement, Rule
from varprop.derivation.rules.means import mean_line
from varprop.derivation.rules.worlds import axis, normal, table_row, uniform
from varprop.derivation.structure import Structure
from varprop.errors import WorkLimitError
from varprop.model.axes import Axis, Index
from varprop.model.expressions import Add, Expression, Scalar, SumOver, powers_of, product, sum_over

__all__ = ["LARGEST_POWER", "MOST_TERMS", "binomial_expansion", "coincidences"]

MOST_TERMS = 3000
"""A power of a sum that spreads into more terms than this is refused."""

LARGEST_POWER = 26
"""27 things fall into groups in more than MOST_TERMS ways, even if only the sizes of the groups count."""

Type: TypeAlias = tuple[int, ...]


@cache
def _types(powers: Type, largest: Type) -> tuple[tuple[Type, ...], ...]:
    """Return the ways to write powers as a sum of vectors, none after `largest`; of too many, not all."""
    if not any(powers):
        return ((),)
    found: list[tuple[Type, ...]] = []
    for block in _blocks(powers):
        if block <= largest:
            remaining = tuple(p - b for p, b in zip(powers, block, strict=True))
            found.extend((block, *others) for others in _types(remaining, block))
            if len(found) > MOST_TERMS:  # enough to be refused
                break
    return tuple(found)


def _too_many(powers: Type) -> WorkLimitError:
    return WorkLimitError(
        f"the power {' + '.join(map(str, powers))} of a sum",
        f"it spreads into more than {MOST_TERMS} terms",
        "Ask for a lower moment, or for cumulants, which add",
    )


def _blocks(powers: Type) -> Iterator[Type]:
    if len(powers) == 1:
        yield from ((p,) for p in range(1, powers[0] + 1))
        return
    for first in range(powers[0] + 1):
        for rest in (((0,) * (len(powers) - 1)), *_blocks(powers[1:])):
            if first or any(rest):
                yield (first, *rest)


def _count(powers: Type, blocks: tuple[Type, ...]) -> int:
    """Return how many ways to deal numbered factors into these blocks, equal blocks not told apart."""
    ways = prod(factorial(p) for p in powers) // prod(factorial(b) for block in blocks for b in block)
    return ways // prod(factorial(repeats) for repeats in Counter(blocks).values())


def _expand(sums: tuple[tuple[SumOver, int], ...], rest: Expression) -> sp.Expr:
    """Return E[prod sums^power * rest], by how many copies share a place and which places are named."""
    ax = sums[0][0].index.axis
    powers = tuple(power for _, power in sums)
    named = _named(ax, sums, rest)
    deals = _deals(powers, len(named))
    labels = tuple(ax.places(1)[0].named(f"{ax.name}{k}") for k in range(1, sum(powers) + 1))
    terms = []
    for taken, remaining in deals:
        ways = prod(factorial(p) for p in powers) // prod(factorial(b) for block in taken for b in block)
        ways //= prod(factorial(p) for p in remaining)
        for blocks in _types(remaining, remaining):
            falling = sp.Mul(*(ax.size - len(named) - k for k in range(len(blocks))))
            if falling == 0:
                continue
            alone = len(blocks) == 1 and ax.index not in named
            places = (*named, *((ax.index,) if alone else labels[: len(blocks)]))
            term = product(
                sp.S.One,
                [
                    (sums[k][0].opened(place), block[k])
                    for place, block in zip(places, (*taken, *blocks), strict=True)
                    for k in range(len(powers))
                    if block[k]
                ],
            )
            terms.append(ways * _count(remaining, blocks) * falling * mean_line(term * rest))
    return sp.Add(*terms)


def _deals(powers: Type, named: int) -> list[tuple[tuple[Type, ...], Type]]:
    """Return every way to give copies to the named places, and what remains; raise if it is too much."""
    if sum(powers) > LARGEST_POWER:
        raise _too_many(powers)
    deals, terms = [], 0
    for taken in _dealt(powers, named):
        remaining = tuple(p - sum(block[k] for block in taken) for k, p in enumerate(powers))
        deals.append((taken, remaining))
        terms += len(_types(remaining, remaining))
        if terms > MOST_TERMS:
            raise _too_many(powers)
    return deals


def _dealt(powers: Type, named: int) -> Iterator[tuple[Type, ...]]:
    """Yield every way to give some of the copies to the named places."""
    if named == 0:
        yield ()
        return
    for block in ((0,) * len(powers), *_blocks(powers)):
        remaining = tuple(p - b for p, b in zip(powers, block, strict=True))
        for others in _dealt(remaining, named - 1):
            yield (block, *others)


def _named(ax: Axis, sums: tuple[tuple[SumOver, int], ...], rest: Expression) -> tuple[Index, ...]:
    indices = rest.indices.union(*(total.indices for total, _ in sums))
    return tuple(
        sorted((index for index in indices if index.axis == ax), key=lambda index: (index.kind, index.key))
    )


def _match(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if not isinstance(noun, Mean):
        return
    factors = powers_of(noun.expression)
    for base, _ in factors:
        if isinstance(base, SumOver):
            ax = base.index.axis
            sums = tuple((b, p) for b, p in factors if isinstance(b, SumOver) and b.index.axis == ax)
            rest = product(sp.S.One, [(b, p) for b, p in factors if not any(b is s for s, _ in sums)])
            yield {"sums": sums, "rest": rest}
            return


def _claim(sums: tuple[tuple[SumOver, int], ...], rest: Expression) -> Quantity:
    return Mean(product(sp.S.One, [*sums, (rest, 1)]))


def _example() -> Parts:
    i = axis()
    total = sum_over(i, uniform("x", i) * uniform("y"))
    return {"sums": ((total, 4),), "rest": Scalar(1)}


def _table_power() -> Parts:
    x = table_row("x")
    return {"sums": ((sum_over(x.axis, x), 2),), "rest": Scalar(1)}


coincidences = Rule(
    name="expansion by coinciding indices",
    theorem=(
        r"\operatorname{E}\left[\left(\sum_i e_i\right)^k\right] = \sum_{\pi} n (n-1) \cdots (n - |\pi| + 1)"
        r" \operatorname{E}\left[\prod_{B \in \pi} e_{i_B}^{|B|}\right],"
        r" \ \pi \text{ over partitions of the } k \text{ factors}"
    ),
    source="McCullagh, Tensor Methods in Statistics, 1987, section 3.6",
    match=_match,
    claim=_claim,
    formula=_expand,
    example=_example,
    requirements=(
        Requirement(
            test=lambda structure, sums, rest: assume.alike(
                structure, [s for s, _ in sums], rest, named_apart=True
            ),
            witness=_table_power,
        ),
    ),
)


def _match_binomial(noun: Quantity, structure: Structure) -> Iterator[Parts]:
    if isinstance(noun, Mean):
        for base, power in powers_of(noun.expression):
            if isinstance(base, Add):
                rest = assume.without_factor(noun.expression, base, power)
                yield {"terms": base.terms, "power": power, "rest": rest}
                return


def _multinomial(terms: tuple[Expression, ...], power: int, rest: Expression) -> sp.Expr:
    if sp.binomial(power + len(terms) - 1, power) > MOST_TERMS:
        raise WorkLimitError(
            f"the power {power} of a sum of {len(terms)} terms",
            f"it spreads into more than {MOST_TERMS} terms",
            "Group the terms, or ask for cumulants, which add",
        )
    expanded = []
    for exponents in _compositions(power, len(terms)):
        ways = factorial(power) // prod(factorial(k) for k in exponents)
        term = product(sp.S.One, [(t, k) for t, k in zip(terms, exponents, strict=True) if k])
        expanded.append(ways * mean_line(term * rest))
    return sp.Add(*expanded)


def _compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    if parts == 1:
        yield (total,)
        return
    for first in range(total, -1, -1):
        for rest in _compositions(total - first, parts - 1):
            yield (first, *rest)


binomial_expansion = Rule(
    name="multinomial expansion",
    theorem=r"\operatorname{E}[(a + b)^k c] = \sum_j \binom{k}{j} \operatorname{E}[a^j b^{k-j} c]",
    source="multinomial theorem",
    match=_match_binomial,
    claim=lambda terms, power, rest: Mean(product(sp.S.One, [(Add.of(terms), power), (rest, 1)])),
    formula=_multinomial,
    example=lambda: {"terms": (uniform("x"), normal("b")), "power": 3, "rest": Scalar(1)},
)
