"""The main job: the neuron for Gaussian, uniform, rectified and unknown inputs, and for a real table."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import varprop as vp
from varprop.cli.answers import short_answers
from varprop.cli.reporting import (
    Interrupted,
    Output,
    exit_code,
    explain_with_progress,
    explained_record,
    stopped,
    tone,
)
from varprop.render import Badge, Document, Heading, Line, Table

__all__ = ["run"]


@dataclass(frozen=True)
class Case:
    """One neuron of the main job."""

    title: str
    weights: str
    inputs: str
    table: str = ""


CASES = (
    Case("Gaussian inputs", "Normal(variance=1/n)", "Normal()"),
    Case("Uniform inputs, mean not zero", "Uniform(-a, a)", "Uniform(0, 1)"),
    Case("Rectified inputs", "Normal(variance=2/n)", "relu(Normal())"),
    Case(
        "Inputs of unknown distribution, dependent or not",
        "Normal(variance=1/n)",
        "Unknown(mean=0, variance=1)",
    ),
    Case(
        "A real table: 150 flowers, 4 dependent measurements (Fisher 1936)",
        "Normal(variance=v)",
        "",
        "iris",
    ),
)
MAIN_BIAS = "Normal(variance=beta)"


def _short(document: Document) -> Document:
    """The document without the notes on its lines."""
    return Document(block.bare() if isinstance(block, Line) else block for block in document.blocks)


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Derive and check every case, then a summary, then the two questions in short."""
    output.show(Document([Heading("The neuron z = sum_i w_i x_i + b, derived and checked", 1)]))
    rows: list[Sequence[Any]] = []
    records: list[dict[str, Any]] = []
    verdicts: list[str] = []
    answers: list[vp.Answer] = []
    interrupted = False
    for number, case in enumerate(CASES, start=1):
        inputs: Any = vp.RandomVector("x", vp.read_table(case.table)) if case.table else case.inputs
        size = None if case.table else "n"
        neuron = vp.neuron(weights=case.weights, inputs=inputs, fan_in=size, bias=MAIN_BIAS)
        explained = explain_with_progress(neuron, f"case {number} of {len(CASES)}: {case.title}")
        document = explained.document()
        blocks = (document if arguments.full else _short(document)).blocks
        output.show(Document([Heading(f"{number}. {case.title}"), *blocks[1:]]))
        result = explained.proof.result
        result = result.xreplace({number: number.n(6) for number in result.atoms() if number.is_Float})
        badge = Badge(explained.verdict, tone(explained.verdict))
        rows.append([case.title.split(",")[0].split(":")[0], str(result), f"{len(explained.proof)}", badge])
        records.append({"title": case.title, **explained_record(explained)})
        verdicts.append(explained.verdict)
        interrupted = stopped(explained.checked)
        if interrupted or output.abandoned:
            break
    summary = Table(["case", "Var[z]", "lines", "all lines checked"], rows, align="llrl")
    output.show(Document([Heading("Summary"), summary]))
    complete = len(verdicts) == len(CASES)
    if not (interrupted or output.abandoned):
        answers = short_answers(output)
        verdicts += [answer.verdict for answer in answers]
    complete = complete and set(verdicts) == {"agrees"}
    overall = "disagrees" if "disagrees" in verdicts else "agrees" if complete else "inconclusive"
    questions = [answer.to_dict() for answer in answers]
    output.record({"command": "main", "verdict": overall, "cases": records, "questions": questions})
    if interrupted:
        raise Interrupted
    return exit_code(overall)
