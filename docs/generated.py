"""Reference pages made from the library when the site is built: rules, distributions, public names."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import sympy as sp

import varprop
from varprop.derivation.derive import derive
from varprop.derivation.proofs import at_numbered_places, counterexample
from varprop.derivation.quantities import Equal, Mean
from varprop.derivation.rules import RULES, Rule
from varprop.derivation.showing import line_math
from varprop.derivation.structure import Structure
from varprop.errors import ParameterError
from varprop.evidence import check
from varprop.model.activations import NAMED, activation
from varprop.model.distributions import DISTRIBUTIONS, Distribution
from varprop.model.domains import Parameter
from varprop.model.printing import Names, naming
from varprop.model.variables import RandomVariable
from varprop.networks.catalogue import INITIALIZERS, initializer
from varprop.render import Badge, Bullets, Document, Heading, Math, Table, Text
from varprop.sphinx.nodes import label_of_rule
from varprop.sphinx.objects import library_digest


def checked_example(rule: Rule) -> Callable[[], Document]:
    """Return what checks the example of a rule, at one size or, for a limit, as a trend."""

    def document() -> Document:
        parts = rule.example()
        noun = rule.claim(**parts)
        if rule.limit:
            (claim,) = (step for step in derive(noun) if step.rule is rule)
        else:
            claim = Equal(noun, at_numbered_places(rule.formula(**parts)))
        found = check(claim, seed=20, budget=1)
        (verdict,) = (part for part in found.document().blocks[0].parts if isinstance(part, Badge))
        how = f" as a trend in {rule.limit}" if rule.limit else f", {found.resolution}"
        return Document(
            [Text("The simulation of the example ", verdict, f"{how}; {found.samples:.2g} samples.")]
        )

    return document


def identifier(rule: Rule) -> str:
    """Return the name of a rule as an attribute of `examples`."""
    return re.sub(r"\W+", "_", rule.name)


examples = SimpleNamespace(**{identifier(rule): checked_example(rule) for rule in RULES})


def rule_blocks(rule: Rule) -> list[object]:
    """Return what the reference says about a rule: theorem, source, example, assumptions, witnesses."""
    parts = rule.example()
    claim = rule.claim(**parts)
    with naming(Names(claim.expressions)):
        left, right = line_math(claim), line_math(rule.formula(**parts))
        needs = [str(assumption) for assumption in rule.assumptions(Structure(), parts)]
    example = Math(f"{left.latex} = {right.latex}", f"{left.plain} = {right.plain}")
    blocks: list[object] = [Heading(rule.name.capitalize(), 2), Math(rule.theorem, rule.name)]
    kind = f"Holds in the limit {rule.limit}." if rule.limit else "Exact."
    blocks += [f"{kind} Source: {rule.source}.", "For example", example]
    for position, need in enumerate(needs):
        other = counterexample(rule, position)
        if other is None:
            blocks.append(Text(f"It needs: {need}."))
            continue
        with naming(Names(other.quantity.expressions)):
            quantity = line_math(other.quantity)
        truth, formula = (
            line_math(sp.nsimplify(v) if v.is_Rational else v.evalf(6)) for v in (other.truth, other.formula)
        )
        blocks.append(
            Text(f"It needs: {need}. Where that fails, ", quantity, " is ", truth, ", not ", formula, ".")
        )
    return blocks


def domain(parameter: Parameter) -> str:
    """Return the domain of a parameter as an interval."""
    left = "(" if parameter.low_open or parameter.low == -sp.oo else "["
    right = ")" if parameter.high_open or parameter.high == sp.oo else "]"
    return f"{left}{parameter.low}, {parameter.high}{right}"


def distribution_blocks(cls: type[Distribution]) -> list[object]:
    """Return what the reference says about a distribution: its first sentence and its parameters."""
    sentence = (cls.__doc__ or "").strip().splitlines()[0]
    blocks: list[object] = [Heading(cls.__name__, 2), sentence]
    if cls.parameters:
        rows = [[p.name, Math(p.latex, p.name), domain(p)] for p in cls.parameters]
        blocks.append(Table(["parameter", "symbol", "domain"], rows))
    return blocks


def activation_rows() -> Iterator[list[object]]:
    """Yield what the reference says about each activation: formula, kinks, symmetry, its second moment."""
    met = set()
    for name in NAMED:
        try:
            phi = activation(name)
        except ParameterError:  # it has no default parameters
            continue
        if phi.name in met:
            continue
        met.add(phi.name)
        formulas = [Math(sp.latex(piece), str(piece)) for piece in phi.pieces or ()]
        parts = [part for formula in formulas for part in (formula, "; ")][:-1]
        kinks = ", ".join(str(kink) for kink in phi.kinks) or "none"
        second = derive(Mean(phi(RandomVariable("z", "Normal()")) ** 2))
        yield [name, f"{float(second.result):.6f}", second.precision, phi.parity, kinks, Text(*parts)]


def activations_page() -> list[object]:
    """Return the page of activations."""
    head = ["name", "E phi(z)^2", "kind", "parity", "kinks", "formula between kinks"]
    about = "Every activation with its formula, and its second moment for standard normal z."
    return [Heading("Activations", 1), about, Table(head, list(activation_rows()))]


def initializers_page() -> list[object]:
    """Return the page of initializers: the equation that each solves."""
    blocks: list[object] = [
        Heading("Initializers", 1),
        "Each is the law of a matrix of n_out by n_in; its variance is the solution of a stated equation.",
    ]
    for name in INITIALIZERS:
        if name.startswith(("xavier", "kaiming")) or "truncated" in name:
            continue
        made = initializer(name, ("n_out", "n_in"))
        blocks += [Heading(name, 2), *made.document().blocks[1:]]
    blocks += [
        Heading("Other names and laws", 2),
        "xavier_* are other names of glorot_*, and kaiming_* of he_*. Each family also has a"
        " truncated_normal, cut at two standard deviations, with the variance corrected for it.",
    ]
    return blocks


def pictures(folder: Path) -> None:
    """Write the pictures of the answers; drawn again when the library has changed."""
    drawn_by = folder / "pictures.digest"
    if drawn_by.exists() and drawn_by.read_text(encoding="ascii") == library_digest():
        return
    for name in ("cancellation", "vanishing"):
        varprop.answer(name).plot(folder / f"{name}.svg")
    drawn_by.write_text(library_digest(), encoding="ascii")


def api() -> str:
    """Return the page of all public names, by the module they live in."""
    parts = [
        "# Public names",
        "All of these are names of `varprop` itself; they are imported at their first use.",
    ]
    for module, names in varprop._NAMES.items():
        parts.append(f"## {module.replace('.', ': ')}")
        lines = ["```{eval-rst}"]
        for name in names.split():
            found = getattr(varprop, name)
            kind = "class" if inspect.isclass(found) else "function" if inspect.isfunction(found) else "data"
            option = {"class": ["   :members:"], "data": ["   :no-value:"]}.get(kind, [])
            lines += [f".. auto{kind}:: varprop.{name}", *option, ""]
        parts.append("\n".join([*lines, "```"]))
    return "\n\n".join(parts)


def text(blocks: list[object]) -> str:
    """Return blocks as Markdown."""
    return Document(blocks).to_markdown()  # type: ignore[arg-type]


def write(folder: Path) -> None:
    """Write the reference pages into a folder; a page that has not changed is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures(folder)
    order = (
        "In the order they are tried: weakest assumptions first, exact before limit."
        " Each example was put to the test when this page was built."
    )
    rules = [text([Heading("Rules", 1), order])]
    for rule in RULES:
        verdict = f"```{{varprop-table}} generated:examples.{identifier(rule)}\n```"
        rules += [f"({label_of_rule(rule.name)})=", text(rule_blocks(rule)), verdict]
    laws: list[object] = [Heading("Distributions", 1), Bullets(list(DISTRIBUTIONS))]
    for cls in DISTRIBUTIONS.values():
        laws.extend(distribution_blocks(cls))
    pages = {
        "rules": "\n\n".join(rules),
        "distributions": text(laws),
        "activations": text(activations_page()),
        "initializers": text(initializers_page()),
        "api": api(),
    }
    for name, page in pages.items():
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != page + "\n":
            path.write_text(page + "\n", encoding="utf-8")
