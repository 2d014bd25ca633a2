"""The floors of the house: who may import whom. The sources are parsed, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "varprop"
FLOORS = {
    "errors": 0,
    "render": 1,
    "numerics": 1,
    "model": 2,
    "derivation": 3,
    "simulation": 3,
    "evidence": 4,
    "laws": 5,
    "networks": 6,
    "questions": 7,
    "interop": 7,
    "testing": 7,
    "auditing": 8,
    "sphinx": 8,
    "cli": 9,
    "__main__": 10,
}
# These may not be imported when the package is: they cost most of a second, or are optional.
LATE = (
    "scipy.stats",
    "matplotlib",
    "dask",
    "distributed",
    "rich",
    "flint",
    "numba",
    "torch",
    "jax",
    "keras",
    "pytest",
    "hypothesis",
)
LATE_ALLOWED = {"testing", "interop", "sphinx"}
# The command goes through the lazy front door, as users do, so that its help appears at once.
FRONT_DOOR_USERS = {"cli"}
# Opened by every pytest run in the environment, so it re-exports lazily, as the package itself does.
FRONT_DOORS = {"varprop.testing"}
MAX_LINES = 400


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """`varprop.model.axes` -> `model`; `varprop` -> ``."""
    return module.split(".")[1] if "." in module else ""


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[str, ast.stmt]]:
    """Every absolute dotted name that the source imports, `from a import b` as `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                kept = module.split(".")
                kept = kept[: len(kept) - node.level + is_package]
                base = ".".join([*kept, base]) if base else ".".join(kept)
            for alias in node.names:
                yield f"{base}.{alias.name}", node


def function_bodies(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node


def violations(source: str, module: str, is_package: bool = False) -> list[str]:
    """What in one source breaks the law of the floors."""
    tree = ast.parse(source)
    part = part_of(module)
    if part not in FLOORS:
        return [f"{module}: {part!r} is on no floor"]
    found = []
    for name, node in imported(tree, module, is_package):
        where = f"{module}:{node.lineno}"
        if name != "varprop" and not name.startswith("varprop."):
            continue
        other = part_of(name)
        if part in FRONT_DOOR_USERS and name == "varprop":
            continue
        if other not in FLOORS:
            found.append(f"{where}: imports {name}; take it from the module that defines it")
        elif other != part and FLOORS[other] >= FLOORS[part]:
            found.append(f"{where}: {part} (floor {FLOORS[part]}) imports {other} (floor {FLOORS[other]})")
        if module == "varprop.networks.brute" and other not in {"errors", "model", "simulation"}:
            found.append(f"{where}: networks/brute.py may only know model and simulation")
        if module.startswith("varprop.simulation") and other == "numerics":
            found.append(f"{where}: simulation may not use numerics")
    inside = {id(sub) for body in function_bodies(tree) for sub in ast.walk(body)}
    for name, node in imported(tree, module, is_package):
        where = f"{module}:{node.lineno}"
        own = name == "varprop" or name.startswith("varprop.")
        if own and id(node) in inside:
            found.append(f"{where}: imports {name} inside a function")
        late = any(name == word or name.startswith(f"{word}.") for word in LATE)
        if late and id(node) not in inside and part not in LATE_ALLOWED:
            found.append(f"{where}: imports {name} at top level")
    for node in ast.walk(tree):
        computed = isinstance(node, ast.Name) and node.id in {"__import__", "import_module"}
        if computed and module not in FRONT_DOORS:
            found.append(f"{module}:{node.lineno}: imports by a computed name")
    return found


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_floors_are_held(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return
    source = path.read_text(encoding="utf-8")
    assert violations(source, module_name(path), path.name == "__init__.py") == []


@pytest.mark.parametrize("path", sources(), ids=module_name)
def test_files_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("varprop.model.axes", "from varprop.derivation.derive import derive"),
        ("varprop.model.axes", "import varprop.cli"),
        ("varprop.model.axes", "from .. import evidence"),
        ("varprop.model.axes", "from ..simulation import streams"),
        ("varprop.model.axes", "import varprop"),
        ("varprop.model.axes", "from varprop import Normal"),
        ("varprop.derivation.derive", "from varprop.simulation import streams"),
        ("varprop.simulation.blocks", "from varprop.derivation import derive"),
        ("varprop.simulation.blocks", "from varprop.numerics import quadrature"),
        ("varprop.render.blocks", "from varprop.numerics import quadrature"),
        ("varprop.networks.brute", "from varprop.derivation import derive"),
        ("varprop.cli", "def f():\n    from varprop.evidence import check"),
        ("varprop.cli", "import importlib\nimportlib.import_module('varprop.model')\nimport_module('x')"),
        ("varprop.model.axes", "import scipy.stats"),
        ("varprop.model.axes", "from scipy import stats"),
        ("varprop.model.axes", "import matplotlib.pyplot as plt"),
        ("varprop.attic.old", "x = 1"),
    ],
)
def test_a_planted_violation_is_found(module: str, source: str) -> None:
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("varprop.model.axes", "from varprop.errors import ParameterError"),
        ("varprop.model.axes", "from varprop.model.scalars import symbol"),
        ("varprop.evidence", "from varprop.derivation import derive\nfrom varprop.simulation import streams"),
        ("varprop.model.axes", "def draw():\n    from scipy import stats\n    return stats"),
        ("varprop.networks.brute", "from varprop.model import axes\nfrom varprop.simulation import streams"),
    ],
)
def test_a_lawful_import_passes(module: str, source: str) -> None:
    assert violations(source, module) == []
