"""Directives and roles: what a page shows is computed while it is built, never typed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import sympy as sp
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole

from varprop.derivation.derive import derive
from varprop.derivation.quantities import Quantity, Variance
from varprop.derivation.showing import Shown
from varprop.errors import ParameterError, VarpropError
from varprop.evidence import Evidence, check
from varprop.evidence.explaining import explain
from varprop.model.expressions import Expression
from varprop.model.printing import to_latex
from varprop.render import Badge, Document, Heading, Line, Table, Text
from varprop.render.blocks import Block
from varprop.sphinx.nodes import to_nodes
from varprop.sphinx.objects import Cache, document_of, made, module_of, source_of, sources

__all__ = ["ShowClaim", "ShowDerivation", "ShowObject", "Value", "short"]

_LOGGER = logging.getLogger(__name__)
VERDICTS = ("agrees", "disagrees", "inconclusive")


def _values(text: str | None) -> dict[str, str]:
    """Parse `n=64, m=3`."""
    pairs = [pair.partition("=") for pair in (text or "").replace(",", " ").split()]
    if not pairs or not all(name and sign and value for name, sign, value in pairs):
        raise ValueError(f"{text!r} is no list of values; write n=64, m=3")
    return {name: value for name, _, value in pairs}


def _sources(env: BuildEnvironment, path: str, more: Iterable[str] = ()) -> list[Path]:
    """The files that the object `path` may be made from."""
    return sources(Path(env.srcdir), Path(env.doctreedir).parent, module_of(path), more)


def _verdict(text: str | None) -> str:
    return str(directives.choice(text, VERDICTS))


def short(document: Document) -> Document:
    """The document without its heading and without the notes on its lines."""
    return Document(
        block.bare() if isinstance(block, Line) else block
        for block in document.blocks
        if not isinstance(block, Heading)
    )


def _badges(blocks: tuple[Block, ...]) -> Iterator[Badge]:
    for block in blocks:
        if isinstance(block, Badge):
            yield block
        if isinstance(block, Line) and block.badge is not None:
            yield block.badge
        texts: tuple[Text, ...] = ()
        if isinstance(block, Text):
            texts = (block,)
        if isinstance(block, Table):
            texts = tuple(cell for row in block.rows for cell in row)
        for text in texts:
            yield from (part for part in text.parts if isinstance(part, Badge))


class ShowObject(SphinxDirective):
    """Show an object that can be written as a document: `module:name`, where a function is called.

    Options: `code` also shows the source that made it; `short` leaves out the heading and the notes on the
    lines; `expect` names the verdict that is meant to come out, where it is not "agrees". Any other verdict
    is a warning of the build. `depends` names files that the object is made from, such as `data/*.csv`,
    from the folder of conf.py; all Python files of that folder count without being named.
    """

    required_arguments = 1
    has_content = False
    option_spec: ClassVar[dict[str, Any]] = {
        "code": directives.flag,
        "short": directives.flag,
        "expect": _verdict,
        "depends": directives.unchanged_required,
    }

    def document(self, found: Any, path: str) -> Document:
        """What is shown of the object."""
        return document_of(found, path)

    def run(self) -> list[nodes.Node]:
        """Return the nodes of the object."""
        path = self.arguments[0]
        named = self.options.get("depends", "").replace(",", " ").split()
        try:
            files = _sources(self.env, path, named)
            arguments = (type(self).__name__, path, repr(sorted(self.options.items())))
            cache = Cache(Path(self.env.doctreedir) / "varprop")
            document = cache.get(files, arguments, lambda: self.document(made(path), path))
            source = source_of(path) if "code" in self.options else ""
        except VarpropError as problem:
            raise self.error(f"varprop: {problem}") from problem
        for file in files:
            self.env.note_dependency(str(file))
        self._judge(document, path)
        shown = short(document) if "short" in self.options else document
        block = nodes.container(classes=["varprop"])
        if source:
            block += nodes.literal_block(source, source, language="python")
        block.extend(to_nodes(shown.blocks, self.env.docname))
        return [block]

    def _judge(self, document: Document, path: str) -> None:
        expected = self.options.get("expect", "agrees")
        met = {badge.label for badge in _badges(document.blocks)} & set(VERDICTS)
        wrong = met - {"agrees", expected}
        if wrong or (expected != "agrees" and expected not in met):
            told = ", ".join(sorted(wrong or met)) or "no verdict"
            _LOGGER.warning(
                "%s: %s, where %s was expected",
                path,
                told,
                expected,
                type="varprop",
                subtype="verdict",
                location=self.get_location(),
            )


CHECKED: dict[str, Any] = {
    **ShowObject.option_spec,
    "at": _values,
    "seed": int,
    "resolution": float,
    "budget": float,
}


class ShowDerivation(ShowObject):
    """Show the derivation of a random expression's variance, of a quantity, or one that is made.

    With the option `check` every line carries the verdict of its own check; `at`, `seed`, `resolution` and
    `budget` belong to the check.
    """

    option_spec: ClassVar[dict[str, Any]] = {**CHECKED, "check": directives.flag}

    def document(self, found: Any, path: str) -> Document:
        """The proof, checked or not."""
        if "check" in self.options:
            return explain(found, **_settings(self.options)).document()
        quantity = Variance(found) if isinstance(found, Expression) else found
        proof = derive(quantity) if isinstance(quantity, Quantity) else quantity
        if not isinstance(proof, Shown):
            raise ParameterError(
                f"the derivation {path!r:.80} of type {type(found).__name__}",
                "it is no random expression, quantity or derivation",
                "Give one of these",
            )
        return proof.document()


class ShowClaim(ShowObject):
    """Show a claim and what its check finds: an Equal, evidence, or a pair of a quantity and its value.

    Options as for a derivation.
    """

    option_spec: ClassVar[dict[str, Any]] = CHECKED

    def document(self, found: Any, path: str) -> Document:
        """The evidence."""
        if isinstance(found, Evidence):
            return found.document()
        settings = _settings(self.options)
        if isinstance(found, tuple) and len(found) == 2:
            return check(found[0], equals=found[1], **settings).document()
        return check(found, **settings).document()


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("at", "seed", "resolution", "budget") if name in options}


class Value(SphinxRole):
    """A computed value in running text: `module:name`, or `module:name | .4f` for a number so written."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the value as text, or as a formula if it is one of SymPy."""
        path, _, layout = (part.strip() for part in self.text.partition("|"))
        try:
            value = made(path)
            words = format(float(value), layout) if layout else str(value)
        except (VarpropError, TypeError, ValueError) as problem:
            message = self.inliner.reporter.error(f"varprop: {problem}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        for file in _sources(self.env, path):
            self.env.note_dependency(str(file))
        if isinstance(value, sp.Expr | Expression) and not layout:
            formula = sp.latex(value) if isinstance(value, sp.Expr) else to_latex(value)
            return [nodes.math(formula, formula)], []
        return [nodes.Text(words)], []
