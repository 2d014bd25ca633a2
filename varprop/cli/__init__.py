"""The command `varprop`: derive, check and solve from a terminal, and the main job when called bare."""

from __future__ import annotations

import _thread
import argparse
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import varprop as vp
from varprop.cli import answers, audits, documents, gains, lessons, main_job, networks, neurons
from varprop.cli.reporting import (
    BAD_INPUT,
    BROKEN,
    INTERRUPTED,
    Interrupted,
    Output,
    OutputError,
    complain,
)
from varprop.errors import shortened

__all__ = ["main"]

EPILOG = """exit code: 0 done and every check agrees, 1 a check disagrees, 2 bad input,
nothing can be derived or the output cannot be written, 3 a check is
inconclusive, 130 interrupted

distributions: Normal(mean, variance), Uniform(low, high), Rademacher(),
Unknown(mean, variance), relu(Normal()), StudentT(5), Laplace(variance=2), ...;
parameters are numbers or formulas such as 2/n"""


LONGEST = 400
"""Of a message about usage, which repeats what was typed."""

COMMANDS = (neurons, answers, networks, documents, lessons, gains, audits)
"""Modules with `add_commands(commands, epilog)`."""


class UsageError(Exception):
    """The arguments are not those of a command."""

    def __init__(self, message: str, usage: str) -> None:
        super().__init__(message)
        self.message, self.usage = message, usage


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of ending the process, so that every error is reported in one way."""

    def __init__(self, **settings: Any) -> None:
        usual = {"formatter_class": argparse.RawDescriptionHelpFormatter, "allow_abbrev": False}
        super().__init__(**{**usual, **settings})
        self._negative_number_matcher = re.compile(r"-(\d|\.\d|inf|nan)", re.IGNORECASE)  # -1e3 is one too

    def error(self, message: str) -> NoReturn:
        if message.endswith("expected one argument"):
            option = message.removeprefix("argument ").split(":")[0]
            message += f" (one that begins with a minus sign is written {option}=-1/2)"
        message = shortened(message)
        short = message if len(message) <= LONGEST else f"{message[:LONGEST]} ..."
        raise UsageError(short, self.format_usage())


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="varprop",
        description="Derive how mean and variance move through the neuron z = sum_i w_i x_i + b, and\n"
        "check every line by simulation. Without a command: for five kinds of inputs.",
        epilog=EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"varprop {vp.__version__}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument("--full", action="store_true", help="what each line assumes, in the main job too")
    parser.set_defaults(run=main_job.run)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in COMMANDS:
        module.add_commands(commands, EPILOG)
    return parser


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

    def swallowed(found: Any) -> None:
        # Python drops what is raised inside a weak reference's callback, so the interruption is sent again.
        if found.exc_type is KeyboardInterrupt:
            threading.Timer(0.01, _thread.interrupt_main).start()
        else:
            hook(found)

    before, hook = signal.signal(signal.SIGINT, notice), sys.unraisablehook
    sys.unraisablehook = swallowed
    try:
        yield lambda: bool(seen)
    finally:
        sys.unraisablehook = hook
        signal.signal(signal.SIGINT, before)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        argv: the arguments; those of the process if not given.

    Returns:
        The exit code: 0; 1 a check disagrees; 2 bad input, or the output cannot be written; 3 a check is
        inconclusive; 130 interrupted.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    output = Output(sys.stdout, "--json" in given)
    try:
        with _noticing_interrupts() as interrupted:
            return _reported(given, output, interrupted)
    except OutputError as error:
        complain(f"varprop: {error}")
        return BAD_INPUT
    except KeyboardInterrupt:  # a second one, while the first was reported
        return INTERRUPTED


def _reported(given: Sequence[str], output: Output, interrupted: Callable[[], bool]) -> int:
    """Run the command and report what stopped it; every way out leaves one JSON object if that was asked."""
    try:
        return _run(given, output)
    except vp.VarpropError as error:
        parts = {"asked": error.asked, "missing": error.missing, "remedy": error.remedy}
        return output.failed(BAD_INPUT, type(error).__name__, str(error), **parts)
    except UsageError as error:
        complain(error.usage.rstrip())
        return output.failed(BAD_INPUT, "UsageError", error.message)
    except (KeyboardInterrupt, Interrupted):
        return output.failed(INTERRUPTED, "Interrupted", "interrupted")
    except OutputError:
        raise
    except Exception as error:
        if interrupted():
            return output.failed(INTERRUPTED, "Interrupted", "interrupted")
        if os.environ.get("VARPROP_DEBUG"):
            raise
        output.failed(BROKEN, "Bug", f"this should not happen: {type(error).__name__}: {error}")
        complain("varprop: please report it, with what VARPROP_DEBUG=1 shows")
        return BROKEN


def _run(given: Sequence[str], output: Output) -> int:
    try:
        arguments = _parser().parse_args(given)
    except SystemExit:  # --help and --version have printed what they print
        output.write()
        return 0
    output.ready()
    code: int = arguments.run(arguments, output)
    return code
