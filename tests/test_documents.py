"""What README.md shows of the command is what it prints."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import sys
from importlib import import_module
from pathlib import Path

import pytest

from varprop.cli import main
from varprop.render.chart import draw_svg

ROOT = Path(__file__).resolve().parent.parent
CONSOLE = re.compile(r"```console\n\$ varprop (.*?)\n(.*?)```", re.DOTALL)


def piped(text: str, command: str) -> str:
    """What `head -n K` or `tail -n K` leaves."""
    name, flag, count = shlex.split(command)
    assert flag == "-n"
    lines = text.splitlines(keepends=True)
    return "".join(lines[: int(count)] if name == "head" else lines[-int(count) :])


@pytest.mark.parametrize(
    ("command", "shown"),
    CONSOLE.findall((ROOT / "README.md").read_text(encoding="utf-8")),
    ids=lambda text: text[:40],
)
def test_the_command_prints_what_the_readme_shows(command: str, shown: str) -> None:
    run, *pipes = command.split(" | ")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(shlex.split(run)) == 0
    text = printed.getvalue()
    for pipe in pipes:
        text = piped(text, pipe)
    assert text == shown


def test_the_picture_of_the_readme_is_what_the_library_draws() -> None:
    sys.path.insert(0, str(ROOT / "docs"))
    try:
        drawn = draw_svg(import_module("shown.typical").picture())
    finally:
        sys.path.pop(0)
    colors = "svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}"
    drawn = drawn.replace("><path", f"><style>{colors}</style><path", 1)
    stored = (ROOT / "docs" / "_static" / "depth.svg").read_text(encoding="utf-8")
    assert stored == drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"
