"""Writing a derivation down: lemmas for what is used twice, everything else as one line rewritten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import sympy as sp

from varprop.derivation.proofs import LEMMA, MOST_FACTORED, Derivation, Step, tidy
from varprop.derivation.quantities import Quantity, nouns
from varprop.derivation.search import Application, topological
from varprop.errors import DerivationError
from varprop.model.scalars import one_meaning_per_name

__all__ = ["written"]

MOST_VALUES_WAITING = 12
"""Quantities of single variables stand in a line until all else is done, unless they are more than these."""


MOST_COLLECTED = 20
"""A line is not sorted by more lemmas than these."""


def written(goal: sp.Expr, found: Mapping[Quantity, Application]) -> Derivation:
    """Write down a derivation: shared quantities as lemmas, everything else as one line rewritten."""
    order = topological(goal, found)
    users: dict[Quantity, set[object]] = {noun: set() for noun in order}
    for noun in nouns(goal):
        users[noun].add(goal)
    for parent in order:
        for noun in found[parent].needs:
            users[noun].add(parent)
    lemmas = {
        noun
        for noun in order
        if len(users[noun]) > 1 and not found[noun].rule.is_value and found[noun].formula != 0
    }
    level = {noun: position for position, noun in enumerate(order)}
    values: dict[Quantity, sp.Expr] = {}
    steps: list[Step] = []
    for noun in reversed([noun for noun in order if noun in lemmas]):
        # a lemma that is not short doubles with each use
        values[noun] = tidy(_lines(noun, noun, found, level, values, steps))
    value = _lines(goal, goal, found, level, values, steps)
    if value.has(sp.nan, sp.zoo):
        raise DerivationError(f"{goal}", "it is undefined: it divides by a variance that is 0")
    one_meaning_per_name((value,), f"what the rules make of {goal}")
    return Derivation(goal, tuple(steps), value)


def _lines(
    subject: sp.Expr,
    line: sp.Expr,
    found: Mapping[Quantity, Application],
    level: Mapping[Quantity, int],
    lemmas: Mapping[Quantity, sp.Expr],
    steps: list[Step],
) -> sp.Expr:
    """Rewrite one line until no quantity is left; a quantity goes when nothing before it is left."""
    while standing := nouns(line):
        later = frozenset().union(*(found[n].needs for n in standing if n is subject or n not in lemmas))
        ready = [noun for noun in standing if noun not in later]
        rules = {
            noun: LEMMA if noun in lemmas and noun is not subject else found[noun].rule for noun in ready
        }
        crowded = sum(rule.is_value for rule in rules.values()) > MOST_VALUES_WAITING
        first = min(ready, key=lambda n: (rules[n].is_value is not crowded, rules[n] is LEMMA, level[n]))
        chosen = [noun for noun in ready if rules[noun] is rules[first]]
        if rules[first] is LEMMA:
            applied = tuple(_recalled(noun, lemmas[noun]) for noun in chosen)
            if isinstance(line, sp.Add) and len(line.args) <= MOST_FACTORED and len(chosen) <= MOST_COLLECTED:
                line = sp.collect(line, chosen)
        else:
            applied = tuple(found[noun] for noun in chosen)
        after = line.xreplace({a.noun: a.formula for a in applied})
        if _repeated(noun for a in applied for noun in a.needs):
            after = _short(after)
        steps.append(Step(subject, line, after, applied))
        line = after
    return line


def _recalled(noun: Quantity, value: sp.Expr) -> Application:
    return Application(noun, LEMMA, {"noun": noun, "value": value}, value, (), ())


def _repeated(needs: Iterable[Quantity]) -> bool:
    return any(count > 1 for count in Counter(needs).values())


def _short(line: sp.Expr) -> sp.Expr:
    """Keep a line short when one quantity came in from several sides."""
    return sp.factor_terms(line) if isinstance(line, sp.Add) and len(line.args) <= MOST_FACTORED else line
