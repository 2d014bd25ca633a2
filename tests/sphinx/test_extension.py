"""The Sphinx extension, in a small project of its own: pages show what the library computes, or fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CONF = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).parent))
project = "mine"
extensions = ["myst_parser", "varprop.sphinx"]
"""
OBJECTS = """
import varprop as vp
from varprop.render import Document, Heading, Plot, Series, Table

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


def build(folder: Path, page: str, *options: str) -> subprocess.CompletedProcess[str]:
    (folder / "conf.py").write_text(CONF)
    (folder / "objects.py").write_text(OBJECTS)
    (folder / "index.md").write_text(page)
    command = [sys.executable, "-m", "sphinx", "-W", "-q", *options, str(folder), str(folder / "_build")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_page_shows_derivations_claims_tables_and_numbers(tmp_path: Path) -> None:
    done = build(tmp_path, INDEX)
    assert done.returncode == 0, done.stderr
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
    assert build(tmp_path, INDEX, "-E").returncode == 0
    assert [path.stat().st_mtime_ns for path in cached] == before


WRONG = {
    "```{varprop-claim} objects:wrong\n:at: n=16\n```\n": "disagrees, where agrees was expected",
    "```{varprop-claim} objects:claim\n:at: n=8\n:expect: disagrees\n```\n": "agrees, where disagrees was",
    "```{varprop-table} objects:nothing\n```\n": "there is no nothing",
    "```{varprop-table} nowhere:table\n```\n": "No module named 'nowhere'",
    "```{varprop-table} objects\n```\n": "it has no name",
    "```{varprop-table} objects:calls\n```\n": "cannot be written as a document",
    "```{varprop-derivation} objects:claim\n```\n": "no random expression, quantity or derivation",
    "```{varprop-claim} objects:claim\n:at: n\n```\n": "no list of values",
    "{varprop}`objects:neuron | .3f`\n": "could not convert|must be a string or a real number",
    "{varprop}`objects:absent`\n": "there is no absent",
}


def test_everything_that_is_wrong_is_told_and_fails_the_build(tmp_path: Path) -> None:
    done = build(tmp_path, "# Mine\n\n" + "\n".join(WRONG), "--keep-going")
    assert done.returncode != 0
    told = " ".join(done.stderr.split())
    for message in WRONG.values():
        assert re.search(message, told), (message, told)
