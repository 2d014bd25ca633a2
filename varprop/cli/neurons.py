"""`varprop derive`, `check` and `solve`: one quantity of one neuron."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence
from typing import Any

import varprop as vp
from varprop.cli.reporting import (
    OK,
    Interrupted,
    Output,
    exit_code,
    explain_with_progress,
    explained_record,
    proof_record,
    stopped,
)

__all__ = ["add_commands"]

QUANTITIES = {"mean": "Mean", "variance": "Variance", "skewness": "Skewness", "kurtosis": "Kurtosis"}


NUMBER = "n"
"""The name that stands for the number of inputs in every formula, whatever --fan-in says that number is."""


def occurs(name: str, thing: Any) -> bool:
    """Whether a symbol occurs in an expression or a quantity."""
    try:
        return bool(vp.at(thing, {name: vp.symbol("another_" + name)}) != thing)
    except vp.VarpropError:
        return False


def size_of(arguments: argparse.Namespace) -> Any:
    """The number of inputs, where it is not simply called n."""
    if arguments.table:
        return vp.read_table(arguments.table).shape[0]
    size = vp.parse_scalar(arguments.fan_in or NUMBER)
    return None if size.has(vp.symbol(NUMBER)) else size


def with_size(thing: Any, arguments: argparse.Namespace) -> Any:
    """What was read, with the number of inputs for n."""
    size = size_of(arguments)
    return vp.at(thing, {NUMBER: size}) if size is not None and occurs(NUMBER, thing) else thing


def scalar_of(text: str, arguments: argparse.Namespace) -> Any:
    """A formula, with the number of inputs for n."""
    size, value = size_of(arguments), vp.parse_scalar(text)
    return value if size is None else value.xreplace({vp.symbol(NUMBER): size})


def neuron_of(arguments: argparse.Namespace) -> vp.Expression:
    if arguments.table:
        if arguments.inputs or arguments.fan_in:
            raise vp.ParameterError(
                "--table with --inputs or --fan-in", "the table says both", "Leave the other two out."
            )
        inputs: Any = vp.RandomVector("x", vp.read_table(arguments.table))
        neuron = vp.neuron(weights=arguments.weights, inputs=inputs, bias=arguments.bias)
    else:
        neuron = vp.neuron(
            weights=arguments.weights,
            inputs=arguments.inputs or "Unknown(mean=0, variance=1)",
            fan_in=arguments.fan_in or NUMBER,
            bias=arguments.bias,
        )
    whole: vp.Expression = with_size(neuron, arguments)
    return whole


def quantity_of(arguments: argparse.Namespace) -> Any:
    return getattr(vp, QUANTITIES[arguments.quantity])(neuron_of(arguments))


def values_of(pairs: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = (part.strip() for part in pair.partition("="))
        if not sign or not name or not value:
            raise vp.ParameterError(f"--at {pair}", "it gives no value", "Write --at n=256.")
        if name in values:
            raise vp.ParameterError(f"--at {pair}", f"{name} has a value already", "Give it once.")
        values[name] = value
    return values


def _derive(arguments: argparse.Namespace, output: Output) -> int:
    proof = vp.derive(quantity_of(arguments))
    output.show(proof.document())
    output.record({"command": "derive", **proof_record(proof)})
    return OK


def _check(arguments: argparse.Namespace, output: Output) -> int:
    chosen = {name: getattr(arguments, name) for name in ("seed", "resolution", "power", "alpha", "budget")}
    settings = {name: value for name, value in chosen.items() if value is not None}
    quantity = quantity_of(arguments)
    settings["at"] = values_of(arguments.at)
    goal = None if arguments.equals is None else scalar_of(arguments.equals, arguments)
    claimed = set() if goal is None else {str(symbol) for symbol in goal.free_symbols}
    for name, value in settings["at"].items():
        if name not in claimed and not occurs(name, quantity):
            raise vp.ParameterError(f"--at {name}={value}", f"{name} does not occur", "Leave it out.")
    for name in sorted(claimed - settings["at"].keys()):
        if not occurs(name, quantity):
            missing = f"{name} does not occur in z, so no value of it is meant"
            raise vp.ParameterError(f"--equals {arguments.equals}", missing, f"Give one: --at {name}=0.5.")
    if goal is None:
        explained = explain_with_progress(quantity, "checking", **settings)
        output.show(explained.document())
        output.record({"command": "check", **explained_record(explained)})
        found, verdict = explained.checked, explained.verdict
    else:
        evidence = vp.check(quantity, equals=goal, **settings)
        output.show(evidence.document())
        output.record({"command": "check", "verdict": evidence.verdict, "evidence": evidence.to_dict()})
        found, verdict = (evidence,), evidence.verdict
    if stopped(found):
        raise Interrupted
    return exit_code(verdict)


def _solve(arguments: argparse.Namespace, output: Output) -> int:
    goal = scalar_of(arguments.equals, arguments)
    proof = vp.solve(vp.Equal(quantity_of(arguments), goal), unknown=arguments.unknown)
    output.show(proof.document())
    output.record(
        {"command": "solve", "unknown": arguments.unknown, "equals": str(goal), **proof_record(proof)}
    )
    return OK


def add_commands(commands: Any, epilog: str) -> None:
    """Add `derive`, `check` and `solve` to the parsers of commands."""
    for name, run, about in (
        ("derive", _derive, "derive a quantity of the neuron line by line"),
        (
            "check",
            _check,
            "derive it and put every line, or the claim of --equals, to the test of simulation",
        ),
        ("solve", _solve, "find the parameter that gives a quantity its value"),
    ):
        command = commands.add_parser(
            name,
            help=about,
            description=textwrap.fill(about, 78),
            epilog=epilog,
        )
        command.set_defaults(run=run)
        weights = "Normal(variance=v)" if name == "solve" else "Normal(variance=1/n)"
        command.add_argument(
            "--weights",
            default=weights,
            metavar="DIST",
            help="of each weight (%(default)s); n is the number of inputs",
        )
        command.add_argument("--inputs", metavar="DIST", help="of each input (Unknown(mean=0, variance=1))")
        command.add_argument(
            "--table", metavar="CSV", help="one row of a table as the inputs; 'iris' is built in"
        )
        command.add_argument("--fan-in", metavar="SIZE", help="number of inputs: a number or a name (n)")
        command.add_argument("--bias", metavar="DIST", help="a distribution or a number (none)")
        command.add_argument("--quantity", choices=QUANTITIES, default="variance", help="of z (%(default)s)")
        command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object")
        if name == "solve":
            command.add_argument(
                "--equals", default="1", metavar="VALUE", help="what it shall be (%(default)s)"
            )
            command.add_argument("--unknown", default="v", metavar="NAME", help="solve for it (%(default)s)")
        if name == "check":
            command.add_argument(
                "--equals", metavar="VALUE", help="a claim to test instead of the derivation"
            )
            command.add_argument(
                "--at",
                nargs="+",
                action="extend",
                default=[],
                metavar="NAME=VALUE",
                help="values of symbols",
            )
            command.add_argument("--seed", type=int, help="of the simulation (a hash of the claim)")
            command.add_argument("--resolution", type=float, help="factor an agreeing claim is within (1.02)")
            command.add_argument(
                "--power", type=float, help="chance that an error that large is noticed (0.999)"
            )
            command.add_argument("--alpha", type=float, help="chance that a true claim is refused (1e-6)")
            command.add_argument("--budget", type=float, help="seconds per claim, roughly (2)")
