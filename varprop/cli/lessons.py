"""`varprop lesson`: what stands behind a sentence of the lectures on initialization."""

from __future__ import annotations

import argparse
from typing import Any

import varprop as vp
from varprop.cli.reporting import OK, Output, proof_record

__all__ = ["add_commands"]

TOPICS = ("root", "tanh", "relu", "bengio", "multiplier", "starting_point")
PARAMETERS = ("depth", "activation", "m", "within", "q", "n_in", "n_out")


def _lesson(arguments: argparse.Namespace, output: Output) -> int:
    given = {name: getattr(arguments, name) for name in PARAMETERS if getattr(arguments, name) is not None}
    found = vp.lesson(arguments.topic, **given)
    output.show(found.document())
    header, rows = found.rows()
    output.record(
        {
            "command": "lesson",
            "topic": arguments.topic,
            "question": found.question,
            "statement": vp.Document([found.statement]).to_text(width=10_000),
            "number": str(found.number),
            "table": [header, *([getattr(cell, "plain", cell) for cell in row] for row in rows)],
            **proof_record(found.derivation),
        }
    )
    return OK


def add_commands(commands: Any, epilog: str) -> None:
    """Add `lesson` to the parsers of commands."""
    about = "what stands behind a sentence of the lectures on initialization"
    command = commands.add_parser(
        "lesson",
        help=about,
        description=f"{about[0].upper()}{about[1:]}: derived, in numbers, as table and plot.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_lesson)
    command.add_argument("topic", choices=TOPICS, help="what is asked")
    command.add_argument("--depth", type=int, metavar="L", help="number of layers")
    command.add_argument("--activation", metavar="NAME", help="such as tanh or 'leaky_relu(0.2)'")
    command.add_argument("--multiplier", dest="m", metavar="M", help="factor on the weights")
    command.add_argument("--within", metavar="F", help="factor that the signal may change by")
    command.add_argument("--q", type=float, metavar="Q", help="second moment that enters")
    command.add_argument("--n-in", type=int, metavar="N", help="number of inputs")
    command.add_argument("--n-out", type=int, metavar="N", help="number of units")
    command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object")
