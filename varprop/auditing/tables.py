"""All initializers of a framework in one table: promise, draws, and what these do over depth."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from varprop.auditing.reports import Audit, audit
from varprop.errors import ParameterError
from varprop.interop.frameworks import framework_initializers
from varprop.model.activations import Activation
from varprop.render import Document, Documented, Heading, Table, Text

__all__ = ["FrameworkAudit", "audit_framework"]

Options = Mapping[str, Any]
Subject = tuple[str, tuple[Any, ...], dict[str, Any]]

NEEDED: Mapping[str, Options] = {
    "constant_": {"val": 1.0},
    "constant": {"value": 1.0},
    "sparse_": {"sparsity": 0.9},
    "variance_scaling": {"scale": 1.0, "mode": "fan_in", "distribution": "truncated_normal"},
}
"""What initializers need that have no defaults."""

MORE: Mapping[str, tuple[tuple[str, tuple[Any, ...], Options], ...]] = {
    "torch": (
        ("torch.nn.init.kaiming_uniform_", (), {"a": math.sqrt(5)}),
        ("torch.nn.init.kaiming_normal_", (), {"nonlinearity": "relu"}),
        ("torch.nn.init.kaiming_normal_", (), {"nonlinearity": "tanh"}),
        ("torch.nn.init.kaiming_normal_", (), {"nonlinearity": "selu"}),
        ("torch.nn.init.kaiming_normal_", (), {"nonlinearity": "sigmoid"}),
        ("torch.nn.init.trunc_normal_", (), {"std": 0.02}),
        ("torch.nn.Linear", (512, 512), {}),
        ("torch.nn.Conv2d", (64, 64, 3), {}),
        ("torch.nn.Conv2d", (64, 64, 3), {"groups": 4}),
        ("torch.nn.Conv2d", (64, 64, 3), {"groups": 64}),
        ("torch.nn.ConvTranspose2d", (64, 32, 4), {"stride": 2}),
    ),
    "jax": (
        ("jax.nn.initializers.truncated_normal", (), {"stddev": 0.02}),
        ("jax.nn.initializers.he_normal", (), {"shape": (3, 3, 16, 64), "groups": 4}),
        ("jax.nn.initializers.he_normal", (), {"shape": (3, 3, 1, 64), "groups": 64}),
    ),
    "keras": (
        ("keras.initializers.TruncatedNormal", (), {"stddev": 0.02}),
        ("keras.initializers.HeNormal", (), {"shape": (3, 3, 16, 64), "groups": 4}),
        ("keras.initializers.GlorotUniform", (), {"shape": (3, 3, 64, 1), "layout": "HWIM"}),
    ),
}
"""What people meet besides the defaults: gains, truncations, groups, depthwise kernels."""

KERNELS: Mapping[str, tuple[int, ...]] = {"dirac_": (64, 64, 3, 3), "delta_orthogonal": (3, 3, 64, 64)}


@dataclass(frozen=True)
class FrameworkAudit(Documented):
    """The audits of all initializers of a framework.

    Attributes:
        framework: "torch", "jax" or "keras".
        audits: one per initializer and setting.
    """

    framework: str
    audits: tuple[Audit, ...]

    def table(self) -> Document:
        """Two tables: promise and law of every initializer; then what it does over depth."""
        drawn = "initializer,promise,drawn,drawn / promise"
        effect = "initializer,forward,backward,limit,chi_1,signal,gradient"
        acting = [found for found in self.audits if not found.without_effect]
        return Document(
            [
                Table(drawn.split(","), [_law(found) for found in self.audits], "What is drawn", "lrlr"),
                Table(effect.split(","), [_effect(found) for found in acting], "What it does", "lrrrrll"),
            ]
        )

    def document(self) -> Document:
        """The table, and what to read in it."""
        first = self.audits[0]
        broken = [found.subject for found in self.audits if found.verdict == "broken"]
        words = (
            f"{len(self.audits)} rules of {self.framework}, {first.depth} layers of {first.activation}, from "
            f"E z^2 = {first.q:g}; forward and backward are factors per layer of second moments. "
        )
        acting = [found for found in self.audits if not found.without_effect]
        if acting:
            words += f"E z^2 = {first.q:g} is kept by the gain {acting[0].effect.gain:.5g}. "
        words += f"Broken promises: {', '.join(broken)}." if broken else "No promise is broken."
        return Document([Heading(f"Initializers of {self.framework}"), Text(words)]) + self.table()

    def to_dict(self) -> dict[str, Any]:
        """All reports as plain values."""
        return {"framework": self.framework, "audits": [found.to_dict() for found in self.audits]}

    def __str__(self) -> str:
        return self.document().to_text(140)


def _name(found: Audit) -> str:
    """The name with its options; the shape that nearly all share is left out."""
    name = found.subject
    for prefix in ("torch.nn.init.", "torch.nn.", "jax.nn.initializers.", "keras.initializers."):
        name = name.removeprefix(prefix)
    return re.sub(r"\(\(\d+, \d+\)(?:, )?", "(", name).removesuffix("()")


def _law(found: Audit) -> list[str]:
    promised = "none" if found.promise.variance is None else f"{float(found.promise.variance):.4g}"
    return [
        _name(found),
        promised,
        found.identified.name,
        "" if found.ratio is None else f"{found.ratio:.3f}",
    ]


def _effect(found: Audit) -> list[str]:
    e = found.effect
    numbers = [f"{value:.3g}" for value in (e.forward, e.backward, e.limit, e.chi_1)]
    return [_name(found), *numbers, *e.outlook]


def _subjects(framework: str, shape: tuple[int, int]) -> Iterator[Subject]:
    n_out, n_in = shape
    plain = (n_out, n_in) if framework == "torch" else (n_in, n_out)
    for name in framework_initializers(framework):
        word = name.rpartition(".")[2]
        yield name, (), {"shape": KERNELS.get(word, plain), **NEEDED.get(word, {})}
    for name, arguments, options in MORE[framework]:
        yield name, arguments, dict(options) if arguments else {"shape": plain, **options}


def audit_framework(
    framework: str,
    *,
    activation: Activation | str = "relu",
    depth: int = 50,
    shape: tuple[int, int] = (512, 512),
    q: float = 1.0,
    seed: int = 0,
) -> FrameworkAudit:
    """Audit every initializer of a framework, its default layers and the settings that people meet.

    Args:
        framework: "torch", "jax" or "keras".
        activation: phi of the layers that the effects are computed for.
        depth: how many layers.
        shape: (n_out, n_in) of the matrices; the order that the framework wants is taken care of.
        q: the second moment of the first pre-activation.
        seed: fixes what is drawn.

    Raises:
        ParameterError: no such framework, or it is not installed.
    """
    if framework not in MORE:
        raise ParameterError(f"audit of {framework!r:.40}", "it is not covered", "Use torch, jax or keras.")
    if len(tuple(shape)) != 2:
        raise ParameterError(f"shape={shape!r:.40}", "it is no matrix", "Give (n_out, n_in).")
    settings: dict[str, Any] = {"activation": activation, "depth": depth, "q": q, "seed": seed}
    return FrameworkAudit(
        framework,
        tuple(
            audit(name, *arguments, **settings, **options)
            for name, arguments, options in _subjects(framework, shape)
        ),
    )
