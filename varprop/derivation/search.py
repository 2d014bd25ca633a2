"""The search for one way to derive every quantity that is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from varprop.derivation.assumptions import Assumption
from varprop.derivation.integrability import require_existence
from varprop.derivation.quantities import Quantity, nouns
from varprop.derivation.rules import RULES, Parts, Rule
from varprop.derivation.structure import Structure
from varprop.errors import DerivationError, MomentError, VarpropError, WorkLimitError
from varprop.model.walks import walk

__all__ = ["MOST_QUANTITIES", "Application", "Search", "topological", "value"]

MOST_QUANTITIES = 50_000
"""A derivation that meets more quantities than this is given up."""

LONGEST_CHAIN = 1000
LINKS_PER_NODE = 20
"""So is a chain of quantities, each needed by the one before, of more links than that."""


@dataclass(frozen=True)
class Application:
    """One rule applied to one quantity."""

    noun: Quantity
    rule: Rule
    parts: Parts = field(hash=False)
    formula: sp.Expr
    assumptions: tuple[Assumption, ...]
    needs: tuple[Quantity, ...]


@dataclass
class Frame:
    """A quantity on its way: the ways left to try, the one being tried, what that one still needs."""

    noun: Quantity
    ways: Iterator[Application]
    current: Application | None = None
    needed: list[Quantity] = field(default_factory=list)


@dataclass
class Search:
    """Finds one way for every quantity it meets; each quantity is derived once."""

    rules: Sequence[Rule]
    structure: Structure = field(default_factory=Structure)
    found: dict[Quantity, Application] = field(default_factory=dict)
    failed: dict[Quantity, VarpropError] = field(default_factory=dict)

    def ways(self, noun: Quantity) -> Iterator[Application]:
        """Yield every application of a rule whose assumptions are all proven."""
        refused: list[tuple[Rule, Assumption]] = []
        used: dict[str, None] = {}
        cause: VarpropError | None = None
        for rule in self.rules:
            for parts in rule.readings(noun, self.structure):
                try:
                    assumptions, missing = self._tested(rule, parts)
                    if missing is not None:
                        refused.append((rule, missing))
                        continue
                    formula = rule.line("formula", rule.formula, parts)
                    if formula == 0 and not rule.is_value:
                        require_existence(self.structure, noun)  # it has dropped all that would have asked
                except MomentError as error:
                    cause = cause or error
                    continue
                used[rule.name] = None
                yield Application(noun, rule, parts, formula, assumptions, tuple(nouns(formula)))
        if noun not in self.failed:
            self.failed[noun] = cause or _no_rule(noun, refused, list(used))

    def _tested(self, rule: Rule, parts: Parts) -> tuple[tuple[Assumption, ...], Assumption | None]:
        """Return the assumptions of a rule up to the first that is not proven, and that one."""
        found: list[Assumption] = []
        for requirement in rule.requirements:
            found.append(rule.tested(requirement, self.structure, parts))
            if found[-1].verdict != "proven":
                return tuple(found), found[-1]
        return tuple(found), None

    def run(self, goals: Sequence[Quantity]) -> None:
        """Find a way for the goals and for all they need.

        Raises:
            DerivationError: no rule covers a quantity that is needed.
            MomentError: a moment that is needed does not exist or was not declared.
        """
        for goal in goals:
            self._run(goal)

    def _run(self, goal: Quantity) -> None:
        parts = sum(1 for _ in walk(*goal.expressions))
        longest = LONGEST_CHAIN + LINKS_PER_NODE * parts
        stack = [Frame(goal, self.ways(goal))]
        active = {goal}
        first: VarpropError | None = None
        while stack:
            frame = stack[-1]
            if frame.noun in self.found:
                active.discard(stack.pop().noun)
                continue
            if frame.current is not None:
                while frame.needed and frame.needed[-1] in self.found:
                    frame.needed.pop()
                if not frame.needed:
                    self.found[frame.noun] = frame.current
                    continue
                needed = frame.needed[-1]
                if needed not in self.failed and needed not in active:
                    active.add(needed)
                    stack.append(Frame(needed, self.ways(needed)))
                    if len(stack) > longest:
                        raise WorkLimitError(
                            f"{goal}",
                            f"it needs a chain of more than {longest} quantities, the "
                            f"last one asked for by '{frame.current.rule.name}'",
                            "Ask for less at once, or correct a rule that always needs a further quantity",
                        )
                    continue
                frame.current = None
            frame.current = next(frame.ways, None)
            if frame.current is None:
                first = first or self.failed.get(frame.noun)
                self.failed.setdefault(frame.noun, first or _no_rule(frame.noun, [], []))
                active.discard(stack.pop().noun)
                continue
            frame.needed = list(frame.current.needs)
            if len(self.found) + len(self.failed) > MOST_QUANTITIES:
                raise WorkLimitError(
                    f"{goal}", f"it needs more than {MOST_QUANTITIES} quantities", "Ask for less at once"
                )
        if goal not in self.found:
            error = first or self.failed[goal]
            raise error


def _no_rule(
    noun: Quantity, refused: Sequence[tuple[Rule, Assumption]], used: Sequence[str]
) -> DerivationError:
    if used and not refused:
        return DerivationError(
            f"{noun}",
            "what rules make of it leads back to where it came from: " + ", ".join(map(repr, used[:4])),
            "Give rules that go on: rules=(rule, *vp.RULES)",
        )
    if not refused:
        return DerivationError(
            f"{noun}", "no rule is about such a quantity", "Add a rule of your own: rules=(rule, *vp.RULES)"
        )
    reasons = "; ".join(
        f"'{rule.name}' needs that {missing}, which is {missing.verdict}" for rule, missing in refused[:4]
    )
    return DerivationError(
        f"{noun}",
        f"no rule covers it: {reasons}",
        "Declare what is missing, or add a rule: rules=(rule, *vp.RULES)",
    )


def topological(goal: sp.Expr, found: Mapping[Quantity, Application]) -> list[Quantity]:
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
            stack.extend((child, False) for child in found[noun].needs if child not in opened)
    return list(reversed(done))


def value(line: sp.Expr) -> sp.Expr:
    """Return the value of a line of quantities, without writing down how it was found.

    Raises:
        DerivationError: no rule covers a quantity that is needed.
    """
    search = Search(RULES)
    search.run(nouns(line))
    values: dict[Quantity, sp.Expr] = {}
    for noun in reversed(topological(line, search.found)):
        values[noun] = search.found[noun].formula.xreplace(values)
    return line.xreplace(values)
