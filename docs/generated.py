"""Reference pages made from the library when the site is built: rules, distributions, public names."""

from __future__ import annotations

import inspect
from pathlib import Path

import sympy as sp

import varprop
from varprop.derivation.proofs import counterexample
from varprop.derivation.rules import RULES, Rule
from varprop.derivation.showing import line_math
from varprop.derivation.structure import Structure
from varprop.model.distributions import DISTRIBUTIONS, Distribution
from varprop.model.domains import Parameter
from varprop.model.printing import Names, naming
from varprop.render import Bullets, Document, Heading, Math, Table, Text
from varprop.sphinx.nodes import label_of_rule


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
    order = "In the order they are tried: weakest assumptions first, exact before limit."
    rules = [text([Heading("Rules", 1), order])]
    for rule in RULES:
        rules += [f"({label_of_rule(rule.name)})=", text(rule_blocks(rule))]
    laws: list[object] = [Heading("Distributions", 1), Bullets(list(DISTRIBUTIONS))]
    for cls in DISTRIBUTIONS.values():
        laws.extend(distribution_blocks(cls))
    for name, page in (("rules", "\n\n".join(rules)), ("distributions", text(laws)), ("api", api())):
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != page + "\n":
            path.write_text(page + "\n", encoding="utf-8")
