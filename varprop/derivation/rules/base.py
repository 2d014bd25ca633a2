"""What a rule is: a record that matches a quantity, names its assumptions, and states a formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy as sp

from varprop.derivation.assumptions import Assumption
from varprop.derivation.quantities import Quantity
from varprop.derivation.structure import Structure

__all__ = ["Parts", "Requirement", "Rule"]

Parts: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Requirement:
    """An assumption of a rule, with what happens without it.

    Args:
        test: `test(structure, **parts)` answers proven, refuted or unknown.
        witness: returns parts that break this assumption, and no other one of the rule.
        remainder: `remainder(**parts)` is the term that the assumption kills, if there is one.
    """

    test: Callable[..., Assumption]
    witness: Callable[[], Parts]
    remainder: Callable[..., sp.Expr] | None = None


@dataclass(frozen=True)
class Rule:
    """One equality between a quantity and a formula of simpler quantities.

    Args:
        name: what a proof calls it.
        theorem: the statement, in LaTeX.
        source: where it is proved.
        match: yields the parts of every way to read a quantity as the left side.
        claim: `claim(**parts)` is the left side.
        formula: `formula(**parts)` is the right side.
        example: returns parts for which it holds.
        requirements: its assumptions; none for an identity.
        limit: the limit in which it holds, such as "fan_in -> oo"; empty if it is exact.
        is_value: whether it turns quantities of single variables into numbers; these come last in a proof.
        precision: `precision(**parts)`, the kind of number it yields, if not a closed form.
        note: `note(**parts)`, the error of a number that is no closed form; empty if there is none.
    """

    name: str
    theorem: str
    source: str
    match: Callable[[Quantity, Structure], Iterable[Parts]]
    claim: Callable[..., Quantity]
    formula: Callable[..., sp.Expr]
    example: Callable[[], Parts]
    requirements: tuple[Requirement, ...] = ()
    limit: str = ""
    is_value: bool = False
    precision: Callable[..., str] | None = None
    note: Callable[..., str] | None = None

    def assumptions(self, structure: Structure, parts: Parts) -> tuple[Assumption, ...]:
        """Return the verdict on every assumption for these parts."""
        return tuple(requirement.test(structure, **parts) for requirement in self.requirements)

    def __reduce__(self) -> tuple[Callable[[str], Rule], tuple[str]]:
        return _by_name, (self.name,)


_REGISTERED: dict[str, Rule] = {}


def register(rule: Rule) -> Rule:
    """Make a rule known by its name, so that proofs using it can be stored; returns the rule."""
    _REGISTERED[rule.name] = rule
    return rule


def _by_name(name: str) -> Rule:
    return _REGISTERED[name]
