"""The command `varprop`: derive, check and solve from a terminal, and the main job when called bare."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import varprop as vp
from varprop.cli import main_job, neurons
from varprop.cli.reporting import BAD_INPUT, BROKEN, INTERRUPTED, OK, Interrupted, Output

__all__ = ["main"]

EPILOG = """exit code: 0 done and every check agrees, 1 a check disagrees, 2 bad input or
nothing can be derived, 3 a check is inconclusive, 130 interrupted

distributions: Normal(mean, variance), Uniform(low, high), Rademacher(),
Unknown(mean, variance), relu(Normal()), StudentT(5), Laplace(variance=2), ...;
parameters are numbers or formulas such as 2/n"""


COMMANDS = (neurons,)
"""Modules with `add_commands(commands, epilog)`."""


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
    parser.set_defaults(run=main_job.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.add_commands(commands, EPILOG)
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
