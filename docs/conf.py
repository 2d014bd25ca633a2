"""Sphinx configuration: Markdown pages, mathematics rendered without any outside resource."""

import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

here = Path(__file__).parent
sys.path.insert(0, str(here))
from generated import write  # noqa: E402

write(here / "reference_pages")

project = "varprop"
author = "The varprop developers"
copyright = "The varprop developers"
version = release = installed_version("varprop")
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx-mathjax-offline",
    "varprop.sphinx",
]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build", "shown", "examples", "measured"]
html_theme = "furo"
html_title = "varprop"
nitpicky = True
nitpick_ignore_regex = [
    # types of Python, NumPy and SymPy: their pages are elsewhere, and a build reaches no network
    ("py:class", r"(collections|concurrent|decimal|fractions|numpy|os|pathlib|sympy)\..*"),
    # types of results that are no public names: read, never made by a caller
    ("py:class", r"varprop\.\w+\..*"),
    # words of docstrings that stand where a type could, and names of unions of types
    ("py:class", r"(.* .*|\w+\*?)"),
    ("py:exc", r"DrawError"),  # no public name; its base is
]
napoleon_use_ivar = True
suppress_warnings = ["ref.python"]  # words of docstrings that are names in several places
default_role = "code"
autodoc_typehints = "description"
autodoc_preserve_defaults = True


def plain(line):
    """Escape what reStructuredText reads into absolute values and names that end in an underscore."""
    parts = line.split("`")
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"(?<=\w)_(?=\W|$)", r"\_", parts[k].replace("|", r"\|"))
    return "`".join(parts)


def escape_docstrings(app, what, name, found, options, lines):
    """Docstrings are plain text with code between single backticks."""
    lines[:] = [line if ">>>" in line else plain(line) for line in lines]


def setup(app):
    """Connect what docstrings need."""
    app.connect("autodoc-process-docstring", escape_docstrings)
