"""`varprop gain`: the gains of activations, and what libraries quote."""

from __future__ import annotations

import argparse
from typing import Any

import varprop as vp
from varprop.cli.reporting import OK, Output

__all__ = ["add_commands"]


def _gain(arguments: argparse.Namespace, output: Output) -> int:
    if arguments.q is not None and arguments.depth is not None:
        raise vp.ParameterError(
            f"gains at q = {arguments.q} over {arguments.depth} layers",
            "what libraries quote is followed from q = 1",
            "Leave --q or --depth out.",
        )
    if arguments.q is None and (len(arguments.names) != 1 or arguments.depth is not None):
        table = vp.gain_table(arguments.names or None, 50 if arguments.depth is None else arguments.depth)
        output.show(table.document())
        quoted = [
            {
                "activation": quote.activation,
                "library": quote.source,
                "meant_as": quote.kind,
                "quoted": quote.value,
                "exact": exact,
                "signal": signal,
                "gradient": gradient,
            }
            for quote, exact, signal, gradient in table.consequences()
        ]
        output.record({"command": "gain", "q": "1", "gains": table.records(), "quoted": quoted})
        return OK
    records = []
    for name in arguments.names:
        found = vp.gain(name, q=1 if arguments.q is None else arguments.q)
        output.show(found.document())
        records.append(found.record())
    output.record({"command": "gain", "q": str(arguments.q or 1), "gains": records})
    return OK


def add_commands(commands: Any, epilog: str) -> None:
    """Add `gain` to the parsers of commands."""
    command = commands.add_parser(
        "gain",
        help="the gains of activations, exact or with proven digits",
        description="By what the weights after an activation make up for what it does to the second moments\n"
        "of signal and gradient. Without a name: all activations, and what libraries quote.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_gain)
    command.add_argument("names", nargs="*", metavar="NAME", help="such as gelu or 'leaky_relu(0.01)'")
    command.add_argument("--q", metavar="Q", help="variance of the argument: a number or a formula (1)")
    command.add_argument(
        "--depth", type=int, metavar="L", help="layers over which what libraries quote is followed (50)"
    )
    command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object")
