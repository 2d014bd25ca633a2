"""`varprop docs`: pages in five formats, all or nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from varprop.cli import main

NEURON = ["docs", "sum(i, w[i]*relu(h[i]))", "--let", "w=Normal(variance=2/n)", "--let", "h=Normal()"]


@pytest.mark.parametrize(
    ("ending", "shown"),
    [
        (".md", r"\operatorname{Var}"),
        (".tex", r"\begin{document}"),
        (".html", "<math"),
        (".txt", "Result: Var[z] = 1"),
        (".json", '"schema"'),
    ],
)
def test_a_page_in_each_format(ending: str, shown: str, tmp_path: Path) -> None:
    target = tmp_path / f"page{ending}"
    assert main([*NEURON, "--out", str(target)]) == 0
    assert shown in target.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [target]


def test_a_checked_page_has_verdicts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "page.md"
    assert main([*NEURON, "--out", str(target), "--check", "--at", "n=16", "--json"]) == 0
    assert target.read_text(encoding="utf-8").count("**agrees**") >= 3
    record = json.loads(capsys.readouterr().out)
    assert (record["result"], record["verdict"]) == ("1", "agrees")


def test_sizes_and_quantities(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "page.txt"
    arguments = ["docs", "sum(i, x[i])", "--let", "x=Normal()", "--size", "i=5", "--quantity", "kurtosis"]
    assert main([*arguments, "--out", str(target)]) == 0
    assert "= 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    "more",
    [
        ["--out", "page.pdf"],
        ["--out", "page"],
        ["--out", "nowhere/page.md"],
        ["--out", "page.md", "--let", "x"],
        ["--out", "page.md", "--let", "h=Uniform()"],
        ["--out", "page.md", "--let", "1x=Normal()"],
        ["--out", "page.md", "--size", "k=3"],
        ["--out", "page.md", "--check", "--at", "q"],
    ],
)
def test_bad_input_writes_nothing(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*NEURON, *more]) == 2
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err.startswith("varprop: ")
