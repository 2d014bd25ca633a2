"""What an answer is made of: statements, each a sentence, a formula, a derivation, numbers and evidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import sympy as sp

from varprop.derivation.proofs import Derivation
from varprop.questions.drawing import Picture, draw
from varprop.render import Badge, Bullets, Document, Documented, Heading, Math, Table, Text
from varprop.render.blocks import Tone

__all__ = ["Answer", "Finding", "Statement", "Verdict", "shown"]

Verdict: TypeAlias = Literal["agrees", "disagrees", "inconclusive"]
TONES: dict[str, Tone] = {"agrees": "good", "disagrees": "bad", "inconclusive": "unclear"}


def shown(value: Any, digits: int = 4) -> str:
    """A number as text: exact if it is a short fraction, else so many digits."""
    if isinstance(value, sp.Expr) and (not value.is_number or len(str(value)) <= 12):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, sp.Expr) and value and not 1e-300 < abs(value) < 1e300:
        return str(sp.N(value, digits))
    return f"{float(value):.{digits}g}"


def many(count: int, noun: str) -> str:
    """A number and its noun: 1 layer, 50 layers."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def as_float(value: Any) -> float | None:
    """A number as a float, None for a formula."""
    symbolic = isinstance(value, sp.Expr) and not value.is_number
    return None if symbolic or not math.isfinite(float(value)) else float(value)


@dataclass(frozen=True)
class Finding:
    """Whether a second, independent way to a number agrees with it.

    Args:
        verdict: "agrees", "disagrees" or "inconclusive".
        how: the second way, and how large an error it would have noticed.
    """

    verdict: Verdict
    how: str


@dataclass(frozen=True)
class Statement(Documented):
    """One statement of an answer.

    Args:
        key: a short name.
        sentence: what it says, in plain words.
        formula: the mathematics behind it.
        numbers: name and value of each number, computed from the parameters.
        evidence: one finding per number that is put to the test.
        derivation: line by line, where there is one.
        note: what else there is to know.
    """

    key: str
    sentence: str
    formula: Math
    numbers: tuple[tuple[str, Any], ...]
    evidence: tuple[Finding, ...]
    derivation: Derivation | None = None
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """ "disagrees" if any finding does, "agrees" if all do, else "inconclusive"."""
        verdicts = {finding.verdict for finding in self.evidence}
        if "disagrees" in verdicts:
            return "disagrees"
        return "agrees" if verdicts == {"agrees"} else "inconclusive"

    @property
    def number(self) -> Any:
        """The first of its numbers."""
        return self.numbers[0][1]

    def __getitem__(self, name: str) -> Any:
        return dict(self.numbers)[name]

    def document(self, full: bool = True) -> Document:
        """Return the statement; with `full`, also its derivation line by line."""
        blocks: list[Any] = [Text(self.sentence, " ", Badge(self.verdict, TONES[self.verdict])), self.formula]
        blocks.append(
            Table(["number", "value"], [[name, shown(value)] for name, value in self.numbers], align="lr")
        )
        if full and self.derivation is not None:
            blocks += self.derivation.document().blocks
        blocks.append(Bullets([f"Evidence ({finding.verdict}): {finding.how}." for finding in self.evidence]))
        if self.note:
            blocks.append(Text(self.note))
        return Document(blocks)

    def to_dict(self) -> dict[str, Any]:
        """Plain records for JSON."""
        return {
            "key": self.key,
            "sentence": self.sentence,
            "formula": {"latex": self.formula.latex, "plain": self.formula.plain},
            "numbers": {
                name: {
                    "value": as_float(value),
                    "text": shown(value, 10),
                    "error": getattr(value, "error", None),
                }
                for name, value in self.numbers
            },
            "verdict": self.verdict,
            "evidence": [{"verdict": finding.verdict, "how": finding.how} for finding in self.evidence],
            "derivation": None if self.derivation is None else str(self.derivation.result),
            "note": self.note,
        }


@dataclass(frozen=True)
class Answer(Documented):
    """The answer to a question: a tuple of statements.

    Args:
        name: of the question.
        question: as it was asked.
        short: the answer in two sentences.
        statements: in the order of the argument.
        painted: makes the pictures when they are asked for.
    """

    name: str
    question: str
    short: str
    statements: tuple[Statement, ...]
    painted: Callable[[], Iterable[Picture]] = field(default=tuple, compare=False, repr=False)

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """What to look at."""
        return tuple(self.painted())

    def __iter__(self) -> Iterator[Statement]:
        return iter(self.statements)

    def __len__(self) -> int:
        return len(self.statements)

    def __getitem__(self, key: str | int) -> Statement:
        if isinstance(key, int):
            return self.statements[key]
        return {statement.key: statement for statement in self.statements}[key]

    @property
    def verdict(self) -> Verdict:
        """ "disagrees" if any statement does, "agrees" if all do, else "inconclusive"."""
        verdicts: Sequence[Verdict] = [statement.verdict for statement in self.statements]
        if "disagrees" in verdicts:
            return "disagrees"
        return "agrees" if verdicts and set(verdicts) == {"agrees"} else "inconclusive"

    def document(self, full: bool = False) -> Document:
        """Return all statements; with `full`, every derivation line by line."""
        blocks: list[Any] = [Heading(self.question, 1), Text(self.short)]
        for number, statement in enumerate(self.statements, start=1):
            blocks.append(Heading(f"{number}. {statement.key[0].upper()}{statement.key[1:]}"))
            blocks += statement.document(full).blocks
        return Document(blocks)

    def plot(self, path: str | Path) -> Path:
        """Draw the pictures into one file.

        Args:
            path: of the file; its ending chooses the format: .png, .svg or .pdf.

        Raises:
            ParameterError: matplotlib is not installed, or cannot write such a file.
        """
        return draw(self.pictures, path)

    def summary(self) -> Document:
        """Return one line per statement: its first number and its verdict."""
        rows: list[list[Any]] = []
        for statement in self.statements:
            name, value = statement.numbers[0]
            badge = Badge(statement.verdict, TONES[statement.verdict])
            rows.append([statement.key, f"{name} = {shown(value)}", badge])
        return Document(
            [Heading(self.question), Text(self.short), Table(["statement", "number", "evidence"], rows)]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain records for JSON."""
        return {
            "question": self.question,
            "short": self.short,
            "verdict": self.verdict,
            "statements": [statement.to_dict() for statement in self.statements],
        }

    def __str__(self) -> str:
        return self.to_text()
