"""The pytest plugin and the Hypothesis entry point, in a small project of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = {
    "mine.py": """
import numpy as np

def my_init(seed, gain=2.0, shape=(32, 64)):
    return np.random.default_rng(seed).normal(0, np.sqrt(gain / shape[1]), shape)
""",
    "test_mine.py": """
from varprop.testing import assert_preserves, assert_variance
from mine import my_init

def test_variance():
    assert_variance(my_init, 2 / 64)

def test_relu_layers_keep_the_signal(varprop_testing):
    varprop_testing.assert_preserves(my_init, "relu")
""",
}
WRONG = """
from varprop.testing import assert_preserves
from mine import my_init

def test_wrong():
    assert_preserves(lambda seed: my_init(seed, gain=1.0), "relu")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(project), "COLUMNS": "80"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_a_project_tests_its_own_initializer(project: Path) -> None:
    done = run(project, "--varprop-seed", "5")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    assert "varprop: 2 claims tested with seed 5; if all were true, one fails with probability <= 2e-06" in (
        done.stdout
    )


def test_a_wrong_initializer_fails_with_its_cause(project: Path) -> None:
    (project / "test_wrong.py").write_text(WRONG)
    done = run(project, "test_wrong.py")
    assert done.returncode == 1
    assert "looks like the factor 2 of ReLU is missing" in done.stdout
    assert "repeat    assert_preserves(draw, 'relu', seed=0)" in done.stdout


def test_a_run_without_claims_says_nothing_and_imports_nothing_heavy(project: Path) -> None:
    (project / "test_other.py").write_text(
        "import sys\n\ndef test_light():\n"
        "    assert not {'numpy', 'scipy', 'sympy', 'hypothesis'} & set(sys.modules)\n"
    )
    done = run(project, "test_other.py", "-p", "no:hypothesispytest")
    assert done.returncode == 0, done.stdout
    assert "varprop:" not in done.stdout


def test_hypothesis_knows_the_nouns_by_type(project: Path) -> None:
    (project / "test_types.py").write_text(
        "from hypothesis import given, strategies as st\nfrom varprop import Distribution\n\n"
        "@given(st.from_type(Distribution))\ndef test_mean(law):\n    assert isinstance(law, Distribution)\n"
    )
    done = run(project, "test_types.py")
    assert done.returncode == 0, done.stdout
