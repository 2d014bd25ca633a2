"""What a rule is: a record that matches a quantity, names its assumptions, and states a formula."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, get_args

import sympy as sp

from varprop.derivation.assumptions import Assumption, Truth
from varprop.derivation.quantities import Quantity
from varprop.derivation.structure import Structure
from varprop.errors import ParameterError, VarpropError, brief
from varprop.model.calls import explained
from varprop.model.scalars import scalar

__all__ = ["KINDS", "Parts", "Requirement", "Rule"]

KINDS = ("closed form", "enclosure", "estimate")
"""The kinds of number a rule may yield, from the best to the worst."""

Parts: TypeAlias = Mapping[str, Any]


@explained
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

    def __post_init__(self) -> None:
        for name in ("test", "witness", "remainder"):
            _function("Requirement", name, getattr(self, name), optional=name == "remainder")


@explained
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

    Raises:
        ParameterError: a field is of another kind; in use, also what its functions raise or return.
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

    def __post_init__(self) -> None:
        for name in ("name", "theorem", "source", "limit"):
            text = getattr(self, name)
            if not isinstance(text, str) or (name == "name" and not text.strip()):
                raise ParameterError(f"Rule({name}={brief(text)})", "it is no text", "Say it in words.")
        for name in ("match", "claim", "formula", "example", "precision", "note"):
            _function("Rule", name, getattr(self, name), optional=name in ("precision", "note"))
        given = self.requirements
        if not isinstance(given, tuple) or not all(isinstance(each, Requirement) for each in given):
            raise ParameterError(
                f"Rule(requirements={brief(given, 60)})",
                "it is no tuple of them",
                "Give (Requirement(...),).",
            )

    def readings(self, noun: Quantity, structure: Structure) -> Iterator[Parts]:
        """Yield the parts of every way to read a quantity as the left side."""
        try:
            for parts in self.match(noun, structure):
                if not isinstance(parts, Mapping):
                    raise self.faulty("match", f"yields {brief(parts, 60)}", "Yield a dict of the parts.")
                yield parts
        except VarpropError:
            raise
        except Exception as problem:
            raise self._raised("match", problem) from problem

    def tested(self, requirement: Requirement, structure: Structure, parts: Parts) -> Assumption:
        """Return the verdict on one of its assumptions for these parts."""
        found = self.asked("test of an assumption", requirement.test, structure, **parts)
        if not isinstance(found, Assumption) or found.verdict not in get_args(Truth):
            raise self.faulty(
                "test of an assumption",
                f"answers {brief(found, 60)}",
                "Return an Assumption whose verdict is proven, refuted or unknown.",
            )
        return found

    def assumptions(self, structure: Structure, parts: Parts) -> tuple[Assumption, ...]:
        """Return the verdict on every assumption for these parts."""
        return tuple(self.tested(requirement, structure, parts) for requirement in self.requirements)

    def line(self, what: str, function: Callable[..., sp.Expr], parts: Parts) -> sp.Expr:
        """Return what one of its functions makes of the parts: a line of quantities and numbers."""
        found = self.asked(what, function, **parts)
        return found if isinstance(found, sp.Expr) else scalar(found, f"the {what} of rule '{self.name}'")

    def kind_of_number(self, parts: Parts) -> str:
        """Return the kind of number it yields for these parts, one of KINDS."""
        kind = "closed form" if self.precision is None else self.asked("precision", self.precision, **parts)
        if kind not in KINDS:
            raise self.faulty("precision", f"is {brief(kind, 60)}", f"Choose of {', '.join(KINDS)}")
        return str(kind)

    def broken(self, requirement: Requirement) -> Parts:
        """Return the witness of one of its assumptions."""
        parts = self.asked("witness", requirement.witness)
        if not isinstance(parts, Mapping):
            raise self.faulty("witness", f"is {brief(parts, 60)}", "Return a dict of the parts.")
        return parts

    def asked(self, what: str, function: Callable[..., Any], /, *given: object, **parts: object) -> Any:
        """Return the answer of one of its functions.

        Raises:
            ParameterError: the function raises an error that says nothing of varprop.
        """
        try:
            return function(*given, **parts)
        except VarpropError:
            raise
        except Exception as problem:
            raise self._raised(what, problem) from problem

    def _raised(self, what: str, problem: Exception) -> ParameterError:
        return self.faulty(what, f"raised {type(problem).__name__}: {problem}", "Correct it.")

    def faulty(self, what: str, problem: str, remedy: str) -> ParameterError:
        """Return the error that says which of its functions is wrong, how, and what would be right."""
        return ParameterError(f"rule '{self.name}'", f"its {what} {problem}", remedy)

    def __reduce_ex__(self, protocol: Any) -> Any:
        if _REGISTERED.get(self.name) is self:
            return _by_name, (self.name,)
        return super().__reduce_ex__(protocol)


def _function(record: str, name: str, given: object, optional: bool) -> None:
    if not callable(given) and not (optional and given is None):
        raise ParameterError(f"{record}({name}={brief(given, 60)})", "it is no function", "Give a function.")


_REGISTERED: dict[str, Rule] = {}


def register(rule: Rule) -> Rule:
    """Make a rule known by its name, so that proofs using it can be stored; returns the rule."""
    _REGISTERED[rule.name] = rule
    return rule


def _by_name(name: str) -> Rule:
    return _REGISTERED[name]
