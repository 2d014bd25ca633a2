"""Derivations as data: steps that can be printed, compared, stored and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property

import sympy as sp

from varprop.derivation.assumptions import Assumption
from varprop.derivation.quantities import Claims, Equal, Mean, Quantity, nouns
from varprop.derivation.rules import Rule
from varprop.derivation.rules.base import KINDS, register
from varprop.derivation.search import Application, value
from varprop.derivation.showing import Shown, line_math
from varprop.errors import DerivationError, MomentError
from varprop.model.axes import Axis, Index
from varprop.model.distributions import Unknown
from varprop.model.expressions import Scalar
from varprop.model.sizes import expanded, length
from varprop.model.variables import variables
from varprop.model.walks import replace_indices
from varprop.render import Math, Text

__all__ = ["LEMMA", "Counterexample", "Derivation", "Solution", "Step", "Without", "counterexample", "tidy"]

HARMLESS = ("zero mean", "one variance", "one mean", "places alike")
"""Assumptions about single places; dependence between places does not touch them."""

MOST_FACTORED = 100
"""A line of more terms than this is not searched for common factors."""

MOST_EXPANDED = 200
"""A sum of more terms than this has no factor that is worth its time."""

MOST_SYMBOLS = 12
"""A line with more symbols than this is not searched for factors that are sums."""

LEMMA = register(
    Rule(
        name="derived above",
        theorem=r"\text{a quantity derived before is replaced by its value}",
        source="the lines above",
        match=lambda noun, structure: (),
        claim=lambda noun, value: noun,
        formula=lambda noun, value: value,
        example=lambda: {"noun": Mean(Scalar(1)), "value": sp.S.One},
    )
)
"""What a line says when it uses a lemma; it rests on no claim of its own."""


@dataclass(frozen=True)
class Counterexample:
    """A model that breaks one assumption of a rule and no other, in numbers.

    Attributes:
        quantity: what the rule would be used on.
        truth: what it is.
        formula: what the rule would make of it.
    """

    quantity: Quantity
    truth: sp.Expr
    formula: sp.Expr


@dataclass(frozen=True)
class Without:
    """What a line would be without one of its assumptions: a further term, or a counterexample.

    Attributes:
        assumption: the one that is dropped.
        remainder: the term that it kills, if the rule knows it.
        counterexample: a model that breaks only this assumption, where there is no such term.
    """

    assumption: Assumption
    remainder: sp.Expr | None
    counterexample: Counterexample | None


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
    applied: tuple[Application, ...]

    @property
    def rule(self) -> Rule:
        """The rule that was used."""
        return self.applied[0].rule

    @property
    def claims(self) -> Claims:
        """The local equations the step rests on; these are what a check tests."""
        return Claims(
            Equal(a.noun, a.formula, _any_dependence(a)) for a in self.applied if a.rule is not LEMMA
        )

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """The assumptions the rule needed here, each once."""
        return _once(assumption for a in self.applied for assumption in a.assumptions if assumption.sentence)

    @property
    def without(self) -> tuple[Without, ...]:
        """What the line would be without each of its assumptions."""
        found: dict[Assumption, Without] = {}
        for a in self.applied:
            for position, (requirement, assumption) in enumerate(
                zip(a.rule.requirements, a.assumptions, strict=True)
            ):
                if assumption.sentence and assumption not in found:
                    kills = requirement.remainder
                    remainder = None if kills is None else a.rule.line("remainder", kills, a.parts)
                    other = counterexample(a.rule, position) if remainder is None else None
                    found[assumption] = Without(assumption, remainder, other)
        return tuple(found.values())

    @property
    def validity(self) -> str:
        """ "exact", or "limit" with the limit's name."""
        return f"limit, {self.rule.limit}" if self.rule.limit else "exact"

    @property
    def precision(self) -> str:
        """The kind of number: "closed form", "enclosure" or "estimate"."""
        return max((a.rule.kind_of_number(a.parts) for a in self.applied), key=KINDS.index)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the errors of its numbers."""
        if (of := self.rule.note) is None:
            return ()
        return tuple(note for a in self.applied if (note := self.rule.asked("note", of, **a.parts)))

    def __str__(self) -> str:
        return f"{self.subject} = {self.after}    [{self.rule.name}]"


def _any_dependence(application: Application) -> bool:
    """Whether nothing assumed here concerns two places of one variable of unknown distribution."""
    for assumption in application.assumptions:
        if assumption.kind in HARMLESS:
            continue
        unknown = [
            {v for v in variables(subject) if isinstance(v.distribution, Unknown)}
            for subject in assumption.subjects
        ]
        if any(unknown) and (
            assumption.kind != "independence" or len(set().union(*unknown)) < sum(map(len, unknown))
        ):
            return False
    return True


@cache
def counterexample(rule: Rule, position: int) -> Counterexample | None:
    """Return the witness of a rule's assumption in numbers, None if its truth is beyond the rules.

    Raises:
        ParameterError: the rule's claim holds for its witness, which then shows nothing.
    """
    parts = rule.broken(rule.requirements[position])
    quantity = rule.line("claim", rule.claim, parts)
    try:
        truth = value(quantity)
        formula = value(at_numbered_places(rule.line("formula", rule.formula, parts)))
    except (DerivationError, MomentError):
        return None
    if sp.expand(truth - formula) == 0:
        raise rule.faulty(
            "witness", f"breaks nothing: {quantity} is {truth} with it and without", "Give another."
        )
    return Counterexample(quantity, truth, formula)


def at_numbered_places(line: sp.Expr) -> sp.Expr:
    """Return a line with the free places of joint variables numbered, since these are not alike."""
    moved: dict[Quantity, Quantity] = {}
    for noun in nouns(line):
        places: dict[Axis, dict[Index, Index]] = {}
        for index in sorted(
            frozenset().union(*(e.indices for e in noun.expressions)), key=lambda i: (i.kind, i.key)
        ):
            taken = places.setdefault(index.axis, {})
            if index.axis.size.is_Integer and len(taken) < index.axis.size and index.kind != "position":
                taken[index] = index.axis.at(len(taken))
        table = {old: new for axis in places.values() for old, new in axis.items()}
        moved[noun] = noun.over(*(replace_indices(e, table) for e in noun.expressions))
    return line.xreplace(moved)


def _once(assumptions: Iterable[Assumption]) -> tuple[Assumption, ...]:
    return tuple(dict.fromkeys(assumptions))


@dataclass(frozen=True)
class Derivation(Shown):
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

    @property
    def claims(self) -> Claims:
        """The local equations of all steps, each once."""
        return Claims(dict.fromkeys(claim for step in self.steps for claim in step.claims))

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

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the errors of its numbers, each once."""
        return tuple(dict.fromkeys(note for step in self.steps for note in step.notes))

    __str__ = Shown.__str__

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)


def tidy(value: sp.Expr) -> sp.Expr:
    """Return the shortest of the forms that are cheap to find: as it is, expanded, factored.

    Powers of sums with erf stay as they are: expanded they only grow.
    """
    if value.is_number or value.is_Symbol or value.has(sp.erf):
        return value
    total = expanded(value, log=False, power_exp=False, basic=False)
    forms = [value, total]
    many = total is value or len(total.args) > MOST_EXPANDED or len(value.free_symbols) > MOST_SYMBOLS
    if many and isinstance(value, sp.Add) and len(value.args) <= MOST_FACTORED:
        forms.append(sp.factor_terms(value))
    if isinstance(total, sp.Add) and len(total.args) <= MOST_EXPANDED:
        forms.append(_common_factor(total))
        symbols = total.free_symbols
        few = len(total.args) > 3 and len(symbols) <= MOST_SYMBOLS  # with more, factors may take minutes
        if few and total.is_rational_function(*symbols):
            forms.append(sp.factor(total))
    least = min(map(length, forms))
    shortest = list(dict.fromkeys(form for form in forms if length(form) == least))
    return shortest[0] if len(shortest) == 1 else min(shortest, key=lambda form: len(str(form)))


def _common_factor(total: sp.Add) -> sp.Expr:
    """Return a sum with what all its terms share in front."""
    coefficients, terms = zip(*(term.as_coeff_Mul() for term in total.args), strict=True)
    powers = [term.as_powers_dict() for term in terms]
    front = sp.gcd_list(coefficients) * (-1 if all(number < 0 for number in coefficients) else 1)
    for base in powers[0]:
        exponents = {of.get(base, sp.S.Zero) for of in powers}
        if len(exponents) == 1 or all(exponent.is_Rational for exponent in exponents):
            front *= base ** min(exponents)
    return front * sp.Add(*(term / front for term in total.args))


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

    def conclusion(self) -> Text:
        left, right = map(line_math, self.sides)
        equation = Math(f"{left.latex} = {right.latex}", f"{left.plain} = {right.plain}")
        found = line_math(self.result)
        answer = Math(f"{sp.latex(self.unknown)} = {found.latex}", f"{self.unknown} = {found.plain}")
        return Text("Solved: ", equation, " gives ", answer, f" ({self.validity}, {self.precision})")
