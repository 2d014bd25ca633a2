"""How a command reports: text at the width of the terminal, one JSON object, progress, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import varprop as vp
from varprop.render import Document

if TYPE_CHECKING:
    from varprop.derivation.proofs import Without

__all__ = [
    "BAD_INPUT",
    "BROKEN",
    "INTERRUPTED",
    "OK",
    "Interrupted",
    "Output",
    "OutputError",
    "complain",
    "exit_code",
    "explain_with_progress",
    "explained_record",
    "picture_place",
    "progress",
    "proof_record",
    "stopped",
    "tone",
]

SCHEMA = "varprop.command/1"
OK, DISAGREES, BAD_INPUT, INCONCLUSIVE, BROKEN, INTERRUPTED = 0, 1, 2, 3, 70, 130
WIDEST = 100
PICTURES = (".png", ".svg", ".pdf")


class Interrupted(Exception):
    """A simulation was stopped by the user; what it had found is in the reports."""


def exit_code(verdict: str) -> int:
    """The exit code of a verdict."""
    return {"agrees": OK, "disagrees": DISAGREES}.get(verdict, INCONCLUSIVE)


def tone(verdict: str) -> Any:
    return {"agrees": "good", "disagrees": "bad"}.get(verdict, "unclear")


def picture_place(text: str | None) -> str | None:
    """The place of a picture, looked at before anything is computed for it.

    Raises:
        ParameterError: it is no name of a picture, or cannot be written.
    """
    if text is None:
        return None
    asked, place = f"--plot {text!r:.200}", Path(text)
    if place.suffix.lower() not in PICTURES:
        raise vp.ParameterError(asked, "no such format", "End it with .png, .svg or .pdf.")
    if place.is_dir() or not os.access(place if place.exists() else place.parent, os.W_OK):
        raise vp.ParameterError(asked, "it cannot be written", "Choose a file in a directory that is there.")
    return text


class OutputError(Exception):
    """The results cannot be written."""


def complain(text: str) -> None:
    """Write a message to the error stream at its width, if anybody listens there."""
    if sys.stderr is not None:
        words = textwrap.TextWrapper(
            _width(sys.stderr), subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
        )
        try:
            print(*map(words.fill, text.split("\n")), sep="\n", file=sys.stderr, flush=True)
        except OSError:
            _discard(sys.stderr)


def _width(stream: TextIO | None) -> int:
    terminal = stream is not None and stream.isatty()
    return min(shutil.get_terminal_size((80, 24)).columns, WIDEST) if terminal else 80


def _discard(stream: TextIO) -> None:
    """Let go of what a stream still holds: Python flushes it at exit, and that must not fail again."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Output:
    """Where results go: a terminal, a pipe, or one JSON object.

    Args:
        stream: to write to; None if the process has none.
        as_json: whether one JSON object is wanted instead of text.
    """

    def __init__(self, stream: TextIO | None, as_json: bool) -> None:
        self.stream = stream
        self.as_json = as_json
        self.abandoned = False
        self._recorded = False
        terminal = stream is not None and stream.isatty()
        self.color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.width = _width(stream)

    def ready(self) -> None:
        """Refuse to begin work whose result could not be shown."""
        if self.stream is None:
            raise OutputError("the output cannot be written: it is closed. Redirect it to a file.")

    def write(self, text: str = "") -> None:
        """Write text and flush; a reader who has gone is no error, and `abandoned` tells."""
        if self.stream is None or self.abandoned:
            return
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            self.abandoned = True
            _discard(self.stream)
        except OSError as error:
            _discard(self.stream)
            raise OutputError(f"the output cannot be written: {error.strerror or error}") from None

    def show(self, document: Document) -> None:
        """Write a document, a blank line after it."""
        if not self.as_json:
            self.write(document.to_text(self.width, self.color) + "\n\n")

    def record(self, record: dict[str, Any]) -> None:
        """Write the JSON object; there is one, so a second record is dropped."""
        if self.as_json and not self._recorded:
            self._recorded = True
            self.write(json.dumps({"schema": SCHEMA} | record, indent=2, allow_nan=False) + "\n")

    def failed(self, code: int, kind: str, message: str, **parts: str) -> int:
        """Report an error on both streams and return its exit code."""
        complain(f"varprop: {message}")
        self.record({"error": {"kind": kind, "message": message, **parts}})
        return code


@contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar on the error stream if it is a terminal and rich is installed."""
    if not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import Progress  # noqa: PLC0415
    except ImportError:
        yield None
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def report(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield report


def proof_record(proof: vp.Derivation) -> dict[str, Any]:
    return {
        "goal": str(proof.goal),
        "result": str(proof.result),
        "validity": proof.validity,
        "precision": proof.precision,
        "assumptions": [str(assumption) for assumption in proof.assumptions],
        "steps": [
            {
                "subject": str(step.subject),
                "before": str(step.before),
                "after": str(step.after),
                "rule": step.rule.name,
                "source": step.rule.source,
                "validity": step.validity,
                "assumptions": [str(assumption) for assumption in step.assumptions],
                "without": [_without_record(without) for without in step.without],
            }
            for step in proof.steps
        ],
    }


def _without_record(without: Without) -> dict[str, Any]:
    """What the line would be without an assumption: plus a term, or a quantity where the rule fails."""
    other = without.counterexample
    return {
        "assumption": str(without.assumption),
        "remainder": None if without.remainder is None else str(without.remainder),
        "counterexample": other
        and {"quantity": str(other.quantity), "truth": str(other.truth), "formula": str(other.formula)},
    }


def explained_record(explained: vp.Explanation) -> dict[str, Any]:
    record = proof_record(explained.proof)
    for step, found in zip(record["steps"], explained.evidence, strict=False):
        step["evidence"] = None if found is None else found.to_dict()
    return record | {"verdict": explained.verdict}


def explain_with_progress(thing: Any, title: str, **settings: Any) -> vp.Explanation:
    with progress(title) as report:
        return vp.explain(thing, progress=report, **settings)


def stopped(evidence: Sequence[vp.Evidence]) -> bool:
    return any(found.interrupted for found in evidence)
