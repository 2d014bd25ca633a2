"""`varprop answer`: the questions of learners, answered in numbers."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

import varprop as vp
from varprop.cli.reporting import Output, exit_code, picture_place, progress

__all__ = ["add_commands", "short_answers"]

ABOUT = {
    "cancellation": "signs cancel: why must each w_i x_i be small, and how probable is cancellation?",
    "vanishing": "0.01 * 0.01 = 0.0001: why do small products not make the gradients vanish?",
}
QUICK = {"samples": 40_000, "budget": 0.5}
"""How much evidence the short answers of the main job collect."""


def _answered(name: str, title: str, **parameters: Any) -> vp.Answer:
    with progress(title) as report:
        return vp.answer(name, progress=report, **parameters)


def short_answers(output: Output) -> list[vp.Answer]:
    """Show both answers, one line per statement."""
    found = []
    for name in ABOUT:
        answer = _answered(name, f"question: {name}", **QUICK)
        output.show(answer.summary())
        found.append(answer)
    return found


def _answer(arguments: argparse.Namespace, output: Output) -> int:
    names = (
        "n",
        "weights",
        "inputs",
        "terms",
        "depth",
        "activation",
        "multiplier",
        "samples",
        "budget",
        "seed",
    )
    place = picture_place(arguments.plot)
    chosen = {name: getattr(arguments, name, None) for name in names}
    parameters = {name: value for name, value in chosen.items() if value is not None}
    if getattr(arguments, "table", None):
        parameters["data"] = vp.read_table(arguments.table)
    answer = _answered(arguments.question, arguments.question, **parameters)
    if place:
        answer.plot(place)
    if arguments.markdown and not output.as_json:
        output.write(answer.document(arguments.full).to_markdown() + "\n")
    else:
        output.show(answer.document(arguments.full))
    output.record({"command": "answer", **answer.to_dict()})
    return exit_code(answer.verdict)


def add_commands(commands: Any, epilog: str) -> None:
    """Add `answer` to the parsers of commands."""
    command = commands.add_parser(
        "answer",
        help="answer a question of learners in statements with numbers and evidence",
        description=textwrap.fill("Answer a question of learners: " + "; ".join(ABOUT.values()), 78),
        epilog=epilog,
    )
    questions = command.add_subparsers(title="questions", metavar="QUESTION", required=True, dest="question")
    for name, about in ABOUT.items():
        question = questions.add_parser(name, help=about, description=textwrap.fill(about, 78), epilog=epilog)
        question.set_defaults(run=_answer)
        add = question.add_argument
        add("--n", type=int, metavar="SIZE", help="number of terms, or width of a layer (100)")
        if name == "cancellation":
            add("--weights", metavar="DIST", help="of each weight (Normal(variance=1/n))")
            add("--inputs", metavar="DIST", help="of each input (Normal())")
            add("--table", metavar="CSV", help="a table whose rows are inputs (iris)")
            add("--terms", nargs="+", metavar="X", help="addends of the example (-999.99 1000 -100.99 101)")
        else:
            add("--depth", type=int, metavar="LAYERS", help="number of layers (50)")
            add("--activation", metavar="NAME", help="looked at beside tanh and ReLU (sigmoid)")
            add("--multiplier", metavar="VALUE", help="of the std of all weights (1.1)")
        add("--samples", type=int, metavar="COUNT", help="draws behind each number (400000)")
        add("--budget", type=float, metavar="SECONDS", help="behind each check, roughly (0.5)")
        add("--seed", type=int, help="of every simulation (1)")
        add("--plot", metavar="FILE", help="draw the pictures: .png, .svg or .pdf")
        add("--markdown", action="store_true", help="Markdown instead of text")
        add("--full", action="store_true", help="every derivation line by line")
        add("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object")
