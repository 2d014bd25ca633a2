"""The iron rule: the two wings know nothing of each other, and a sampler never asks for a moment."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import varprop
from varprop.model import distributions as laws
from varprop.model.activations import Activation, abs_, leaky_relu, relu, step
from varprop.model.axes import Axis
from varprop.model.distributions import Distribution, Unknown
from varprop.model.expressions import Expression, sum_over
from varprop.model.joint import Empirical, Joint, Orthogonal
from varprop.model.variables import RandomVariable, RandomVector
from varprop.simulation.blocks import Estimand, Kind, Term
from varprop.simulation.panel import COUPLINGS, panel
from varprop.simulation.streams import Streams
from varprop.simulation.trials import Trial

PACKAGE = Path(varprop.__file__).parent
FORBIDDEN = {
    Distribution: """moment _moment moment_exists mean variance central_moment _central_moment cumulant
        _cumulant absolute_moment positive_part_moment _positive_part_moment atomless atom_at_zero support
        positive_probability _positive_probability negative_probability _negative_probability symmetric""",
    Joint: """alike uncorrelated row_flips entry_moment entry_mean entry_bound total_moment moment
        standard_error precision""",
    Activation: """parity even_part odd_part even_coefficient even_part_holds_at_zero gates moment
        vanishes_only_at_zero derivative""",
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where it goes"
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize(("wing", "other"), [("simulation", "derivation"), ("derivation", "simulation")])
def test_no_wing_imports_the_other(wing: str, other: str) -> None:
    sources = list((PACKAGE / wing).rglob("*.py"))
    assert len(sources) > 5
    for path in sources:
        far = tuple(f"varprop.{name}" for name in (other, "evidence", "numerics"))
        assert not any(name.startswith(far) for name in imported(path))


@pytest.mark.parametrize(
    ("modules", "other"),
    [(("simulation.trials", "simulation.panel"), "derivation"), (("derivation.derive",), "simulation")],
)
def test_no_wing_pulls_in_the_other(modules: tuple[str, ...], other: str) -> None:
    code = f"import sys, {', '.join(f'varprop.{module}' for module in modules)}\n"
    code += f"print([name for name in sys.modules if name.startswith('varprop.{other}')])"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert run.stdout.strip() == "[]"


def below(cls: type) -> Iterator[type]:
    yield cls
    for child in cls.__subclasses__():
        yield from below(child)


class Refused:
    """An attribute that raises when it is looked up on the class; parameters of an instance come first."""

    def __get__(self, holder: object, owner: type) -> Any:
        raise AssertionError("a sampler asked for a moment or a symmetry")


def forbid(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make every moment and every declared symmetry of the model raise."""
    count = 0
    for base, names in FORBIDDEN.items():
        for cls in set(below(base)):
            for name in names.split():
                if isinstance(cls.__dict__.get(name), FunctionType | property | cached_property):
                    monkeypatch.setattr(cls, name, Refused())
                    count += 1
    return count


TEXTS = (
    "Normal(mean=1, variance=2)",
    "Uniform(-1, 3)",
    "Uniform(variance=2)",
    "Rectified(Normal(mean=1))",
    "TruncatedNormal(-1, 2)",
    "Rademacher()",
    "Bernoulli(1/3)",
    "Dropout(3/4)",
    "Laplace(variance=2)",
    "Exponential(mean=2)",
    "StudentT(dof=12)",
    "LogNormal(0, 1/9)",
    "Constant(2)",
)


def subjects() -> dict[str, Expression]:
    i, j = Axis("i", 6), Axis("j", 3)
    w = RandomVariable("w", "Normal(variance=1/6)", axes=(j, i), role="weights")
    v = RandomVariable("v", "Rademacher()", axes=j)
    found: dict[str, Expression] = {}
    for text in TEXTS:
        x = RandomVariable("x", text, axes=i)
        found[text] = sum_over(j, v * relu(sum_over(i, w * x)))
    mixed = laws.Mixture([laws.Normal(), laws.Uniform(0, 1)], ["1/4", "3/4"])
    found["mixture"] = abs_(RandomVariable("x", mixed)) + 1
    found["activations"] = sum_over(i, step(RandomVariable("x", "Normal()", axes=i)) * leaky_relu("1/5")(w))
    table = RandomVector("x", Empirical([[1.0, 2.0, 5.0], [0.0, 1.0, 7.0], [3.0, 3.0, 1.0]]))
    found["table"] = sum_over(table.axis, RandomVariable("w", "Normal()", axes=table.axis) * table)
    rotation = RandomVector("Q", Orthogonal(3))
    rows, columns = rotation.variable.axes
    found["orthogonal"] = sum_over(
        columns, rotation * RandomVariable("x", "Exponential(mean=1)", axes=columns)
    )
    assert len(found) > 12 and rows != columns
    return found


KINDS: tuple[tuple[Kind, int], ...] = (("variance", 1), ("mean", 1), ("central moment", 3), ("cumulant", 4))


def test_simulation_asks_for_no_moment_and_no_symmetry(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = [
        Trial((Term(1.0, (Estimand(kind, (root,), order),)),), (Term(0.5),), budget=0.003)
        for position, root in enumerate(subjects().values())
        for kind, order in (KINDS if position == 0 else KINDS[:1])
    ]
    free = [trial.run(Streams(1)) for trial in trials]
    with monkeypatch.context() as patched:
        assert forbid(patched) > 60
        with pytest.raises(AssertionError, match="asked"):
            laws.Normal().moment(2)
        held = [trial.run(Streams(1)) for trial in trials]
        for root in subjects().values():
            Trial((Term(1.0, (Estimand("variance", (root,)),)),), (Term(0.0),), budget=0.003).run(Streams(1))
    assert held == free


def test_the_panel_reads_what_was_declared_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = Unknown(mean=1, variance=2, third_moment=8)
    free = panel(unknown, COUPLINGS)
    forbid(monkeypatch)
    assert panel(unknown, COUPLINGS) == free
