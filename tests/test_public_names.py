"""The package's front door: lazy, complete, cheap to open."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import varprop

FRONT = ast.parse(Path(varprop.__file__).read_text(encoding="utf-8"))


def names_for_type_checkers() -> dict[str, str]:
    """Name -> module, as a type checker reads the front door."""
    [block] = [node for node in FRONT.body if isinstance(node, ast.If)]
    return {
        alias.name: str(node.module).removeprefix("varprop.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }


def test_the_table_and_the_type_checkers_imports_agree() -> None:
    assert names_for_type_checkers() == varprop._HOME


@pytest.mark.parametrize("name", sorted(varprop._HOME))
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(varprop, name).__doc__
    assert name in dir(varprop)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        varprop.nonsense  # type: ignore[attr-defined]


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = {"matplotlib", "numpy", "rich", "scipy", "sympy"}
    assert run(f"import sys, varprop; print(sorted({heavy} & set(sys.modules)))") == "[]\n"
    assert run(f"import sys, varprop.cli; print(sorted({heavy} & set(sys.modules)))") == "[]\n"


def seconds_to_import(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    return min(float(run(code)) for _ in range(3))


def test_importing_the_package_costs_a_thirtieth_of_sympy() -> None:
    assert seconds_to_import("varprop") <= seconds_to_import("sympy") / 30
