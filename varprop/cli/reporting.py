"""How a command reports: text at the width of the terminal, one JSON object, progress, exit codes."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

import varprop as vp
from varprop.render import Document

__all__ = [
    "BAD_INPUT",
    "BROKEN",
    "INTERRUPTED",
    "OK",
    "Interrupted",
    "Output",
    "exit_code",
    "explain_with_progress",
    "explained_record",
    "progress",
    "proof_record",
    "stopped",
    "tone",
]

SCHEMA = "varprop.command/1"
OK, DISAGREES, BAD_INPUT, INCONCLUSIVE, BROKEN, INTERRUPTED = 0, 1, 2, 3, 70, 130
WIDEST = 100


class Interrupted(Exception):
    """A simulation was stopped by the user; what it had found is in the reports."""


def exit_code(verdict: str) -> int:
    """The exit code of a verdict."""
    return {"agrees": OK, "disagrees": DISAGREES}.get(verdict, INCONCLUSIVE)


def tone(verdict: str) -> Any:
    return {"agrees": "good", "disagrees": "bad"}.get(verdict, "unclear")


class Output:
    """Where results go: a terminal, a pipe, or one JSON object."""

    def __init__(self, stream: TextIO, as_json: bool) -> None:
        self.stream = stream
        self.as_json = as_json
        terminal = stream.isatty()
        self.color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        self.width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST) if terminal else 80

    def show(self, document: Document) -> None:
        """Write a document, a blank line after it."""
        if not self.as_json:
            print(document.to_text(self.width, self.color), end="\n\n", file=self.stream, flush=True)

    def record(self, record: dict[str, Any]) -> None:
        """Write the JSON object."""
        if self.as_json:
            print(
                json.dumps({"schema": SCHEMA} | record, ensure_ascii=False, indent=2),
                file=self.stream,
                flush=True,
            )


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
            }
            for step in proof.steps
        ],
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
