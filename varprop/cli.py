"""The command `varprop`: derive, check and solve from a terminal, and the main job when called bare."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import varprop as vp
from varprop.render import Badge, Document, Heading, Line, Table

__all__ = ["main"]

SCHEMA = "varprop.command/1"
OK, DISAGREES, BAD_INPUT, INCONCLUSIVE, BROKEN, INTERRUPTED = 0, 1, 2, 3, 70, 130
QUANTITIES = {"mean": "Mean", "variance": "Variance", "skewness": "Skewness", "kurtosis": "Kurtosis"}
WIDEST = 100
EPILOG = """exit code: 0 done and every check agrees, 1 a check disagrees, 2 bad input or
nothing can be derived, 3 a check is inconclusive, 130 interrupted

distributions: Normal(mean, variance), Uniform(low, high), Rademacher(),
Unknown(mean, variance), relu(Normal()), StudentT(5), Laplace(variance=2), ...;
parameters are numbers or formulas such as 2/n"""


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


class Interrupted(Exception):
    """A simulation was stopped by the user; what it had found is in the reports."""


def _neuron(arguments: argparse.Namespace) -> vp.Expression:
    if arguments.table:
        if arguments.inputs or arguments.fan_in:
            raise vp.ParameterError(
                "--table with --inputs or --fan-in", "the table says both", "Leave the other two out."
            )
        inputs: Any = vp.RandomVector("x", vp.read_table(arguments.table))
        return vp.neuron(weights=arguments.weights, inputs=inputs, bias=arguments.bias)
    return vp.neuron(
        weights=arguments.weights,
        inputs=arguments.inputs or "Unknown(mean=0, variance=1)",
        fan_in=arguments.fan_in or "n",
        bias=arguments.bias,
    )


def _quantity(arguments: argparse.Namespace) -> Any:
    return getattr(vp, QUANTITIES[arguments.quantity])(_neuron(arguments))


def _values(pairs: Sequence[str]) -> dict[str, str]:
    values = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip() or not value.strip():
            raise vp.ParameterError(f"--at {pair}", "it gives no value", "Write --at n=256.")
        values[name.strip()] = value.strip()
    return values


def _code(verdict: str) -> int:
    return {"agrees": OK, "disagrees": DISAGREES}.get(verdict, INCONCLUSIVE)


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
def _progress(title: str) -> Iterator[Callable[[int, int], None] | None]:
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


def _proof_record(proof: vp.Derivation) -> dict[str, Any]:
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


def _explained_record(explained: vp.Explanation) -> dict[str, Any]:
    record = _proof_record(explained.proof)
    for step, found in zip(record["steps"], explained.evidence, strict=False):
        step["evidence"] = None if found is None else found.to_dict()
    return record | {"verdict": explained.verdict}


def _explain(thing: Any, title: str, **settings: Any) -> vp.Explanation:
    with _progress(title) as report:
        return vp.explain(thing, progress=report, **settings)


def _stopped(evidence: Sequence[vp.Evidence]) -> bool:
    return any(found.interrupted for found in evidence)


def _derive(arguments: argparse.Namespace, output: Output) -> int:
    proof = vp.derive(_quantity(arguments))
    output.show(proof.document())
    output.record({"command": "derive", **_proof_record(proof)})
    return OK


def _check(arguments: argparse.Namespace, output: Output) -> int:
    chosen = {name: getattr(arguments, name) for name in ("seed", "resolution", "power", "alpha", "budget")}
    settings = {name: value for name, value in chosen.items() if value is not None}
    quantity = _quantity(arguments)
    settings["at"] = _values(arguments.at)
    for name, value in settings["at"].items():
        if vp.at(quantity, {name: value}) == quantity:
            raise vp.ParameterError(f"--at {name}={value}", f"{name} does not occur", "Leave it out.")
    if arguments.equals is None:
        explained = _explain(quantity, "checking", **settings)
        output.show(explained.document())
        output.record({"command": "check", **_explained_record(explained)})
        found, verdict = explained.checked, explained.verdict
    else:
        evidence = vp.check(quantity, equals=vp.parse_scalar(arguments.equals), **settings)
        output.show(evidence.document())
        output.record({"command": "check", "verdict": evidence.verdict, "evidence": evidence.to_dict()})
        found, verdict = (evidence,), evidence.verdict
    if _stopped(found):
        raise Interrupted
    return _code(verdict)


def _solve(arguments: argparse.Namespace, output: Output) -> int:
    goal = vp.parse_scalar(arguments.equals)
    proof = vp.solve(vp.Equal(_quantity(arguments), goal), unknown=arguments.unknown)
    output.show(proof.document())
    output.record(
        {"command": "solve", "unknown": arguments.unknown, "equals": str(goal), **_proof_record(proof)}
    )
    return OK


def _short(document: Document) -> Document:
    """The document without the notes on its lines."""
    return Document(
        Line(block.right, block.left, block.number, block.relation, block.rule, badge=block.badge)
        if isinstance(block, Line)
        else block
        for block in document.blocks
    )


def _main_job(arguments: argparse.Namespace, output: Output) -> int:
    output.show(Document([Heading("The neuron z = sum_i w_i x_i + b, derived and checked", 1)]))
    rows: list[Sequence[Any]] = []
    records: list[dict[str, Any]] = []
    verdicts: list[str] = []
    for number, case in enumerate(CASES, start=1):
        inputs: Any = vp.RandomVector("x", vp.read_table(case.table)) if case.table else case.inputs
        size = None if case.table else "n"
        neuron = vp.neuron(weights=case.weights, inputs=inputs, fan_in=size, bias=MAIN_BIAS)
        explained = _explain(neuron, f"case {number} of {len(CASES)}: {case.title}")
        document = explained.document()
        blocks = (document if arguments.full else _short(document)).blocks
        output.show(Document([Heading(f"{number}. {case.title}"), *blocks[1:]]))
        result = explained.proof.result
        result = result.xreplace({number: number.n(6) for number in result.atoms() if number.is_Float})
        badge = Badge(explained.verdict, _tone(explained.verdict))
        rows.append([case.title.split(",")[0].split(":")[0], str(result), f"{len(explained.proof)}", badge])
        records.append({"title": case.title, **_explained_record(explained)})
        verdicts.append(explained.verdict)
        if _stopped(explained.checked):
            break
    overall = "disagrees" if "disagrees" in verdicts else "agrees"
    overall = overall if overall == "disagrees" or set(verdicts) == {"agrees"} else "inconclusive"
    summary = Table(["case", "Var[z]", "lines", "all lines checked"], rows, align="llrl")
    output.show(Document([Heading("Summary"), summary]))
    output.record({"command": "main", "verdict": overall, "cases": records})
    if len(verdicts) < len(CASES):
        raise Interrupted
    return _code(overall)


def _tone(verdict: str) -> Any:
    return {"agrees": "good", "disagrees": "bad"}.get(verdict, "unclear")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="varprop",
        description="Derive how mean and variance move through the neuron z = sum_i w_i x_i + b, and\n"
        "check every line by simulation. Without a command: for five kinds of inputs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"varprop {vp.__version__}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("--full", action="store_true", help="what each line assumes, in the main job too")
    parser.set_defaults(run=_main_job)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
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
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.set_defaults(run=run)
        weights = "Normal(variance=v)" if name == "solve" else "Normal(variance=1/n)"
        command.add_argument(
            "--weights", default=weights, metavar="DIST", help="of each weight (%(default)s)"
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
                "--at", nargs="+", default=[], metavar="NAME=VALUE", help="values of symbols"
            )
            command.add_argument("--seed", type=int, help="of the simulation (a hash of the claim)")
            command.add_argument("--resolution", type=float, help="factor an agreeing claim is within (1.02)")
            command.add_argument(
                "--power", type=float, help="chance that an error that large is noticed (0.999)"
            )
            command.add_argument("--alpha", type=float, help="chance that a true claim is refused (1e-6)")
            command.add_argument("--budget", type=float, help="seconds per claim, roughly (2)")
    return parser


def _failed(error: vp.VarpropError, output: Output) -> int:
    parts = {"asked": error.asked, "missing": error.missing, "remedy": error.remedy}
    output.record({"error": {"kind": type(error).__name__, "message": str(error), **parts}})
    print(f"varprop: {error}", file=sys.stderr)
    return BAD_INPUT


@contextmanager
def _noticing_interrupts() -> Iterator[Callable[[], bool]]:
    """Tell whether the user has interrupted, even if a library turned that into an error of its own."""
    seen = []

    def notice(number: int, frame: Any) -> None:
        seen.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield lambda: bool(seen)
        return
    before = signal.signal(signal.SIGINT, notice)
    try:
        yield lambda: bool(seen)
    finally:
        signal.signal(signal.SIGINT, before)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments; those of the process if not given.

    Returns:
        The exit code: 0; 1 a check disagrees; 2 bad input; 3 a check is inconclusive; 130 interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    arguments = _parser().parse_args(argv)
    output = Output(sys.stdout, arguments.json)
    with _noticing_interrupts() as interrupted:
        return _run(arguments, output, interrupted)


def _run(arguments: argparse.Namespace, output: Output, interrupted: Callable[[], bool]) -> int:
    try:
        code: int = arguments.run(arguments, output)
        return code
    except vp.VarpropError as error:
        return _failed(error, output)
    except (KeyboardInterrupt, Interrupted):
        print("varprop: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has gone; what Python would flush at exit must not raise again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except Exception as error:
        if interrupted():
            print("varprop: interrupted", file=sys.stderr)
            return INTERRUPTED
        if os.environ.get("VARPROP_DEBUG"):
            raise
        print(f"varprop: this should not happen: {type(error).__name__}: {error}", file=sys.stderr)
        print("varprop: please report it, with what VARPROP_DEBUG=1 shows", file=sys.stderr)
        return BROKEN
