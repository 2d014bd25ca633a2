"""`varprop propagate`: moments through a network of equal layers, forward and backward."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

import varprop as vp
from varprop.cli.neurons import values_of
from varprop.cli.reporting import OK, Interrupted, Output, exit_code, picture_place

__all__ = ["add_commands"]

NORMS = {"layer": "LayerNorm", "rms": "RMSNorm"}


def network_of(arguments: argparse.Namespace) -> vp.Network:
    """The network that the options describe."""
    width = vp.parse_scalar(arguments.width, "--width")
    dense = vp.Dense(width, arguments.weights, arguments.bias)
    activation = vp.activation(arguments.activation)
    block: list[Any] = [dense]
    if arguments.norm:
        block.append(getattr(vp, NORMS[arguments.norm])())
    block.append(activation)
    if arguments.dropout:
        block.append(vp.Dropout(vp.parse_scalar(arguments.dropout, "--dropout")))
    depth = vp.parse_scalar(arguments.depth, "--depth")
    layers: list[Any] = []
    if arguments.residual:
        layers.append(dense)
        block = [vp.Residual([*block[1:], dense], multiplier=arguments.multiplier or 1)]
    elif arguments.multiplier:
        raise vp.ParameterError("--multiplier", "no blocks are residual", "Say --residual.")
    layers.append(vp.repeat(depth, block))
    if arguments.outputs:
        layers.append(vp.Dense(vp.parse_scalar(arguments.outputs, "--outputs"), arguments.weights))
    return vp.Network(layers, fan_in=None if arguments.table else arguments.fan_in or arguments.width)


def _propagate(arguments: argparse.Namespace, output: Output) -> int:
    if arguments.table and (arguments.input or arguments.fan_in):
        raise vp.ParameterError(
            "--table with --input or --fan-in", "the table says both", "Leave the other two out."
        )
    place = picture_place(arguments.plot)
    source: Any = vp.read_table(arguments.table) if arguments.table else arguments.input or "Normal()"
    profile = vp.propagate(network_of(arguments), input=source)
    values = values_of(arguments.at)
    if values:
        profile = profile.at(values)
    output.show(profile.document())
    if place:
        profile.plot().savefig(place)
    record: dict[str, Any] = {"command": "propagate", "profile": profile.to_dict()}
    if not arguments.check:
        output.record(record)
        return OK
    settings = {"seed": arguments.seed, "budget": arguments.budget}
    chosen = {name: value for name, value in settings.items() if value is not None}
    evidence = vp.check(profile, **chosen)
    output.show(evidence.document())
    output.record(record | {"verdict": evidence.verdict, "evidence": evidence.to_dict()})
    if evidence.interrupted:
        raise Interrupted
    return exit_code(evidence.verdict)


def add_commands(commands: Any, epilog: str) -> None:
    """Add `propagate` to the parsers of commands."""
    about = "moments, gradients and the outlook of every layer of a network, forward and backward"
    command = commands.add_parser(
        "propagate",
        help=about,
        description=textwrap.fill(about, 78),
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_propagate)
    add = command.add_argument
    add("--depth", default="10", metavar="L", help="number of blocks, or a name for it (%(default)s)")
    add("--width", default="256", metavar="N", help="units of a layer, or a name for it (%(default)s)")
    add("--fan-in", metavar="N", help="number of inputs (as --width)")
    add("--outputs", metavar="N", help="units of a last layer without activation (none)")
    add("--activation", default="relu", metavar="NAME", help="such as tanh, 'leaky_relu(0.1)' (%(default)s)")
    add("--weights", default="he_normal", metavar="NAME", help="initializer or distribution (%(default)s)")
    add("--bias", metavar="DIST", help="a distribution or a number (none)")
    add("--input", metavar="DIST", help="of each input (Normal())")
    add("--table", metavar="CSV", help="one row of a table as the input; 'iris' is built in")
    add("--residual", action="store_true", help="pre-activation blocks h + c W phi(h)")
    add("--multiplier", metavar="C", help="c of residual blocks, such as '1/sqrt(L)' (1)")
    add("--norm", choices=NORMS, help="normalize in front of every activation")
    add("--dropout", metavar="KEEP", help="keep a unit with this probability")
    add("--at", nargs="+", default=[], metavar="NAME=VALUE", help="values of names")
    add("--plot", metavar="FILE", help="also draw it, as .png, .svg or .pdf")
    add("--check", action="store_true", help="draw such networks and put every number to the test")
    add("--seed", type=int, help="of the simulation (a hash of the numbers)")
    add("--budget", type=float, help="seconds per number, roughly (2)")
    add("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object")
