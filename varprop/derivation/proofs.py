"""Derivations as data: steps that can be printed, compared, stored and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import sympy as sp

from varprop.derivation.assumptions import Assumption
from varprop.derivation.quantities import Equal, Quantity, nouns
from varprop.derivation.rules import Parts, Rule

__all__ = ["Derivation", "Step", "tidy", "written"]

KINDS = ("closed form", "enclosure", "estimate")


class Applied(Protocol):
    """A rule applied to a quantity."""

    noun: Quantity
    rule: Rule
    parts: Parts
    formula: sp.Expr
    assumptions: tuple[Assumption, ...]


@dataclass(frozen=True)
class Without:
    """What a line would be without one of its assumptions.

    Attributes:
        assumption: the one that is dropped.
        remainder: the term that it kills, if the rule knows it.
        counterexample: (quantity, truth, formula) of a model that breaks only this assumption, otherwise.
    """

    assumption: Assumption
    remainder: sp.Expr | None
    counterexample: tuple[Quantity, sp.Expr, sp.Expr] | None


@dataclass(frozen=True)
class Step:
    """One line of a derivation: every matching quantity of a line replaced by one rule.

    Attributes:
        subject: what the line is about; the goal, or the quantity of a lemma.
        before, after: the whole line.
        applied: what the rule was applied to, and how.
    """

    subject: sp.Expr
    before: sp.Expr
    after: sp.Expr
    applied: tuple[Applied, ...]

    @property
    def rule(self) -> Rule:
        """The rule that was used."""
        return self.applied[0].rule

    def claims(self) -> tuple[Equal, ...]:
        """Return the local equations the step rests on; these are what a check tests."""
        return tuple(Equal(a.noun, a.formula) for a in self.applied)

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The assumptions the rule needed here, each once."""
        return _once(assumption for a in self.applied for assumption in a.assumptions)

    @property
    def validity(self) -> str:
        """ "exact", or "limit" with the limit's name."""
        return f"limit, {self.rule.limit}" if self.rule.limit else "exact"

    @property
    def precision(self) -> str:
        """The kind of number: "closed form", "enclosure" or "estimate"."""
        if self.rule.precision is None:
            return "closed form"
        return max((self.rule.precision(**a.parts) for a in self.applied), key=KINDS.index)

    def __str__(self) -> str:
        return f"{self.subject} = {self.after}    [{self.rule.name}]"


def _once(assumptions: Iterable[Assumption]) -> tuple[Assumption, ...]:
    return tuple(dict.fromkeys(assumptions))


@dataclass(frozen=True)
class Derivation:
    """A proof as a list of steps: lemmas first, then the lines that lead to the result.

    Attributes:
        goal: what was asked.
        steps: all lines.
        value: the result before it is tidied.
    """

    goal: sp.Expr
    steps: tuple[Step, ...]
    value: sp.Expr = field(repr=False)

    @cached_property
    def result(self) -> sp.Expr:
        """The formula that was derived, a SymPy expression without quantities."""
        return tidy(self.value)

    def claims(self) -> tuple[Equal, ...]:
        """Return the local equations of all steps."""
        return tuple(dict.fromkeys(claim for step in self.steps for claim in step.claims()))

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The assumptions that were used, each once."""
        return _once(assumption for step in self.steps for assumption in step.assumptions)

    @property
    def validity(self) -> str:
        """ "exact", or the worst of the steps."""
        limits = [step.validity for step in self.steps if step.validity != "exact"]
        return limits[0] if limits else "exact"

    @property
    def precision(self) -> str:
        """The worst kind of number among the steps."""
        return max((step.precision for step in self.steps), key=KINDS.index, default="closed form")

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


def tidy(value: sp.Expr) -> sp.Expr:
    """Return the shortest of the forms that are cheap to find: as it is, expanded, factored."""
    if value.is_number or value.is_Symbol:
        return value
    expanded = sp.expand(value)
    forms = [value, expanded]
    if isinstance(expanded, sp.Add) and len(expanded.args) <= 200:
        forms.append(sp.factor_terms(expanded))
        if len(expanded.args) > 3 and expanded.is_rational_function(*expanded.free_symbols):
            forms.append(sp.factor(expanded))
    return min(forms, key=lambda form: (sp.count_ops(form), len(str(form))))


def written(goal: sp.Expr, found: Mapping[Quantity, Applied]) -> Derivation:
    """Write down a derivation: shared quantities as lemmas, everything else as one line rewritten."""
    order = _topological(goal, found)
    users: dict[Quantity, set[object]] = {noun: set() for noun in order}
    for noun in nouns(goal):
        users[noun].add(goal)
    for parent in order:
        for noun in nouns(found[parent].formula):
            users[noun].add(parent)
    lemmas = {
        noun for noun in order if len(users[noun]) > 1 and not found[noun].rule.is_value and found[noun].formula != 0
    }
    level = {noun: position for position, noun in enumerate(order)}
    values: dict[Quantity, sp.Expr] = {}
    steps: list[Step] = []
    for noun in reversed([noun for noun in order if noun in lemmas]):
        values[noun] = _lines(noun, noun, found, level, values, steps)
    value = _lines(goal, goal, found, level, values, steps)
    return Derivation(goal, tuple(steps), value)


def _lines(
    subject: sp.Expr,
    line: sp.Expr,
    found: Mapping[Quantity, Applied],
    level: Mapping[Quantity, int],
    lemmas: Mapping[Quantity, sp.Expr],
    steps: list[Step],
) -> sp.Expr:
    """Rewrite one line until no quantity is left; a quantity goes when nothing before it is left."""
    while standing := nouns(line):
        known = [noun for noun in standing if noun in lemmas and noun is not subject]
        if known:
            line = _collected(line.xreplace({noun: lemmas[noun] for noun in known}))
            continue
        first = min(standing, key=lambda noun: (found[noun].rule.is_value, level[noun]))
        rule = found[first].rule
        together = [noun for noun in standing if found[noun].rule is rule and _ready(noun, standing, found)]
        replaced = {noun: found[noun].formula for noun in together or [first]}
        after = _collected(line.xreplace(replaced))
        steps.append(Step(subject, line, after, tuple(found[noun] for noun in replaced)))
        line = after
    return line


def _ready(noun: Quantity, standing: list[Quantity], found: Mapping[Quantity, Applied]) -> bool:
    """Whether no other standing quantity leads to this one directly."""
    return not any(noun in found[other].formula.atoms(Quantity) for other in standing if other is not noun)


def _collected(line: sp.Expr) -> sp.Expr:
    """Keep a line short when one quantity came in from several sides."""
    return sp.factor_terms(line) if isinstance(line, sp.Add) and sp.count_ops(line) > 40 else line


def _topological(goal: sp.Expr, found: Mapping[Quantity, Applied]) -> list[Quantity]:
    """Return all quantities a derivation needs, each before those its formula needs."""
    done: dict[Quantity, None] = {}
    stack: list[tuple[Quantity, bool]] = [(noun, False) for noun in nouns(goal)]
    opened: set[Quantity] = set()
    while stack:
        noun, closing = stack.pop()
        if closing:
            done[noun] = None
        elif noun not in opened:
            opened.add(noun)
            stack.append((noun, True))
            stack.extend((child, False) for child in nouns(found[noun].formula) if child not in opened)
    return list(reversed(done))


@dataclass(frozen=True)
class Solution(Derivation):
    """A derivation that ends in an equation solved for a symbol.

    Attributes:
        claim: the equation as it was stated.
        unknown: the symbol it was solved for.
        sides: what both sides were derived to be.
    """

    claim: Equal
    unknown: sp.Symbol
    sides: tuple[sp.Expr, sp.Expr]
