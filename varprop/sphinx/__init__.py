"""A Sphinx extension: derivations, claims, tables and numbers that are computed while a page is built.

Put "varprop.sphinx" among the extensions in conf.py, and a folder with your Python objects on the path. Then

    ```{varprop-derivation} my_objects:neuron
    :check:
    :at: n=64
    ```

shows the derivation of the variance of `my_objects.neuron`, each line with the verdict of its check, and
``{varprop}`my_objects:gain | .4f` `` a number in running text. A verdict that is not "agrees" (or the one
that `expect` names) is a warning, so a build with warnings as errors fails when the mathematics does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from varprop.sphinx.directives import ShowClaim, ShowDerivation, ShowObject, Value
from varprop.sphinx.objects import library_digest

__all__ = ["setup"]

STYLE = Path(__file__).parent / "static"
OBJECTS = ("answer", "bound", "gains", "plot", "profile", "table")
"""Directives for whatever else has a `document()`: one behavior, named for what a page shows."""


def _add_style(app: Sphinx) -> None:
    app.config.html_static_path.append(str(STYLE))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, the role and the style sheet."""
    app.add_directive("varprop-derivation", ShowDerivation)
    app.add_directive("varprop-claim", ShowClaim)
    for name in OBJECTS:
        app.add_directive(f"varprop-{name}", ShowObject)
    app.add_role("varprop", Value())
    app.add_config_value(
        "varprop_library", library_digest(), "env", [str]
    )  # pages are read again if it changes
    app.connect("builder-inited", _add_style)
    app.add_css_file("varprop.css")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
