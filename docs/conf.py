"""Sphinx configuration: Markdown pages, mathematics rendered without any outside resource."""

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

here = Path(__file__).parent
sys.path.insert(0, str(here))
from reference import write  # noqa: E402

write(here / "reference_pages")

project = "varprop"
author = "The varprop developers"
copyright = "The varprop developers"
version = release = installed_version("varprop")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx-mathjax-offline"]
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "varprop"
nitpicky = False
autodoc_typehints = "description"
