"""Reference pages made from the library when the docs are built: every rule, every distribution."""

from __future__ import annotations

from pathlib import Path

import sympy as sp

from varprop.derivation.proofs import counterexample
from varprop.derivation.rules import RULES, Rule
from varprop.derivation.showing import line_math
from varprop.derivation.structure import Structure
from varprop.model.distributions import DISTRIBUTIONS, Distribution
from varprop.model.domains import Parameter
from varprop.model.printing import Names, naming
from varprop.render import Bullets, Document, Heading, Math, Table, Text


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


def write(folder: Path) -> None:
    """Write the reference pages into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rules: list[object] = [
        Heading("Rules", 1),
        "In the order they are tried: weakest assumptions first, exact before limit.",
    ]
    for rule in RULES:
        rules.extend(rule_blocks(rule))
    laws: list[object] = [Heading("Distributions", 1), Bullets(list(DISTRIBUTIONS))]
    for cls in DISTRIBUTIONS.values():
        laws.extend(distribution_blocks(cls))
    for name, blocks in (("rules", rules), ("distributions", laws)):
        text = Document(blocks).to_markdown()  # type: ignore[arg-type]
        (folder / f"{name}.md").write_text(text + "\n", encoding="utf-8")
