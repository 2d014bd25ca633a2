"""Laws, expressions, quantities, claims and derivations as JSON, and back.

Identity is not stored: reading makes new variables and axes. Writing what was read gives the same text again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import sympy as sp

from varprop.derivation import quantities
from varprop.derivation.derive import derive
from varprop.derivation.proofs import Derivation, Solution
from varprop.derivation.quantities import Equal, Quantity, nouns
from varprop.derivation.rules import RULES, Rule
from varprop.derivation.solve import solve
from varprop.errors import ParameterError, VarpropError, brief
from varprop.interop.lines import read_line, write_line
from varprop.model.activations import NAMED, Activation, HomogeneousActivation, activation as named_activation
from varprop.model.axes import Axis, Index
from varprop.model.calls import explained
from varprop.model.distributions import Distribution
from varprop.model.expressions import Add, Apply, Expression, Product, Scalar, SumOver
from varprop.model.joint import Empirical, Joint, Orthogonal
from varprop.model.parsing import as_distribution
from varprop.model.scalars import symbol
from varprop.model.variables import RandomVariable, Variable, leaf
from varprop.model.walks import walk

__all__ = ["SCHEMA", "from_json", "to_json"]

T = TypeVar("T")

SCHEMA = "varprop/1"
_REMEDY = "Give what to_json wrote."
_QUANTITIES: dict[str, type[Quantity]] = {
    name: cls
    for name, cls in vars(quantities).items()
    if isinstance(cls, type) and issubclass(cls, Quantity) and cls is not Quantity
}


@explained
def to_json(thing: object, indent: int | None = None) -> str:
    """A law, an expression, a quantity, a claim or a derivation as JSON.

    Args:
        thing: what to store.
        indent: spaces per level; None for one line.

    Raises:
        ParameterError: it is none of these, or rests on a distribution or an activation without a name.

    Example:
        >>> x = RandomVariable("x", "Normal(variance=v)")
        >>> from_json(to_json(x * x))
        x**2
        >>> from_json(to_json(x.distribution)).variance
        v
    """
    return json.dumps(_record(thing), indent=indent, ensure_ascii=False, allow_nan=False)


@explained
def from_json(text: str, rules: Sequence[Rule] = RULES) -> Any:
    """What `to_json` stored; a derivation is derived anew and compared line by line.

    Args:
        text: the JSON.
        rules: what a derivation may use; give yours if it was derived with them.

    Raises:
        ParameterError: it is of another schema, damaged, or a derivation that cannot be derived so.

    Example:
        >>> proof = derive(quantities.Variance(RandomVariable("x", "Normal(variance=v)")))
        >>> from_json(to_json(proof)).result
        v
    """
    try:
        record = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise ParameterError("from_json", f"this is no JSON ({type(error).__name__})", _REMEDY) from None
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        found = record.get("schema") if isinstance(record, dict) else None
        raise ParameterError(
            "from_json", f"the schema is {brief(found, 40)}", f"Only {SCHEMA!r} can be read."
        )
    try:
        return _read(record, rules)
    except VarpropError:
        raise
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ParameterError("from_json", f"the record is damaged ({brief(error)})", _REMEDY) from None


def _record(thing: object) -> dict[str, Any]:
    if isinstance(thing, Expression):
        writer = _Writer([thing])
        return writer.record("expression", root=writer.place[thing])
    if isinstance(thing, Equal):
        lines = (thing.left, thing.right)
        return _of_lines(lines).record("claim", left=0, right=1, any_dependence=thing.any_dependence)
    if isinstance(thing, Derivation):
        return _derivation(thing)
    if isinstance(thing, sp.Expr):
        return _of_lines((thing,)).record("line", line=0)
    if isinstance(thing, Distribution | Joint):
        return {"schema": SCHEMA, "kind": "law"} | _law(thing)
    raise ParameterError(
        f"to_json({brief(thing, 60)})",
        "it is no law, expression, quantity, claim or derivation",
        "Evidence and Document have a to_json of their own.",
    )


def _derivation(proof: Derivation) -> dict[str, Any]:
    heads = [proof.goal, proof.result]
    if isinstance(proof, Solution):
        heads += [proof.claim.left, proof.claim.right, proof.unknown]
    lines = [line for step in proof.steps for line in (step.subject, step.before, step.after)]
    writer = _of_lines([*heads, *lines])
    steps = [
        {"rule": step.rule.name, "assumptions": [str(assumption) for assumption in step.assumptions]}
        | {name: len(heads) + 3 * number + k for k, name in enumerate(("subject", "before", "after"))}
        for number, step in enumerate(proof.steps)
    ]
    kind = "solution" if isinstance(proof, Solution) else "derivation"
    return writer.record(
        kind, goal=0, result=1, steps=steps, validity=proof.validity, precision=proof.precision
    )


def _of_lines(lines: Iterable[sp.Expr]) -> _Writer:
    kept = list(lines)
    found = dict.fromkeys(noun for line in kept for noun in nouns(line))
    writer = _Writer([e for noun in found for e in noun.expressions])
    for line in kept:
        writer.add_line(line)
    return writer


class _Writer:
    """Numbers axes, variables and places in the order of their creation, nodes children first."""

    def __init__(self, roots: Sequence[Expression]) -> None:
        nodes = list(walk(*roots))
        leaves = [node for node in nodes if isinstance(node, RandomVariable)]
        indices = {slot for node in leaves for slot in node.slots}
        indices |= {node.index for node in nodes if isinstance(node, SumOver)}
        axes = {axis for node in leaves for axis in node.variable.axes} | {index.axis for index in indices}
        self.axes = _numbered(sorted(axes, key=lambda axis: (axis.token, str(axis.size))))
        variables = {node.variable for node in leaves}
        self.variables = _numbered(sorted(variables, key=lambda variable: (variable.token, str(variable))))
        self.places = _numbered(sorted({index.key for index in indices if index.kind == "place"}))
        self.quantities: dict[Quantity, int] = {}
        self.lines: list[str] = []
        self.place: dict[Expression, int] = {}
        self.nodes: list[dict[str, Any]] = []
        for node in nodes:
            self.place[node] = len(self.nodes)
            self.nodes.append(self.node(node) | {"children": [self.place[child] for child in node.children]})

    def add_line(self, line: sp.Expr) -> None:
        for noun in nouns(line):
            self.quantities.setdefault(noun, len(self.quantities))
        names = {noun: sp.Symbol(f"@{self.quantities[noun]}") for noun in nouns(line)}
        self.lines.append(write_line(line.xreplace(names)))

    def record(self, kind: str, **fields: Any) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "kind": kind,
            **fields,
            "axes": [{"name": axis.name, "size": write_line(axis.size)} for axis in self.axes],
            "variables": [self.variable(variable) for variable in self.variables],
            "nodes": self.nodes,
            "quantities": [
                {
                    "kind": type(noun).__name__,
                    "order": noun.order,
                    "of": [self.place[e] for e in noun.expressions],
                }
                for noun in self.quantities
            ],
            "lines": self.lines,
        }

    def variable(self, variable: Variable) -> dict[str, Any]:
        axes = [self.axes[axis] for axis in variable.axes]
        return {"name": variable.name, "role": variable.role, "axes": axes} | _law(variable.distribution)

    def index(self, index: Index) -> list[Any]:
        key = self.places[index.key] if index.kind == "place" else index.key
        return [self.axes[index.axis], index.kind, key, index.label]

    def node(self, node: Expression) -> dict[str, Any]:
        match node:
            case Scalar():
                return {"kind": "scalar", "value": write_line(node.value)}
            case RandomVariable():
                slots = [self.index(slot) for slot in node.slots]
                return {"kind": "variable", "variable": self.variables[node.variable], "slots": slots}
            case Product():
                powers = [power for _, power in node.factors]
                return {"kind": "product", "coefficient": write_line(node.coefficient), "powers": powers}
            case Add():
                return {"kind": "add"}
            case SumOver():
                return {"kind": "sum", "index": self.index(node.index)}
            case Apply():
                return {"kind": "apply", "activation": _activation(node.activation)}
        raise ParameterError(f"to_json of {node}", f"no record of {type(node).__name__}", "Store its parts.")


def _numbered(things: Iterable[T]) -> dict[T, int]:
    return {thing: number for number, thing in enumerate(things)}


def _law(law: Distribution | Joint) -> dict[str, Any]:
    if isinstance(law, Empirical):
        return {"table": {"columns": list(law.columns), "rows": law.data.tolist()}}
    if isinstance(law, Orthogonal):
        square = law.size == law.columns and law.gain == 1
        parts = [write_line(part) for part in (*law.shape, law.gain)]
        return {"orthogonal": parts[0] if square else parts}
    if isinstance(law, Joint):
        raise ParameterError(f"to_json of {law}", "it cannot be written as text", "Use a law with a name.")
    free = sorted(law.free_symbols, key=str)
    symbols = {name.name: write_line(name) for name in free if name != symbol(name.name)}
    record: dict[str, Any] = {"law": str(law)} | ({"symbols": symbols} if symbols else {})
    try:
        same = _read_law(record) == law
    except VarpropError:
        same = False
    if not same:
        raise ParameterError(f"to_json of {law}", "its text does not say all of it", "Use a law with a name.")
    return record


def _activation(activation: Any) -> Any:
    if isinstance(activation, HomogeneousActivation):
        return [
            activation.label,
            write_line(activation.above),
            write_line(activation.below),
            activation.degree,
        ]
    if _is_named(activation):
        return activation.name
    raise ParameterError(f"to_json of {activation}", "it has no registered name", "Register it.")


def _is_named(activation: Activation) -> bool:
    try:
        return named_activation(activation.name) == activation
    except VarpropError:
        return False


def _read_activation(record: Any) -> Activation:
    if isinstance(record, str):
        return named_activation(record)
    label, above, below, degree = record
    return HomogeneousActivation(str(label), read_line(above), read_line(below), int(degree))


def _read_law(record: Mapping[str, Any]) -> Any:
    if "table" in record:
        columns, rows = record["table"]["columns"], record["table"]["rows"]
        return Empirical({name: [row[k] for row in rows] for k, name in enumerate(columns)})
    if "orthogonal" in record:
        parts = record["orthogonal"]
        return Orthogonal(*map(read_line, [parts] if isinstance(parts, str) else parts))
    law = as_distribution(str(record["law"]), NAMED)
    symbols = {symbol(name): read_line(text) for name, text in record.get("symbols", {}).items()}
    return law.at(symbols) if symbols else law


class _Loaded:
    """New axes, variables and places, and the nodes over them."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self.axes = [Axis(axis["name"], read_line(axis["size"])) for axis in record["axes"]]
        self.variables = [self.variable(given) for given in record["variables"]]
        self.places: dict[tuple[int, int], Index] = {}
        self.nodes: list[Expression] = []
        needed = {
            (slot[0], slot[2], slot[3])
            for node in record["nodes"]
            for slot in [*node.get("slots", ()), *([node["index"]] if "index" in node else ())]
            if slot[1] == "place"
        }
        for axis, key, label in sorted(needed, key=lambda place: place[1]):
            self.places[axis, key] = self.axes[axis].places(1)[0].named(label)
        for node in record["nodes"]:
            self.nodes.append(self.node(node))
        atoms = {f"@{number}": self.quantity(given) for number, given in enumerate(record["quantities"])}
        self.lines = [read_line(line, atoms) for line in record["lines"]]

    def variable(self, given: Mapping[str, Any]) -> Variable:
        axes = tuple(self.axes[axis] for axis in given["axes"])
        return Variable(str(given["name"]), _read_law(given), axes, str(given["role"]))

    def quantity(self, given: Mapping[str, Any]) -> Quantity:
        expressions = [self.nodes[node] for node in given["of"]]
        orders = [] if given["order"] is None else [given["order"]]
        return _QUANTITIES[given["kind"]](*expressions, *orders)

    def index(self, given: Sequence[Any]) -> Index:
        axis, kind, key, label = given
        if kind == "place":
            return self.places[axis, key]
        if kind not in ("generic", "bound", "position"):
            raise ValueError(f"an index of kind {brief(kind, 40)}")
        return Index(self.axes[_whole(axis)], kind, _whole(key), str(label))

    def node(self, given: Mapping[str, Any]) -> Expression:
        children = tuple(self.nodes[_whole(child)] for child in given["children"])
        match given["kind"]:
            case "scalar":
                return Scalar(read_line(given["value"]))
            case "variable":
                return leaf(self.variables[given["variable"]], tuple(map(self.index, given["slots"])))
            case "product":
                powers = tuple(_whole(power, least=1) for power in given["powers"])
                return Product.restored((read_line(given["coefficient"]), powers), children)
            case "add":
                return Add.restored((), children)
            case "sum":
                return SumOver.restored((self.index(given["index"]),), children)
            case "apply":
                return Apply.of(_read_activation(given["activation"]), *children)
        raise ValueError(f"a node of kind {brief(given['kind'], 40)}")


def _whole(value: object, least: int = 0) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{brief(value, 40)} is no whole number from {least} on")
    return value


def _read(record: Mapping[str, Any], rules: Sequence[Rule]) -> Any:
    if record["kind"] == "law":
        return _read_law(record)
    loaded = _Loaded(record)
    match record["kind"]:
        case "expression":
            return loaded.nodes[record["root"]]
        case "line":
            return loaded.lines[record["line"]]
        case "claim":
            sides = loaded.lines[record["left"]], loaded.lines[record["right"]]
            return Equal(*sides, any_dependence=bool(record["any_dependence"]))
        case "derivation":
            return _same(derive(loaded.lines[0], rules=rules), record)
        case "solution":
            return _same(solve(Equal(loaded.lines[2], loaded.lines[3]), unknown=loaded.lines[4]), record)
    raise ValueError(f"a record of kind {brief(record['kind'], 40)}")


def _same(proof: Derivation, record: Mapping[str, Any]) -> Derivation:
    if _record(proof) != record:
        raise ParameterError(
            f"from_json of a derivation of {proof.goal}",
            "its lines are not those that follow from the rules given",
            "Derive it anew, or give the rules it was derived with.",
        )
    return proof
