"""Derivations as documents: what is derived, from what, line by line, and what each assumption is for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import sympy as sp

from varprop.derivation.assumptions import Assumption
from varprop.derivation.eliding import line_math
from varprop.derivation.quantities import Claims, Quantity, nouns
from varprop.derivation.rules import Rule
from varprop.model.distributions import Unknown
from varprop.model.expressions import Expression, powers_of
from varprop.model.printing import Names, naming, to_latex, to_text
from varprop.model.variables import RandomVariable, leaf, variables
from varprop.render import Badge, Bullets, Document, Documented, Heading, Line, Math, Text

__all__ = ["Shown", "line_math", "names_of"]


MOST_ASSUMPTIONS = 12
"""Of more assumptions than these, the others of a line are counted only."""


class Counterexample(Protocol):
    """A model that breaks one assumption, in numbers."""

    @property
    def quantity(self) -> Quantity: ...
    @property
    def truth(self) -> sp.Expr: ...
    @property
    def formula(self) -> sp.Expr: ...


class Without(Protocol):
    """What a line would be without an assumption."""

    @property
    def assumption(self) -> Assumption: ...
    @property
    def remainder(self) -> sp.Expr | None: ...
    @property
    def counterexample(self) -> Any: ...


class Step(Protocol):
    """What is shown of a line."""

    @property
    def subject(self) -> sp.Expr: ...
    @property
    def before(self) -> sp.Expr: ...
    @property
    def after(self) -> sp.Expr: ...
    @property
    def rule(self) -> Rule: ...
    @property
    def without(self) -> tuple[Any, ...]: ...


class Shown(Documented):
    """Something proved line by line, that can be read in a terminal, in LaTeX, Markdown and HTML."""

    goal: sp.Expr
    steps: tuple[Any, ...]

    @property
    def result(self) -> sp.Expr:
        """The formula that was derived."""
        raise NotImplementedError  # pragma: no cover

    @property
    def claims(self) -> Claims:
        """The local equations it rests on."""
        raise NotImplementedError  # pragma: no cover

    @property
    def validity(self) -> str:
        """The worst validity of the steps."""
        raise NotImplementedError  # pragma: no cover

    @property
    def precision(self) -> str:
        """The worst precision of the steps."""
        raise NotImplementedError  # pragma: no cover

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the errors of its numbers."""
        raise NotImplementedError  # pragma: no cover

    def document(self, badges: Mapping[int, Badge] | None = None) -> Document:
        """Return the whole as a document.

        Args:
            badges: the verdict of the check of each step, by its position.
        """
        return _document(self, badges or {})

    def conclusion(self) -> Text:
        """Return the last line: what was derived."""
        goal, result = line_math(self.goal), line_math(self.result)
        found = Math(f"{goal.latex} = {result.latex}", f"{goal.plain} = {result.plain}")
        return Text("Result: ", found, f" ({self.validity}, {self.precision})")

    def _repr_latex_(self) -> str:
        with naming(names_of(self)):
            return f"$\\displaystyle {line_math(self.goal).latex} = {line_math(self.result).latex}$"

    def __str__(self) -> str:
        return self.to_text()


def names_of(proof: Shown) -> Names:
    """Return the names to use for a proof: one per variable, and z for what it is about."""
    found: dict[Expression, None] = {}
    for noun in _all_nouns(proof):
        found.update(dict.fromkeys(noun.expressions))
    roots = tuple(found)
    return Names(roots, {} if (subject := _subject(proof)) is None else {subject: "z"})


def _all_nouns(proof: Shown) -> dict[Quantity, None]:
    lines = [proof.goal, *(line for step in proof.steps for line in (step.subject, step.before, step.after))]
    claims = [side for claim in proof.claims for side in (claim.left, claim.right)]
    return dict.fromkeys(noun for line in (*lines, *claims) for noun in nouns(line))


def _subject(proof: Shown) -> Expression | None:
    """Return the one expression that a goal is about, if it is worth a name of its own."""
    cores = set()
    for noun in nouns(proof.goal):
        for e in noun.expressions:
            factors = powers_of(e)
            cores.add(factors[0][0] if len(factors) == 1 else e)
    if len(cores) != 1 or isinstance(core := cores.pop(), RandomVariable):
        return None
    taken = {variable.name for variable in variables(core)} | {index.axis.name for index in core.indices}
    return None if "z" in taken else core


def _document(proof: Shown, badges: Mapping[int, Badge]) -> Document:
    names = names_of(proof)
    subject = _subject(proof)
    bare = Names(names.roots)
    with naming(bare):
        about = Math(f"z = {to_latex(subject)}", f"z = {to_text(subject)}") if subject is not None else None
    with naming(names):
        blocks: list[object] = [Heading(f"Derivation of {proof.goal}")]
        blocks.extend(_setting(proof, about))
        shown: set[object] = set()
        for number, step in enumerate(proof.steps, start=1):
            start = number == 1 or proof.steps[number - 2].subject is not step.subject
            badge = badges.get(number - 1)
            blocks.append(_line(step, number, start, badge, shown))
        blocks.append(proof.conclusion())
        if proof.notes:
            blocks.append(Bullets(proof.notes))
    return Document(blocks)  # type: ignore[arg-type]


def _setting(proof: Shown, about: Math | None) -> list[object]:
    laws = []
    any_dependence = bool(proof.claims) and all(claim.any_dependence for claim in proof.claims)
    for variable in variables(*(e for noun in nouns(proof.goal) for e in noun.expressions)):
        one = leaf(variable, tuple(axis.index for axis in variable.axes))
        law = variable.distribution
        along = "".join(f", independent along {axis.name} = 1..{axis.size}" for axis in variable.axes)
        if variable.is_joint:
            along = ""
        elif isinstance(law, Unknown) and any_dependence:
            along = "".join(f", along {axis.name} = 1..{axis.size}" for axis in variable.axes)
            along += ", dependent or not" if along else ""
        text = law.in_full() if isinstance(law, Unknown) else str(law)
        laws.append(Text(Math(rf"{to_latex(one)} \sim {law.latex()}", f"{to_text(one)} ~ {text}"), along))
    return [*([about] if about is not None else []), Bullets(laws)]


def _line(step: Step, number: int, start: bool, badge: Badge | None, shown: set[object]) -> Line:
    new = [without for without in step.without if without.assumption not in shown]
    shown.update(without.assumption for without in new)
    return Line(
        right=line_math(step.after),
        left=line_math(step.subject) if start else None,
        number=number,
        reason=step.rule.name,
        notes=_notes(new),
        badge=badge,
    )


def _notes(needed: Sequence[Without]) -> Iterator[Text]:
    """What a line rests on, and then what it would be without each."""
    told = needed[:MOST_ASSUMPTIONS]
    yield from (Text("since ", *assumption_text(without).parts) for without in told)
    if len(needed) > len(told):
        yield Text(f"and {len(needed) - len(told)} more of this kind")
    yield from (
        Text("without ", *text.parts) for without in told if (text := without_text(without)) is not None
    )


def assumption_text(without: Without) -> Text:
    """Return the sentence of an assumption, its subjects as formulas."""
    assumption = without.assumption
    maths = [Math(to_latex(e), to_text(e)) for e in assumption.subjects]
    return Text(*_filled(assumption.sentence, maths))


def _filled(sentence: str, maths: Sequence[Math]) -> list[str | Math]:
    parts: list[str | Math] = [sentence]
    for position, math in enumerate(maths):
        slot = f"{{{position}}}"
        parts = [
            piece
            for part in parts
            for piece in (_between(part, slot, math) if isinstance(part, str) else [part])
        ]
    return parts


def _between(text: str, slot: str, math: Math) -> list[str | Math]:
    pieces: list[str | Math] = []
    for position, piece in enumerate(text.split(slot)):
        pieces.extend([math, piece] if position else [piece])
    return [piece for piece in pieces if piece != ""]


def without_text(without: Without) -> Text | None:
    """Return what happens without an assumption: the further term, or a counterexample in numbers."""
    kind = without.assumption.kind
    if without.remainder == 0:
        return Text(f"{kind}: nothing changes here")
    if without.remainder is not None:
        return Text(f"{kind}: add ", line_math(without.remainder))
    if without.counterexample is None:
        return None
    other = without.counterexample
    with naming(Names(other.quantity.expressions)):
        quantity = line_math(other.quantity)
    return Text(f"{kind}: ", quantity, " is ", _number(other.truth), ", not ", _number(other.formula))


def _number(value: sp.Expr) -> Math:
    exact = sp.nsimplify(value) if value.is_Rational else value
    short = exact if not exact.is_number or len(str(exact)) <= 12 else sp.N(exact, 6)
    return line_math(short)
