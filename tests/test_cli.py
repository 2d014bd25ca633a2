"""The command: what it prints, its exit codes, and that no input makes it fall over."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings, strategies as st

import varprop as vp
from varprop.cli import main, main_job as bare, neurons, reporting

COMMAND = [sys.executable, "-m", "varprop"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.slow
def test_the_main_job_agrees_at_80_columns() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    summary, questions = done.stdout.split("Summary")[1].split("Signs cancel")
    assert summary.count("[agrees]") == 5
    assert questions.count("[agrees]") == 26
    assert "[inconclusive]" not in questions
    assert "[disagrees]" not in done.stdout
    assert done.stdout.count("Result: Var[z] = ") == 5


def test_derive(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["derive", "--weights", "Normal(variance=2/n)", "--inputs", "relu(Normal())", "--bias", "3"])
        == 0
    )
    assert "Result: Var[z] = 1 (exact, closed form)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("inputs", "answer"),
    [
        ("Normal()", "1/n"),
        ("relu(Normal())", "2/n"),
        ("Uniform(0, 1)", "3/n"),
        ("Unknown(mean=m)", "1/(m**2*n + n)"),
    ],
)
def test_solve(capsys: pytest.CaptureFixture[str], inputs: str, answer: str) -> None:
    assert main(["solve", "--inputs", inputs, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == answer


def test_check_of_a_derivation_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--inputs", "Normal()", "--at", "n=4", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["schema"] == "varprop.command/1"
    assert record["verdict"] == "agrees"
    assert all(step["evidence"]["verdict"] == "agrees" for step in record["steps"])
    assert record["steps"][0]["evidence"]["at"] == {"n": "4"}


def test_a_wrong_claim_disagrees_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["check", "--inputs", "Normal()", "--at", "n=4", "--equals"]
    assert main([*arguments, "1"]) == 0
    assert main([*arguments, "1.1"]) == 1
    assert "disagrees" in capsys.readouterr().out


def test_what_cannot_be_decided_exits_with_3() -> None:
    assert (
        main(
            ["check", "--inputs", "StudentT(3)", "--equals", "3", "--budget", "0.01", "--resolution", "1.001"]
        )
        == 3
    )


def test_a_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["derive", "--table", "iris", "--weights", "Normal(variance=v)"]) == 0
    assert "63.5952" in capsys.readouterr().out
    path = tmp_path / "own.csv"
    path.write_text("1,2\n3,4\n", encoding="utf-8")
    assert main(["derive", "--table", str(path), "--weights", "Normal(variance=v)", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["result"].startswith("15.0")


def test_a_derivation_in_json_says_what_each_step_would_be_without_its_assumptions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["derive", "--weights", "Normal(variance=1/n)", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["steps"][0]
    assert [told["assumption"] for told in first["without"]] == first["assumptions"]
    without = {told["assumption"]: told for told in first["without"]}
    mean = without["w_i has mean zero"]  # Var(sum w g) = Var(w) E sum g^2 + E[w]^2 Var(sum g) + ...
    assert (mean["remainder"], mean["counterexample"]) == ("E[w_i]**2*Var[sum_i x_i]", None)
    shared = without["all w_i are independent of all x_i along i"]
    truth, formula = (sp.Rational(shared["counterexample"][name]) for name in ("truth", "formula"))
    assert shared["remainder"] is None and abs(truth / formula - 1) > 0.1


BAD = [
    ["derive", "--weights", "Normal(variance=-1)"],
    ["derive", "--weights", "__import__('os').system('true')"],
    ["derive", "--weights", ""],
    ["derive", "--weights", "(" * 3000],
    ["derive", "--inputs", "Normal(nan)"],
    ["derive", "--inputs", "Normal(mean=inf)"],
    ["derive", "--inputs", "Uniform(2, 1)"],
    ["derive", "--inputs", "StudentT(1)"],
    ["derive", "--inputs", "9**9**9"],
    ["derive", "--fan-in", "0"],
    ["derive", "--fan-in", "1.5"],
    ["derive", "--fan-in", "-n"],
    ["derive", "--fan-in", "n.subs"],
    ["derive", "--bias", "nonsense("],
    ["derive", "--quantity", "kurtosis", "--inputs", "Unknown()"],
    ["derive", "--table", "no such file"],
    ["derive", "--table", "."],
    ["derive", "--table", "iris", "--fan-in", "4"],
    ["derive", "--table", "\0"],
    ["check", "--at", "n"],
    ["check", "--at", "n=abc"],
    ["check", "--at", "q=1"],
    ["check", "--at", "n=1.5"],
    ["check", "--at", "n="],
    ["check", "--at", "=4"],
    ["check", "--at", "n=m"],
    ["check", "--at", "n+1=4"],
    ["check", "--at", "n=4", "n=5"],
    ["check", "--fan-in", "4", "--at", "n=4"],
    ["check", "--equals", "q"],
    ["check", "--equals", "q*n", "--at", "n=4"],
    ["check", "--resolution", "0.5"],
    ["check", "--resolution", "2"],
    ["check", "--resolution", "1e300"],
    ["check", "--resolution", "nan"],
    ["check", "--power", "2"],
    ["check", "--budget", "-1"],
    ["check", "--budget", "inf"],
    ["check", "--equals", "import os"],
    ["solve", "--unknown", "q"],
    ["solve", "--unknown", "1"],
    ["solve", "--equals", "-1"],
]


@pytest.mark.parametrize("arguments", BAD, ids=" ".join)
def test_bad_input_exits_with_2_and_one_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    if arguments[-1].startswith("-"):
        arguments = [*arguments[:-2], f"{arguments[-2]}={arguments[-1]}"]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err) < 600
    assert all(len(line) <= 80 or " " not in line.strip() for line in printed.err.splitlines())
    assert main([*arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["message"]
    assert " ".join(printed.err.split()) == " ".join(f"varprop: {error['message']}".split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["check", "--seed", "x"],
        ["check", "--seed", "9" * 5000],
        ["derive", "--quantity", "median"],
        ["derive", "--quan", "mean"],
        ["derive", "surplus"],
    ],
    ids=lambda arguments: " ".join(arguments)[:30],
)
def test_bad_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("usage: varprop")
    assert len(printed.err) < 1000
    assert main([*arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["kind"] == "UsageError"
    assert error["message"] in " ".join(printed.err.split())


def test_negative_numbers_in_any_spelling_are_no_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["answer", "cancellation", "--terms", "-1e400", "-inf"]) == 2
    assert "no finite number" in capsys.readouterr().err
    assert main(["answer", "cancellation", "--terms", "-1e400", "-.5"]) == 2
    assert "1e-100 to 1e100" in " ".join(capsys.readouterr().err.split())


def test_long_words_of_messages_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["derive", "--inputs", "x" * 5000], ["x" * 5000], ["gain", "y" * 5000]):
        assert main(arguments) == 2
        assert max(map(len, capsys.readouterr().err.splitlines())) <= 80


def test_a_minus_sign_first_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["derive", "--bias", "-n"]) == 2
    assert "is written --bias=-1/2" in " ".join(capsys.readouterr().err.split())
    assert main(["derive", "--bias=-n", "--quantity", "mean"]) == 0
    assert "Result: E[z] = -n" in capsys.readouterr().out


def test_n_is_the_number_of_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    def result(*arguments: str) -> str:
        assert main([*arguments, "--json"]) == 0
        return str(json.loads(capsys.readouterr().out)["result"])

    assert result("derive", "--fan-in", "100") == "1"
    assert result("derive", "--fan-in", "3*m", "--weights", "Normal(variance=2/n)") == "2"
    assert result("derive", "--fan-in", "100", "--bias", "Normal(variance=n)") == "101"
    assert result("derive", "--fan-in", "2*n") == "2"
    assert result("solve", "--fan-in", "100", "--equals", "1/n") == "1/10000"
    given, meant = (
        result("derive", "--table", "iris", "--weights", f"Normal(variance={v})") for v in ("1/n", "1/4")
    )
    assert given == meant


def test_a_claim_in_symbols_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    claim = ["check", "--inputs", "Normal()", "--equals", "2*q", "--at", "n=4"]
    assert main([*claim, "--at", "q=0.5"]) == 0
    assert main([*claim, "--at", "q=0.6"]) == 1
    assert main(claim) == 2
    assert "Give one: --at q=0.5." in " ".join(capsys.readouterr().err.split())
    assert main(["check", "--inputs", "Normal()", "--fan-in", "4", "--equals", "4/n"]) == 0


PIECES = st.sampled_from(
    [*"0123456789abnvwx.,=()[]{}+-*/^!@'\"\\ \n\0\u0661\udc80é", "**", "Normal(", "relu(", "n=", "1e9"]
)
OPTIONS = st.sampled_from(
    ["--weights", "--inputs", "--bias", "--fan-in", "--table", "--quantity", "--equals"]
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(OPTIONS, st.lists(PIECES, max_size=8).map("".join)), max_size=3))
def test_any_text_is_an_answer_or_bad_input(pairs: list[tuple[str, str]]) -> None:
    printed, complaints = io.StringIO(), io.StringIO()
    arguments = ["solve", "--json", *(f"{option}={text}" for option, text in pairs)]
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaints):
        code = main(arguments)
    record = json.loads(printed.getvalue())
    assert code == (2 if "error" in record else 0)
    assert bool(complaints.getvalue()) == (code == 2)


def test_help_is_quick_and_80_wide() -> None:
    for arguments in (["--help"], ["check", "--help"], ["--version"]):
        done = run(*arguments)
        assert done.returncode == 0
        assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_bug_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(neurons, "proof_record", broken)
    assert main(["derive", "--json"]) == 70
    assert "should not happen" in capsys.readouterr().err
    monkeypatch.setenv("VARPROP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["derive", "--json"])


def test_color_only_for_a_terminal_that_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert reporting.Output(Terminal(), False).color  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not reporting.Output(Terminal(), False).color  # type: ignore[arg-type]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not reporting.Output(Terminal(), False).color  # type: ignore[arg-type]


FEW = (
    bare.Case("Gaussian inputs", "Normal(variance=1/n)", "Normal()"),
    bare.Case("A real table: flowers", "Normal(variance=v)", "", "iris"),
)


def test_the_main_job_in_full_and_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bare, "CASES", FEW)
    monkeypatch.setattr(bare, "short_answers", lambda output: [])
    assert main([]) == 0
    short = capsys.readouterr().out
    assert main(["--full"]) == 0
    full = capsys.readouterr().out
    assert "since w_i has mean zero" in full
    assert "since" not in short
    assert main(["--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["verdict"] == "agrees"
    assert [case["title"] for case in record["cases"]] == [case.title for case in FEW]


@pytest.mark.parametrize(
    ("verdicts", "code", "overall"),
    [
        (("agrees", "agrees"), 0, "agrees"),
        (("inconclusive", "agrees"), 3, "inconclusive"),
        (("inconclusive", "disagrees"), 1, "disagrees"),
    ],
)
def test_the_worst_verdict_counts(
    verdicts: tuple[str, str],
    code: int,
    overall: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    remaining = iter(verdicts)

    def explain(thing: Any, title: str) -> Any:
        found = vp.check(vp.Mean(vp.RandomVariable("x", 1)), equals=1)
        told = type("Told", (vp.Explanation,), {"verdict": next(remaining)})
        return told(vp.derive(vp.Variance(thing)), (found,))

    monkeypatch.setattr(bare, "CASES", FEW)
    monkeypatch.setattr(bare, "short_answers", lambda output: [])
    monkeypatch.setattr(bare, "explain_with_progress", explain)
    assert main(["--json"]) == code
    assert json.loads(capsys.readouterr().out)["verdict"] == overall


def test_a_stopped_check_shows_what_it_has_and_exits_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bare, "CASES", FEW)
    monkeypatch.setattr(bare, "short_answers", lambda output: [])
    for module in (bare, neurons):
        monkeypatch.setattr(module, "stopped", lambda evidence: True)
    for arguments in (
        [],
        ["check", "--inputs", "Normal()"],
        ["check", "--inputs", "Normal()", "--equals", "1"],
    ):
        assert main(arguments) == 130
        printed = capsys.readouterr()
        assert "agrees" in printed.out
        assert printed.err == "varprop: interrupted\n"


def test_progress_is_shown_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["check", "--inputs", "Normal()"]) == 0
    assert "agrees" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "rich.console", None)
    assert main(["check", "--inputs", "Normal()"]) == 0
