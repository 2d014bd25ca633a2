"""The scripts in docs/examples: each runs by itself, in seconds, and prints what it promises."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
PROMISES = {
    "neuron": [
        "Var[z] = s + 1: exact, closed form, 4 lines",
        "by centered uncorrelated weights  [agrees]",
        "Result: Var[z] = s + 1 (exact, closed form)",
        "Checked line by line at n = 16, s = 1: agrees;",
        "Var[z] = 1? It disagrees: the estimate is",
    ],
    "initialization": [
        "standardized inputs, Var z = 1            1/n",
        "ReLU of a layer of variance 1, Var z = 1  2/n",
        "pixels in [0, 1], Var z = 1               3/n",
        "pixels in [0, 1], Var z = Var x           1/(4*n)",
        "by the even part counts",
        "Solved: n*v/2 = 1 gives v = 2/n (exact, closed form)",
    ],
    "kurtosis": [
        "independent inputs:  Kurt[z] = 3*k/n + 3 - 3/n",
        "n = 4    normal inputs: 4.500",
        "one shared input:    Kurt[z] = 3*k, however large n is",
        "refused: E X^4 of Unknown(): not declared. Declare it: fourth_moment=...",
        "E[z^4] = 9/2 at n = 4? It agrees",
    ],
    "deep_relu": [
        "no bias:            Var[y] = 2 (exact) at every width",
        "it agrees",
        "symmetric bias:     Var[y] = 3",
        "constant bias:      refused",
        "is symmetric about",
    ],
    "real_table": [
        "Empirical(150 rows: sepal_length, sepal_width, petal_length, petal_width)",
        "by average over the rows",
        "(exact, enclosure)",
        "sepal_length   34.826    0.810",
        "whole rows drawn with replacement: agrees.",
        "The kurtosis is refused:",
    ],
    "planted_errors": [
        "variance for second moment          0.0833    0.33",
        "nothing wrong, tiny budget",
        "inconclusive",
    ],
}


def printed(name: str) -> str:
    """What a script prints; a failure is an error."""
    command = [sys.executable, "-W", "error", str(EXAMPLES / f"{name}.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_script_has_promises() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(PROMISES)


@pytest.mark.parametrize("name", PROMISES)
def test_the_script_prints_what_it_promises(name: str) -> None:
    text = printed(name)
    for promise in PROMISES[name]:
        assert promise in text
    assert max(map(len, text.splitlines())) <= 80
    if name == "planted_errors":
        assert text.count("disagrees") == 5
        assert text.count(" agrees") == 1


@pytest.mark.parametrize("name", PROMISES)
def test_the_script_is_short(name: str) -> None:
    assert len((EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()) <= 45
