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
from varprop.errors import MomentError, ParameterError
from varprop.evidence import check
from varprop.model.activations import NAMED, activation
from varprop.model.distributions import (
    DISTRIBUTIONS,
    Bernoulli,
    Constant,
    Distribution,
    Dropout,
    Exponential,
    Laplace,
    LogNormal,
    Mixture,
    Normal,
    Rademacher,
    Rectified,
    StudentT,
    TruncatedNormal,
    Uniform,
    Unknown,
)
from varprop.model.domains import Parameter
from varprop.model.printing import Names, naming
from varprop.model.variables import RandomVariable
from varprop.networks.catalogue import INITIALIZERS, initializer
from varprop.render import Badge, Bullets, Document, Heading, Math, Table, Text
from varprop.sphinx.nodes import label_of_rule

LONG = 200


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


def rule_blocks(rule: Rule) -> tuple[list[object], list[object]]:
    """Return what the reference says about a rule: theorem, source and example, then what it needs."""
    parts = rule.example()
    claim = rule.claim(**parts)
    with naming(Names(claim.expressions)):
        left, right = line_math(claim), line_math(rule.formula(**parts))
        needs = [str(assumption) for assumption in rule.assumptions(Structure(), parts)]
    example = Math(f"{left.latex} = {right.latex}", f"{left.plain} = {right.plain}")
    blocks: list[object] = [Heading(rule.name.capitalize(), 2), Math(rule.theorem, rule.name)]
    kind = f"Holds in the limit {rule.limit}." if rule.limit else "Exact."
    return [*blocks, f"{kind} Source: {rule.source}.", "For example", example], needed_blocks(rule, needs)


def needed_blocks(rule: Rule, needs: list[str]) -> list[object]:
    """Return each assumption of a rule with a model in which it fails."""
    blocks: list[object] = []
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
    return f"{left}{parameter.low}, {parameter.high}{right}".replace("oo", "∞")


MU, SIGMA, A, B, NU = map(varprop.symbol, "mu sigma a b nu".split())
SHOWN: dict[str, tuple[Distribution, ...]] = {  # the general one, then one that may be symmetric
    "Bernoulli": (Bernoulli("p"),),
    "Constant": (Constant("c"), Constant(0)),
    "Dropout": (Dropout("p"),),
    "Exponential": (Exponential(MU),),
    "Laplace": (Laplace(MU, SIGMA**2), Laplace(0, SIGMA**2)),
    "LogNormal": (LogNormal(MU, SIGMA**2),),
    "Mixture": (Mixture([Normal(0, "v1"), Normal(0, "v2")], weights=["p", "1 - p"]),),
    "Normal": (Normal(MU, SIGMA**2), Normal(0, SIGMA**2)),
    "Rademacher": (Rademacher(),),
    "Rectified": (Rectified(Normal(0, "v")),),
    "StudentT": (StudentT(NU, MU, B), StudentT(NU, 0, B)),
    "TruncatedNormal": (TruncatedNormal(A, B), TruncatedNormal(-B, B)),
    "Uniform": (Uniform(A, B), Uniform(-B, B)),
    "Unknown": (Unknown(MU, SIGMA**2), Unknown(0, SIGMA**2, symmetric=True)),
}


def at_order(law: Distribution, k: int) -> tuple[Distribution, dict[sp.Symbol, sp.Expr], str]:
    """Return a law whose moment of order k exists, how to write it as one of `law`, and the condition."""
    if not isinstance(law, StudentT):
        return law, {}, ""
    over = varprop.symbol("a")
    if StudentT(k).moment_exists(k) is not False:
        raise AssertionError(f"the moment of order {k} exists at {k} degrees of freedom")
    return StudentT(k + over, law.center, law.width), {over: law.dof - k}, f"{sp.latex(law.dof)} > {k}"


def in_normal_functions(value: sp.Expr) -> sp.Expr:
    """Return a formula of a truncated normal variable in the density and distribution of a normal one."""
    for end in (A, B):
        density, below = sp.Symbol(rf"\varphi({end})"), sp.Symbol(rf"\Phi({end})")
        value = value.subs(sp.exp(-(end**2) / 2), sp.sqrt(2 * sp.pi) * density)
        value = value.subs(sp.erf(sp.sqrt(2) * end / 2), 2 * below - 1)
    return sp.simplify(value)


def moment_block(
    law: Distribution, sign: str, order: int, value: Callable[[Distribution], sp.Expr]
) -> object:
    """Return one moment as a formula, or why there is none."""
    proper, written, condition = at_order(law, order)
    try:
        found = value(proper)
    except MomentError as error:
        return Text(Math(sign, sign), f": {error.missing}. {error.remedy}")
    if written:
        found = sp.factor(found.subs(written))
    if isinstance(law, TruncatedNormal):
        found = in_normal_functions(found)
    limit = rf" \quad \text{{if }} {condition}, \text{{ else it does not exist}}" if condition else ""
    return Math(f"{sign} = {sp.latex(found)}{limit}", str(found))


def answered(value: bool | None) -> str:
    """Return an answer of three values in words."""
    return {True: "yes", False: "no", None: "depends on the parameters"}[value]


def law_math(law: Distribution) -> Math:
    """Return a law as a formula."""
    return Math(law.latex(), str(law))


def distribution_blocks(cls: type[Distribution]) -> list[object]:
    """Return what the reference says about a distribution: parameters, moments, symmetry, support, source."""
    about = inspect.getdoc(cls) or ""
    blocks: list[object] = [Heading(cls.__name__, 2), about.splitlines()[0]]
    meaning = dict(re.findall(r"^    (\w+): (.+)$", about, re.MULTILINE))
    if cls.parameters:
        rows = [
            [p.name, Math(p.latex, p.name), domain(p), meaning.get(p.name, "").replace("`", "")]
            for p in cls.parameters
        ]
        blocks.append(Table(["parameter", "symbol", "domain", "meaning"], rows))
    law, *others = SHOWN[cls.__name__]
    blocks.append(Text("Moments of ", law_math(law), ":"))
    blocks.append(moment_block(law, r"\operatorname{E}[X]", 1, lambda proper: proper.mean))
    blocks.append(moment_block(law, r"\operatorname{Var}[X]", 2, lambda proper: proper.variance))
    for k in (2, 3, 4):
        blocks.append(
            moment_block(law, rf"\operatorname{{E}}[X^{k}]", k, lambda proper, k=k: proper.moment(k))
        )
    if isinstance(law, TruncatedNormal):
        words = Math(r"\varphi", "phi"), Math(r"\Phi", "Phi")
        blocks.append(Text(words[0], " and ", words[1], " are density and distribution of N(0, 1)."))
    low, high = law.support
    ends = "[" if low.is_finite is not False else "(", "]" if high.is_finite is not False else ")"
    support = Math(f"{ends[0]}{sp.latex(low)}, {sp.latex(high)}{ends[1]}", f"[{low}, {high}]")
    points = [Text("Support: within ", support, ".")]
    points += [
        Text("Symmetric about zero, ", law_math(each), f": {answered(each.symmetric)}.")
        for each in (law, *others)
    ]
    source = re.search(r"^Source: (.+?)\.?$", about, re.MULTILINE)
    points.append(Text(f"Source: {source[1] if source else 'the definition'}."))
    return [*blocks, Bullets(points)]


def short(piece: sp.Expr) -> sp.Expr:
    """Return a formula that fits into a cell."""
    return piece if len(sp.latex(piece)) < LONG else sp.expand(piece).evalf(6)


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
        formulas = [Math(sp.latex(short(piece)), str(short(piece))) for piece in phi.pieces or ()]
        parts = [part for formula in formulas for part in (formula, "; ")][:-1]
        kinks = ", ".join(str(kink) for kink in phi.kinks) or "none"
        second = derive(Mean(phi(RandomVariable("z", "Normal()")) ** 2))
        yield [name, f"{float(second.result):.6f}", second.precision, phi.parity, kinks, Text(*parts)]


def activations_page() -> list[object]:
    """Return the page of activations."""
    second = Math(r"\operatorname{E}\,\phi(z)^2", "E phi(z)^2")
    head = ["name", second, "kind", "parity", "kinks", "formula between kinks"]
    about = (
        "Every activation with its formula, and its second moment for standard normal z. Constants without a"
        " short form are rounded."
    )
    return [Heading("Activations", 1), about, Table(head, list(activation_rows()))]


def initializers_page() -> list[object]:
    """Return the page of initializers: the equation that each solves."""
    blocks: list[object] = [
        Heading("Initializers", 1),
        Text(
            "Each is the law of a matrix of ",
            Math(r"n_{out}", "n_out"),
            " by ",
            Math(r"n_{in}", "n_in"),
            "; its variance is the solution of a stated equation.",
        ),
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
    order = (
        "In the order they are tried: weakest assumptions first, exact before limit."
        " Each example was put to the test when this page was built."
    )
    rules = [text([Heading("Rules", 1), order])]
    for rule in RULES:
        verdict = f"```{{varprop-table}} generated:examples.{identifier(rule)}\n```"
        stated, needed = rule_blocks(rule)
        rules += [f"({label_of_rule(rule.name)})=", text(stated), verdict, text(needed)]
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
