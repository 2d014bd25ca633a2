"""A mean field in words and numbers."""

from __future__ import annotations

from typing import Any

from varprop.networks.mean_field_scales import scale
from varprop.render import Bullets, Document, Heading, Table, Text

__all__ = ["report"]


def report(field: Any) -> Document:
    """Return the fixed points of a `MeanField`, their slopes and the depth scales."""
    layer = field.layer
    words = [f"weight variance {layer.weight_variance:g}", f"bias variance {layer.bias_variance:g}"]
    words += [f"dropout keeps {layer.keep:g}"] if layer.keep != 1 else []
    words += [f"skip {layer.skip:g}"] if layer.skip else []
    rows = [
        ["every q" if p.every else f"{p.length:.8g}", p.kind, f"{p.chi_q:.8g}", f"{p.chi_1:.8g}"]
        for p in field.fixed_points
    ]
    table = Table(["length q", "kind", "chi_q", "chi_1"], rows or [["none", "", "", ""]])
    blocks: list[Any] = [Heading(f"Mean field of {field.activation}"), Text(", ".join(words)), table]
    if field.phase == "divergent":
        return Document([*blocks, "From q = 1 the lengths diverge: activations explode with depth."])
    star = field.attracting_correlation
    scales = (
        f"depth scales in layers: length {field.length_scale:.4g}, correlation {scale(star.slope):.4g}, "
        f"gradient {field.gradient_scale:.4g}"
    )
    goes = "stay as they are" if star.every else f"to {star.correlation:.8g}"
    lines = [
        f"phase: {field.phase}",
        f"lengths go to {field.length:.8g}, correlations {goes}",
        scales,
        f"{field.validity}; {field.precision}",
    ]
    return Document([*blocks, Bullets(lines)])
