"""`varprop docs`: the derivation of any expression as a page of its own."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import varprop as vp
from varprop.cli.neurons import QUANTITIES
from varprop.cli.reporting import OK, Interrupted, Output, exit_code, explain_with_progress, stopped
from varprop.render import Document

__all__ = ["add_commands"]

WRITERS: Mapping[str, Callable[[Document], str]] = {
    ".md": lambda document: document.to_markdown(),
    ".tex": lambda document: document.to_latex(document=True),
    ".html": lambda document: document.to_html(page=True),
    ".txt": lambda document: document.to_text(),
    ".json": lambda document: document.to_json(indent=2),
}


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    found = {}
    for text in texts:
        name, sign, value = (part.strip() for part in text.partition("="))
        if not sign or not name.isidentifier() or not value:
            raise vp.ParameterError(f"{option} {text}", "it has no form NAME=VALUE", f"Write {option} x=...")
        if name in found:
            raise vp.ParameterError(f"{option} {text}", f"{name} is given twice", "Give it once.")
        found[name] = value
    return found


def _write(document: Document, target: Path) -> None:
    """Write the whole file or nothing: an interruption leaves what was there before."""
    text = WRITERS[target.suffix](document)
    try:
        handle, partial = tempfile.mkstemp(dir=target.parent or Path(), prefix=target.name)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(partial).replace(target)
        target.chmod(0o644)
    except OSError as problem:
        raise vp.ParameterError(
            f"--out {target}", str(problem.strerror), "Choose a place that can be written"
        ) from None


def _docs(arguments: argparse.Namespace, output: Output) -> int:
    target = Path(arguments.out)
    if target.suffix not in WRITERS:
        raise vp.ParameterError(
            f"--out {target}", "the ending names no format", f"End it in {', '.join(WRITERS)}."
        )
    laws = _pairs(arguments.let, "--let")
    expression = vp.parse_expression(arguments.expression, laws, _pairs(arguments.size, "--size"))
    quantity = getattr(vp, QUANTITIES[arguments.quantity])(expression)
    verdict = ""
    shown: Any = vp.derive(quantity)
    if arguments.check:
        shown = explain_with_progress(shown, "checking", at=_pairs(arguments.at, "--at"))
        if stopped(shown.checked):
            raise Interrupted
        verdict = shown.verdict
    document: Document = shown.document()
    _write(document, target)
    proof = shown.proof if verdict else shown
    output.show(
        Document([f"{proof.goal} = {proof.result}, written to {target}" + (verdict and f": {verdict}")])
    )
    record = {"command": "docs", "file": str(target), "goal": str(proof.goal), "result": str(proof.result)}
    output.record(record | ({"verdict": verdict} if verdict else {}))
    return exit_code(verdict) if verdict else OK


def add_commands(commands: Any, epilog: str) -> None:
    """Add `docs` to the parsers of commands."""
    about = "write the derivation of any expression as a page"
    command = commands.add_parser(
        "docs",
        help=about,
        description=f"{about.capitalize()}, for example\n"
        '  varprop docs "sum(i, w[i]*relu(h[i]))" --let "w=Normal(variance=2/n)" \\\n'
        '      --let "h=Normal()" --out page.html',
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=_docs)
    command.add_argument("expression", metavar="EXPRESSION", help="such as sum(i, w[i]*x[i]) + b")
    command.add_argument("--let", action="append", default=[], metavar="NAME=DIST", help="law of a name")
    command.add_argument(
        "--size", action="append", default=[], metavar="AXIS=SIZE", help="size of an axis (n)"
    )
    command.add_argument("--quantity", choices=QUANTITIES, default="variance", help="(%(default)s)")
    command.add_argument("--out", required=True, metavar="FILE", help=f"ends in {', '.join(WRITERS)}")
    command.add_argument("--check", action="store_true", help="put every line to the test, too")
    command.add_argument("--at", action="append", default=[], metavar="NAME=VALUE", help="values for it")
    command.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object")
