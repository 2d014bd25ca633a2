"""The Sphinx extension, in a small project of its own: pages show what the library computes, or fail."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
from sphinx.cmd.build import build_main

import varprop.sphinx
from varprop.sphinx import objects

pytestmark = pytest.mark.filterwarnings("default")  # what Sphinx and its parser deprecate among themselves

CONF = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
project = "mine"
extensions = ["myst_parser", "varprop.sphinx"]
"""
OBJECTS = """
import varprop as vp
from varprop.render import Badge, Bullets, Code, Document, Heading, Math, Plot, Series, Table, Text

neuron = vp.neuron(weights=vp.Normal(variance="1/n"), inputs=vp.Uniform(-1, 1), fan_in="n")
variance = vp.Variance(neuron)
claim = (variance, "1/3")
wrong = (variance, "1/2")
calls = 0

def table():
    return Document([
        Heading("A table"),
        Table(["n", "Var"], [["1", "0.5"]], caption="numbers", align="rr"),
        Plot([Series("a", [0, 1], [1, 2])], title="a line"),
    ])

def gain():
    return vp.parse_scalar("sqrt(2)")

class Holder:
    gain = vp.parse_scalar("sqrt(3)")

made = eval("lambda: vp.parse_scalar('1/7')")
seen = vp.check(variance, equals="1/3", at={"n": 16}, budget=0.5, seed=1)
blocks = Document([
    Code("x = 1", "python"),
    Bullets(["a point", Text("a formula ", Math("x^2", "x**2"), " and ", Code("y"))]),
    Text("said ", Badge("agrees", "good")),
    Badge("alone", "bad"),
])
"""
INDEX = """# Mine

```{varprop-derivation} objects:neuron
:check:
:code:
:at: n=16
:budget: 0.5
```

```{varprop-claim} objects:claim
:at: n=16
:budget: 0.5
```

```{varprop-claim} objects:wrong
:at: n=16
:expect: disagrees
```

```{varprop-table} objects:table
```

The gain is {varprop}`objects:gain`, about {varprop}`objects:gain | .3f`.
"""


Build: TypeAlias = Callable[..., tuple[int, str]]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Build:
    """Builds one page in this process; gives the exit code and what was told."""

    def built(page: str, *options: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.delitem(sys.modules, "objects", raising=False)
        for name, text in {"conf.py": CONF, "objects.py": OBJECTS, "index.md": page}.items():
            if not (tmp_path / name).exists() or (tmp_path / name).read_text() != text:
                (tmp_path / name).write_text(text)
        code = build_main(["-W", "-q", *options, str(tmp_path), str(tmp_path / "_build")])
        return code, capsys.readouterr().err

    return built


def test_a_page_shows_derivations_claims_tables_and_numbers(build: Build, tmp_path: Path) -> None:
    code, told = build(INDEX)
    assert code == 0, told
    html = (tmp_path / "_build" / "index.html").read_text()
    assert r"\frac{1}{3}" in html
    assert "sum of terms with zero-mean weights" in html or "by " in html
    assert html.count("varprop-good") >= 3
    assert html.count("varprop-bad") >= 1
    assert "<figure" in html
    assert 'aria-label="a line"' in html
    assert r"\sqrt{2}" in html
    assert "about 1.414" in html
    assert (tmp_path / "_build" / "_static" / "varprop.css").exists()
    cached = sorted((tmp_path / "_build" / ".doctrees" / "varprop").iterdir())
    assert len(cached) == 4
    before = [path.stat().st_mtime_ns for path in cached]
    assert build(INDEX, "-E")[0] == 0
    assert [path.stat().st_mtime_ns for path in cached] == before


def test_a_change_of_the_library_computes_every_page_again(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "# Mine\n\n```{varprop-table} objects:gain\n```\n"
    assert build(page)[0] == 0
    doctree = tmp_path / "_build" / ".doctrees" / "index.doctree"
    cache = doctree.with_name("varprop")
    (first,) = cache.iterdir()
    read = doctree.stat().st_mtime_ns
    assert build(page)[0] == 0
    assert doctree.stat().st_mtime_ns == read
    assert [*cache.iterdir()] == [first]
    monkeypatch.setattr(objects, "library_digest", lambda: "changed")
    monkeypatch.setattr(varprop.sphinx, "library_digest", lambda: "changed")
    assert build(page)[0] == 0
    assert doctree.stat().st_mtime_ns > read
    assert len(list(cache.iterdir())) == 2


def test_a_change_of_a_helper_or_of_a_named_file_computes_a_page_again(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reader.py").write_text(
        "from pathlib import Path\nimport helper\nfrom varprop.render import Document\n\n"
        "def told():\n"
        "    return Document([helper.word + (Path(__file__).parent / 'word.txt').read_text()])\n"
    )
    page = "# Mine\n\n```{varprop-table} reader:told\n:depends: word*.txt\n```\n"

    def shown(helper: str, word: str) -> str:
        for name in ("helper", "reader"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        (tmp_path / "helper.py").write_text(f"word = {helper!r}\n")
        (tmp_path / "word.txt").write_text(word)
        code, told = build(page)
        assert code == 0, told
        return (tmp_path / "_build" / "index.html").read_text()

    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for pair in (("one ", "sea"), ("three ", "sea"), ("three ", "lakes")):
        assert f"<p>{''.join(pair)}</p>" in shown(*pair)
    cache = tmp_path / "_build" / ".doctrees" / "varprop"
    assert len(list(cache.iterdir())) == 3
    assert shown("three ", "lakes")
    assert len(list(cache.iterdir())) == 3


def test_every_kind_of_block_and_of_object(build: Build, tmp_path: Path) -> None:
    code, told = build(
        "# Mine\n\n```{varprop-table} objects:blocks\n```\n\n"
        "```{varprop-claim} objects:seen\n```\n\n"
        "```{varprop-table} objects:gain\n:code:\n```\n\n"
        "```{varprop-derivation} objects:neuron\n:short:\n```\n\n"
        "It is {varprop}`objects:Holder.gain`, {varprop}`objects:neuron` and {varprop}`math:pi | .2f`.\n"
    )
    assert code == 0, told
    html = (tmp_path / "_build" / "index.html").read_text()
    for shown in (
        "<code",
        "a point",
        ">y</span>",
        ">agrees</span>",
        ">alone</span>",
        r"x^2",
        r"\sqrt{3}",
        "3.14",
        "def</span>",
        r"w_{i}",
    ):
        assert shown in html, shown


WRONG = {
    "```{varprop-claim} objects:wrong\n:at: n=16\n```\n": "disagrees, where agrees was expected",
    "```{varprop-claim} objects:claim\n:at: n=8\n:expect: disagrees\n```\n": "agrees, where disagrees was",
    "```{varprop-table} objects:nothing\n```\n": "there is no nothing",
    "```{varprop-table} nowhere:table\n```\n": "No module named 'nowhere'",
    "```{varprop-table} objects\n```\n": "it is no name",
    "```{varprop-table} objects:table\n:depends: nothing.csv\n```\n": "the files 'nothing.csv'",
    "```{varprop-table} objects:calls\n```\n": "cannot be written as a document",
    "```{varprop-derivation} objects:claim\n```\n": "no random expression, quantity or derivation",
    "```{varprop-claim} objects:claim\n:at: n\n```\n": "no list of values",
    "{varprop}`objects:neuron | .3f`\n": "could not convert|must be a string or a real number",
    "```{varprop-table} objects:made\n:code:\n```\n": "the source of .*could not get source code",
    "{varprop}`objects:absent`\n": "there is no absent",
}


def test_everything_that_is_wrong_is_told_and_fails_the_build(build: Build) -> None:
    code, told = build("# Mine\n\n" + "\n".join(WRONG), "--keep-going")
    assert code != 0
    told = " ".join(told.split())
    for message in WRONG.values():
        assert re.search(message, told), (message, told)
