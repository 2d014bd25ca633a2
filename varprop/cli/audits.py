"""`varprop audit`: initializers of a framework judged, one or all."""

from __future__ import annotations

import argparse
from typing import Any

import varprop as vp
from varprop.cli.reporting import OK, Output

__all__ = ["add_commands"]

FRAMEWORKS = ("torch", "jax", "keras")
BROKEN_PROMISE = 1


def _value(text: str) -> Any:
    """An option of an initializer: a number, a word, or True and False."""
    words = {"True": True, "False": False}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _options(pairs: list[str]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.isidentifier() or not value:
            raise vp.ParameterError(f"option {pair!r:.60}", "it gives no value", "Write std=0.02.")
        found[name] = _value(value)
    return found


def _audit(arguments: argparse.Namespace, output: Output) -> int:
    settings: dict[str, Any] = {
        name: getattr(arguments, name)
        for name in ("activation", "depth", "q", "seed")
        if getattr(arguments, name) is not None
    }
    if arguments.subject in FRAMEWORKS:
        if arguments.options or arguments.layout or arguments.groups != 1 or arguments.stride != 1:
            raise vp.ParameterError(
                f"audit of all of {arguments.subject}",
                "options belong to one initializer",
                "Name it: torch.nn.init.normal_.",
            )
        if arguments.shape:
            settings["shape"] = tuple(arguments.shape)
        every = vp.audit_framework(arguments.subject, **settings)
        output.show(every.document())
        output.record({"command": "audit", **every.to_dict()})
        return OK
    settings |= {"layout": arguments.layout, "groups": arguments.groups, "stride": arguments.stride}
    settings |= _options(arguments.options)
    layer = arguments.subject.startswith("torch.nn.") and not arguments.subject.startswith("torch.nn.init.")
    sizes = tuple(arguments.shape or ())
    if not layer and sizes:
        settings["shape"] = sizes
    report = vp.audit(arguments.subject, *(sizes if layer else ()), **settings)
    output.show(report.document())
    if not report.without_effect:
        output.show(report.plot())
    output.record({"command": "audit", **report.to_dict()})
    return BROKEN_PROMISE if report.verdict == "broken" else OK


def add_commands(commands: Any, epilog: str) -> None:
    """Add `audit` to the parsers of commands."""
    about = "judge an initializer of a framework: what it promises, what it draws, what that does over depth"
    command = commands.add_parser(
        "audit",
        help="judge an initializer of torch, jax or keras, or all of them",
        description=about[0].upper() + about[1:] + ".",
        epilog="examples:\n"
        "  varprop audit torch --activation tanh --depth 50\n"
        "  varprop audit torch.nn.init.trunc_normal_ std=0.02 --shape 256 784\n"
        "  varprop audit torch.nn.Conv2d --shape 64 64 3 --groups 64\n\n" + epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_audit)
    command.add_argument("subject", help="torch, jax or keras; or a dotted name such as torch.nn.Linear")
    command.add_argument("options", nargs="*", metavar="NAME=VALUE", help="what the initializer takes")
    command.add_argument("--shape", nargs="+", type=int, metavar="N", help="of the array, or of the layer")
    command.add_argument("--activation", metavar="NAME", help="of the layers, such as tanh")
    command.add_argument("--depth", type=int, metavar="L", help="number of layers (50)")
    command.add_argument("--q", type=float, metavar="Q", help="second moment that enters (1)")
    command.add_argument("--layout", help="one letter per axis, such as HWIO")
    command.add_argument("--groups", type=int, default=1, metavar="G", help="of a grouped convolution")
    command.add_argument("--stride", type=int, default=1, metavar="S", help="of a convolution")
    command.add_argument("--seed", type=int, help="of the draws (0)")
    command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object")
