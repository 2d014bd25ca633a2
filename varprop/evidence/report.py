"""What a check found: verdicts, limits, and all that is needed to repeat it."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from varprop.errors import CheckError, ParseError
from varprop.render import Badge, Code, Document, Documented, Table, Text
from varprop.render.blocks import Tone
from varprop.simulation.sequential import Resolution, Verdict

__all__ = ["ClaimEvidence", "Evidence"]

KIND, SCHEMA = "evidence", 2
ENGINE = ("executor", "executor_factory", "checkpoint", "deadline", "progress", "on_look")
NUMBERS = ("estimate", "claimed", "standard_error", "blocks", "samples")
TONES: Mapping[Verdict, Tone] = {"agrees": "good", "disagrees": "bad", "inconclusive": "unclear"}
NOT_FINITE = {
    "estimate": math.nan,
    "claimed": math.nan,
    "low": -math.inf,
    "high": math.inf,
    "standard_error": math.inf,
    "factor": math.inf,
}


@dataclass(frozen=True)
class ClaimEvidence:
    """What the test of one claim found, under one choice of samplers.

    Args:
        claim: the equation, in text.
        verdict: "agrees", "disagrees" or "inconclusive".
        estimate: estimate of the left side at the look.
        claimed: the number on the right, or the estimate of the right side.
        numeric: whether the right side is a number.
        low: lower limit of left minus right, at level alpha.
        high: upper limit of left minus right, at level alpha.
        standard_error: of left minus right.
        factor: the factor off the claim that the limits exclude; inf if they exclude none.
        look: which planned look decided, counted from 1; 0 if none was complete.
        looks: how many were planned.
        blocks: block results computed.
        samples: samples drawn for them.
        alarm: why no decision was allowed, if so.
        resolution: what "agrees" excludes.
        relied: what the sampler relied on.
        interrupted: whether the run was stopped.
        note: what else there is to know.
        plan: the planned looks, as numbers of block results.
        chunks: block results per chunk, for each side that is sampled.
    """

    claim: str
    verdict: Verdict
    estimate: float
    claimed: float
    numeric: bool
    low: float
    high: float
    standard_error: float
    factor: float
    look: int
    looks: int
    blocks: int
    samples: int
    alarm: str
    resolution: Resolution
    relied: tuple[str, ...]
    interrupted: bool = False
    note: str = ""
    plan: tuple[int, ...] = ()
    chunks: tuple[int, ...] = ()

    @property
    def limits(self) -> tuple[float, float]:
        """Limits of the left side where the right is a number, else of left minus right."""
        shift = self.claimed if self.numeric else 0.0
        return self.low + shift, self.high + shift

    def __str__(self) -> str:
        low, high = self.limits
        what = "limits" if self.numeric else "left - right in"
        found = f"estimate {self.estimate:.6g}, claimed {self.claimed:.6g}, {what} [{low:.6g}, {high:.6g}]"
        lines = [
            f"{self.verdict:<13}{self.claim}",
            (found if self.look else "no estimate: no look was complete")
            + (f", alarm: {self.alarm}" if self.alarm else ""),
            f"look {self.look} of {self.looks}, {self.blocks} blocks, {self.samples:.3g} samples"
            + (", interrupted" if self.interrupted else ""),
            *([self.note] if self.note else []),
        ]
        return "\n".join(
            textwrap.fill(line, 80, subsequent_indent=" " * 13, initial_indent=" " * 13 * (k > 0))
            for k, line in enumerate(lines)
        )


@dataclass(frozen=True)
class Evidence(Documented):
    """The verdict of a check, and all that is needed to judge and to repeat it.

    Args:
        verdict: "disagrees" if any claim does, "agrees" if all do, else "inconclusive".
        claims: what each claim's test found.
        at: the values of all symbols, also those chosen by default.
        seed: the seed, also if it was derived from the claims.
        alpha: bound on P(disagrees | all claims true), over all claims and looks together.
        premise: what the limits rest on.
        resolution: what "agrees" excludes.
        fingerprint: the arithmetic of the machine in one word; where it is equal, a rerun has the same bits.
        settings: the keywords of `check` that repeat it.
    """

    verdict: Verdict
    claims: tuple[ClaimEvidence, ...]
    at: Mapping[str, str] = field(hash=False)
    seed: int
    alpha: float
    premise: str
    resolution: Resolution
    fingerprint: str = field(default="", compare=False)
    settings: Mapping[str, Any] = field(default_factory=dict, compare=False)
    again: Callable[..., Evidence] | None = field(default=None, compare=False, repr=False)

    @property
    def samples(self) -> int:
        """Samples drawn in all."""
        return sum(claim.samples for claim in self.claims)

    @property
    def interrupted(self) -> bool:
        """Whether the run was stopped before its plan was complete."""
        return any(claim.interrupted for claim in self.claims)

    def rerun(self, **engine: Any) -> Evidence:
        """Run the check again from its seed, plan and settings, and hold the numbers against each other.

        Args:
            engine: keywords of `check` that change no result: executor, executor_factory, checkpoint,
                deadline, progress, on_look.

        Returns:
            The new evidence. On a machine of other arithmetic its last digits may differ, and
            its fingerprint says so.

        Raises:
            CheckError: the evidence was read from a text, or was interrupted; or the numbers differ: at all
                on the same arithmetic, by more than 1e-9 on another; or a keyword would change the result.
        """
        if self.again is None or self.interrupted:
            raise CheckError(
                "rerun",
                "the evidence was interrupted" if self.interrupted else "the evidence was read from a text",
                "Call vp.check(x, **evidence.settings) with what was checked.",
            )
        if strangers := sorted(set(engine) - set(ENGINE)):
            raise CheckError(
                f"rerun({', '.join(strangers)}=...)",
                "it would change the result",
                f"Give some of {', '.join(ENGINE)}, or call vp.check.",
            )
        repeated = self.again(**engine)
        if not repeated.interrupted:
            _same(self, repeated)
        return repeated

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain Python objects; what is not finite becomes None."""
        plain = {name.name: getattr(self, name.name) for name in fields(self) if name.name != "again"}
        plain |= {"claims": [asdict(claim) for claim in self.claims], "resolution": asdict(self.resolution)}
        plain |= {"at": dict(self.at), "settings": dict(self.settings), "schema": SCHEMA, "kind": KIND}
        finite: dict[str, Any] = _finite(plain)
        return finite

    def to_json(self, indent: int | None = None) -> str:
        """Everything as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Evidence:
        """Evidence read back from its JSON text.

        Raises:
            ParseError: the text is no evidence, or of a schema this version does not know.
        """
        try:
            stored = json.loads(text)
            if stored["kind"] != KIND or stored["schema"] != SCHEMA:
                raise ValueError(f"kind {stored['kind']!r}, schema {stored['schema']!r}")
            claims = tuple(_claim(dict(claim)) for claim in stored["claims"])
            names = ("verdict", "at", "seed", "alpha", "premise", "fingerprint", "settings")
            known = {key: stored[key] for key in names}
            read = cls(**known, claims=claims, resolution=Resolution(**stored["resolution"]))
            read.document()  # what cannot be shown is damaged
            return read
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as problem:
            raise ParseError(
                "evidence from JSON",
                f"it does not read as evidence of schema {SCHEMA} ({problem})",
                "Give the text that to_json() wrote.",
            ) from problem

    def document(self) -> Document:
        """The verdict and a table of claims."""
        rows = [
            (
                Badge(claim.verdict, TONES[claim.verdict]),
                Code(claim.claim),
                *(
                    (
                        f"{claim.estimate:.6g}",
                        f"{claim.claimed:.6g}",
                        "[{:.6g}, {:.6g}]".format(*claim.limits),
                    )
                    if claim.look
                    else ("-", "-", "-")
                ),
            )
            for claim in self.claims
        ]
        head = Text(Badge(self.verdict, TONES[self.verdict]), ": " + "; ".join(self._head()) + ".")
        names = ["verdict", "claim", "estimate", "claimed", "limits"]
        return Document([head, Table(names, rows, align="llrrr")])

    def _head(self) -> list[str]:
        at = ", ".join(f"{name} = {value}" for name, value in self.at.items())
        return [
            f"{self.resolution}, alpha {self.alpha:g}, premise {self.premise}",
            *([f"at {at}"] if at else []),
            f"seed {self.seed}, {self.samples:.3g} samples",
        ]

    def __str__(self) -> str:
        first, *rest = self._head()
        paragraphs = [f"{self.verdict}: {first}", *rest]
        head = [textwrap.fill(line, 80, subsequent_indent="  ") for line in paragraphs]
        return "\n".join([*head, *map(str, self.claims)])


def _claim(stored: dict[str, Any]) -> ClaimEvidence:
    """One claim, with what is not finite put back.

    Raises:
        ValueError: a number is none.
    """
    for name, value in NOT_FINITE.items():
        if stored[name] is None:
            stored[name] = value
        if type(stored[name]) not in (int, float):
            raise ValueError(f"{name} is no number")
    for name in ("relied", "plan", "chunks"):
        stored[name] = tuple(stored[name])
    return ClaimEvidence(**{**stored, "resolution": Resolution(**stored["resolution"])})


def _same(first: Evidence, second: Evidence) -> None:
    """Hold a repeated check against the first one.

    Raises:
        CheckError: they differ by more than the arithmetic of the two machines explains.
    """
    alike = first.fingerprint == second.fingerprint
    if alike and first.to_json() == second.to_json():
        return
    if not alike and first.verdict == second.verdict and len(first.claims) == len(second.claims):
        pairs = zip(first.claims, second.claims, strict=True)
        if all(_near(getattr(a, name), getattr(b, name)) for a, b in pairs for name in NUMBERS):
            return
    raise CheckError(
        "rerun",
        "the numbers differ" + (" though the arithmetic is the same" if alike else " by more than 1e-9"),
        "A distribution or an activation of your own may depend on more than its generator.",
    )


def _near(a: float, b: float) -> bool:
    return a == b or math.isclose(a, b, rel_tol=1e-9) or (math.isnan(a) and math.isnan(b))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
