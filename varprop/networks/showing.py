"""How a profile looks: as a table, as a figure, as a record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy as sp

from varprop.errors import ParameterError
from varprop.networks.layers import shown
from varprop.networks.outlook import WEIGHTED
from varprop.networks.rows import Row, Value, log10_of, shown_number
from varprop.render import Heading, Inline, Math, Plot, Series, Table, Text
from varprop.render.figures import figure_of

__all__ = ["figure", "head", "record", "table"]

MARK = "~"
MOST_ROWS = 60
SCHEMA = 1
COLUMNS = {
    "mean": "E h",
    "second_moment": "E h^2",
    "variance": "Var h",
    "correlation": "corr",
    "gradient": "E (dy/dh)^2",
    "weight_gradient": "E (dy/dW)^2",
    "typical": "typical",
}


def head(profile: Any) -> list[Heading | Text]:
    """What the profile is of."""
    fan_in = profile.network.fan_in
    return [
        Heading(f"A network of {profile.network.depth} layers"),
        Text(f"Input: {profile.input}, {shown(fan_in)}. Numbers are per unit, over weights and input."),
    ]


def _cell(row: Row, name: str) -> Inline:
    value = getattr(row, name)
    if isinstance(value, sp.Basic):
        mark = "" if row.validity_of(name) == "exact" else MARK
        return Math(f"{mark and chr(92) + 'sim '}{sp.latex(value)}", f"{mark}{value}")
    text = shown_number(value)
    return f"{MARK}{text}" if text and row.validity_of(name) != "exact" else text


def table(rows: Sequence[Row]) -> Table:
    """One line per place; of very many, the first and the last."""
    chosen = list(rows)
    if len(chosen) > MOST_ROWS:
        chosen = [*chosen[: MOST_ROWS // 2], *chosen[-MOST_ROWS // 2 :]]
    names = [name for name in COLUMNS if any(getattr(row, name) is not None for row in chosen)]
    lines: list[list[Inline | Text]] = []
    for row in chosen:
        number = ".".join(map(str, row.path))
        lines.append([number, row.label, *(_cell(row, name) for name in names)])
    caption = f"{MARK}: in the limit of wide layers; all other numbers hold at every width"
    if len(rows) > MOST_ROWS:
        caption += f"; {len(rows) - MOST_ROWS} places in the middle are left out"
    header = ["", "layer", *(COLUMNS[name] for name in names)]
    return Table(header, lines, caption, "ll" + "r" * len(names))


def _series(name: str, rows: Sequence[Row], attribute: str) -> Series:
    pairs = [(row.path[0], getattr(row, attribute)) for row in rows]
    known = [(x, log10_of(value)) for x, value in pairs if value is not None and value != 0]
    return Series(name, [x for x, _ in known], [y for _, y in known])


def figure(rows: Sequence[Row]) -> Any:
    """Second moments and gradients over the layers, by powers of ten."""
    top = [row for row in rows if len(row.path) == 1]
    kept = [row for row in top if row.kind in ("input", *WEIGHTED)]
    top = kept if len(kept) > 2 else top  # activations between them would make a saw of the line
    if any(isinstance(row.second_moment, sp.Basic) for row in top):
        raise ParameterError(
            "plot of a profile", "its numbers are symbols", "Give values: profile.at({...})."
        )
    squares = [
        _series("second moment", top, "second_moment"),
        _series("variance", top, "variance"),
        Series("typical size, squared", *_doubled(_series("", top, "typical"))),
    ]
    slopes = [
        _series("by activation", top, "gradient"),
        _series("by weight", [row for row in top if row.weight_gradient is not None], "weight_gradient"),
    ]
    return figure_of(
        [
            Plot(squares, "Forward: size of a unit", "layer", "power of ten"),
            Plot(slopes, "Backward: mean square of the gradient", "layer", "power of ten"),
        ]
    )


def _doubled(series: Series) -> tuple[tuple[float, ...], list[float]]:
    return series.x, [2 * y for y in series.y]


def _plain(value: Value) -> Any:
    if value is None or isinstance(value, float | int):
        return value
    return str(value) if isinstance(value, sp.Basic) else shown_number(value, 15)


def record(profile: Any) -> dict[str, Any]:
    """The profile as plain objects."""
    numbers = ("fourth_moment", "pair", *COLUMNS)
    return {
        "schema": SCHEMA,
        "kind": "profile",
        "network": str(profile.network),
        "input": str(profile.input),
        "validity": profile.validity,
        "premises": [str(premise) for premise in profile.premises],
        "rows": [
            {
                "path": list(row.path),
                "layer": row.label,
                "shape": [int(size) if size.is_Integer else str(size) for size in row.shape],
                **{name: _plain(getattr(row, name)) for name in numbers},
                "limits": sorted(row.limits),
                "precision": row.precision,
            }
            for row in profile.rows
        ],
    }
