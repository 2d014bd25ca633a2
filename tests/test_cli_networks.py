"""`varprop propagate`: its numbers, its options, its exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from varprop.cli import main

TRIPLED = "Normal(variance=9/n)"


def rows(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    assert main(["propagate", *arguments, "--json"]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def squares(found: dict[str, Any]) -> list[float]:
    return [row["second_moment"] for row in found["profile"]["rows"]]


def test_numbers_of_a_relu_net(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "--depth", "2", "--width", "3", "--outputs", "1", "--bias", "Constant(0)")
    assert squares(found) == pytest.approx([1, 2, 1, 2, 1, 2])
    halved = rows(capsys, "--depth", "2", "--width", "4", "--weights", "Normal(variance=1/n)")
    assert squares(halved) == pytest.approx([1, 1, 1 / 2, 1 / 2, 1 / 4])


def test_residual_blocks_add_their_variance(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "--depth", "3", "--width", "8", "--residual", "--multiplier", "1/2", "--fan-in", "5")
    assert found["profile"]["rows"][0]["shape"] == [5]
    blocks = [
        row["second_moment"] for row in found["profile"]["rows"] if row["path"][-1:] and len(row["path"]) == 1
    ]
    assert blocks[-1] == pytest.approx(2 * (1 + 1 / 4) ** 3)


def test_norms_and_dropout(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(
        capsys, "--depth", "1", "--norm", "rms", "--dropout", "1/2", "--weights", "Normal(variance=9/n)"
    )
    assert squares(found) == pytest.approx([1, 9, 1, 1 / 2, 1])


@pytest.mark.parametrize("place", ["nowhere/x.png", "x.gif", "x", ".", ""])
def test_a_picture_that_cannot_be_written_is_refused_first(
    place: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for command in (["propagate", "--depth", "2"], ["answer", "vanishing"]):
        assert main([*command, "--plot", place]) == 2
        shown = capsys.readouterr()
        assert "--plot" in shown.err and not shown.out


def test_a_table_and_a_plot(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    table, plot = tmp_path / "table.csv", tmp_path / "profile.svg"
    table.write_text("a,b\n1,2\n3,4\n")
    found = rows(capsys, "--depth", "1", "--table", str(table), "--plot", str(plot))
    mean_square = (1 + 4 + 9 + 16) / 4
    assert squares(found)[:2] == pytest.approx([mean_square, 2 * mean_square])
    assert plot.read_text().count("<svg") == 1
    assert main(["propagate", "--table", str(table), "--input", "Normal()"]) == 2
    assert "Leave the other two out" in " ".join(capsys.readouterr().err.split())


def test_symbols_get_values(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--depth", "L", "--width", "n", "--weights", "Normal(variance=s/n)")
    found = rows(capsys, *options, "--at", "L=3", "s=4", "n=16")
    assert squares(found)[-1] == pytest.approx(2**3)


def test_a_check_gives_its_verdict_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    options = (
        "--depth",
        "1",
        "--width",
        "2",
        "--weights",
        "Normal(variance=1/n)",
        "--activation",
        "identity",
    )
    found = rows(capsys, *options, "--check", "--seed", "5", "--budget", "1")
    assert found["verdict"] == "agrees"
    assert found["evidence"]["seed"] == 5


@pytest.mark.parametrize(
    "wrong",
    [
        ("--depth", "-1"),
        ("--depth", "1.5"),
        ("--width", "0"),
        ("--activation", "rleu"),
        ("--weights", "he_norml"),
        ("--dropout", "2"),
        ("--multiplier", "1/2"),
        ("--residual", "--multiplier", "1/0"),
        ("--residual", "--multiplier", "import os"),
        ("--at", "L"),
        ("--input", "Cauchy()"),
        ("--table", "no/such.csv"),
        ("--outputs", "nan"),
    ],
)
def test_bad_options(wrong: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["propagate", "--depth", "2", "--width", "4", *wrong]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("varprop: ") or "usage" in told.err
