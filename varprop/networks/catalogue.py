"""The initializers by name: which condition each solves, and which law its entries have."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, TypedDict, TypeVar, Unpack, cast

import sympy as sp

from varprop.errors import ParameterError, brief
from varprop.model.activations import Activation, activation as as_named, identity, relu
from varprop.model.calls import explained, refuse_misfit
from varprop.model.domains import Parameter
from varprop.model.scalars import ScalarLike
from varprop.networks.connectivity import Connectivity
from varprop.networks.initializers import Initializer, second_moment
from varprop.networks.schemes import Scheme

__all__ = [
    "INITIALIZERS",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "initializer",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
    "xavier_normal",
    "xavier_uniform",
]

Shape: TypeAlias = Iterable[ScalarLike] | Connectivity

MODES = {"fan_in": sp.S.One, "fan_out": sp.S.Zero, "fan_avg": sp.Rational(1, 2)}
"""How much the forward condition counts."""

_UNSAID = ("None", "1", "1", "False")
KINDS = ("normal", "uniform", "truncated_normal", "orthogonal")


class Options(TypedDict, total=False):
    """What every initializer takes; see `initializer`."""

    activation: Activation | str | None
    mode: str | ScalarLike
    multiplier: ScalarLike
    q: ScalarLike
    truncate: ScalarLike | None
    corrected: bool
    fans: str
    layout: str | None
    groups: ScalarLike
    stride: ScalarLike | Iterable[ScalarLike]
    transposed: bool


def _share(mode: object) -> sp.Expr:
    if isinstance(mode, str) and mode in MODES:
        return MODES[mode]
    if isinstance(mode, str) and not mode[:1].isdigit():
        close = difflib.get_close_matches(mode, MODES, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else "Use 'fan_in', 'fan_out', 'fan_avg', or a share."
        raise ParameterError(f"mode={brief(mode, 40)}", "it is no mode", remedy)
    return Parameter("mode", "t", low=0, high=1).validate(mode, "initializer")


_SCHEMES: dict[str, tuple[str, Activation]] = {
    "lecun": ("fan_in", identity),
    "glorot": ("fan_avg", identity),
    "xavier": ("fan_avg", identity),
    "he": ("fan_in", relu),
    "kaiming": ("fan_in", relu),
}
INITIALIZERS: tuple[str, ...] = (
    *(f"{scheme}_{kind}" for scheme in _SCHEMES for kind in KINDS[:-1]),
    "orthogonal",
)
"""The names that `initializer` and a layer's `weights=` know."""


@explained
def initializer(
    name: str,
    shape: Shape,
    *,
    activation: Activation | str | None = None,
    mode: str | ScalarLike | None = None,
    multiplier: ScalarLike = 1,
    q: ScalarLike = 1,
    truncate: ScalarLike | None = None,
    corrected: bool = True,
    fans: str = "true",
    layout: str | None = None,
    groups: ScalarLike = 1,
    stride: ScalarLike | Iterable[ScalarLike] = 1,
    transposed: bool = False,
) -> Initializer:
    """Return the initializer of a name: lecun, glorot, xavier, he or kaiming with a law, or orthogonal.

    share Var(z) / q + (1 - share) Var(dx) / Var(dz) = multiplier^2 is solved for Var(w), where z = W phi(h).

    Args:
        name: such as "he_normal", "glorot_uniform", "lecun_truncated_normal", "orthogonal".
        shape: of the array, such as (n_out, n_in) or (out, in, height, width); or a Connectivity.
        activation: phi; the identity for LeCun and Glorot and orthogonal, ReLU for He, if not given.
        mode: "fan_in" (share 1), "fan_out" (share 0), "fan_avg" (share 1/2), or the share itself.
        multiplier: a factor on the weights; the variance gets its square.
        q: the second moment of h, which matters unless phi is positively homogeneous of degree one.
        truncate: cut the normal law at so many standard deviations.
        corrected: whether the parent's variance makes good for the truncation.
        fans: "true" or "rule": count the connections, or read them from the shape as frameworks do.
        layout, groups, stride, transposed: as for `Connectivity`.

    Raises:
        ParameterError: no such name; a shape without fans; an option outside its domain.
        ParseError: no such activation.

    Example:
        >>> initializer("he_uniform", (256, 512)).support
        (-sqrt(3)/16, sqrt(3)/16)
        >>> initializer("he_normal", ("n_out", "n_in"), activation="relu", mode="fan_out").variance
        2/n_out

    Source: LeCun, Bottou, Orr, Müller 1998; Glorot, Bengio 2010, equations 12, 16; He, Zhang, Ren, Sun
    2015, equations 10, 14; Saxe, McClelland, Ganguli 2014.
    """
    scheme, kind = _parts(name)
    usual_mode, usual = _SCHEMES.get(scheme, ("fan_in", identity))
    if kind == "normal" and truncate is not None:
        kind = "truncated_normal"
    elif truncate is not None and kind != "truncated_normal":
        raise ParameterError(
            f"{name} with truncate={truncate}", "only a normal law is truncated", "Leave it out."
        )
    if kind == "orthogonal" and mode is not None:
        missing = "its variance is fixed by orthogonality, gain^2 / max(rows, columns)"
        raise ParameterError(f"orthogonal with mode={brief(mode, 40)}", missing, "Leave mode out.")
    if not isinstance(corrected, bool):
        raise ParameterError(f"corrected={brief(corrected, 40)}", "it is neither", "Use True or False.")
    if not isinstance(fans, str) or fans not in ("true", "rule"):
        raise ParameterError(f"fans={brief(fans, 40)}", "it is neither", "Use 'true' or 'rule'.")
    if isinstance(shape, Connectivity):
        given = (layout, groups, stride, transposed)
        if any(brief(said) != usual for said, usual in zip(given, _UNSAID, strict=True)):
            raise ParameterError(f"{name} of a Connectivity", "it says layout, groups and stride itself")
        connectivity = shape
    else:
        connectivity = Connectivity(shape, layout, groups, stride, transposed)
    positive = Parameter("multiplier", "m", low=0, low_open=True)
    made = Scheme(
        usual if activation is None else as_named(activation),
        _share(usual_mode if mode is None else mode),
        positive.validate(multiplier, name),
        second_moment(q),
        kind == "orthogonal",
    )
    cut = Parameter("truncate", "c", low=0, low_open=True).validate(2 if truncate is None else truncate, name)
    return Initializer(name, connectivity, made, kind, cut, corrected, fans)


def _parts(name: object) -> tuple[str, str]:
    if name == "orthogonal":
        return "", "orthogonal"
    if not isinstance(name, str) or name not in INITIALIZERS:
        close = difflib.get_close_matches(str(name).lower(), INITIALIZERS, n=1)
        remedy = f"Did you mean {close[0]!r}?" if close else f"The names are {', '.join(INITIALIZERS)}."
        raise ParameterError(f"initializer {brief(name, 60)}", "there is none of this name", remedy)
    scheme, _, kind = name.partition("_")
    return scheme, kind


Sibling = TypeVar("Sibling", bound=Callable[..., Initializer])


def _sibling(function: Sibling) -> Sibling:
    """An initializer of its own name, which takes what `initializer` does and says so."""
    _, *own = inspect.signature(initializer).parameters.values()
    signature = inspect.Signature(own, return_annotation=Initializer)

    @functools.wraps(function)
    def call(*given: Any, **options: Any) -> Initializer:
        refuse_misfit(function.__name__, signature, given, options)
        return function(*given, **options)

    call.__signature__ = signature  # type: ignore[attr-defined]
    return cast(Sibling, call)


@_sibling
def he_normal(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return He's initializer with normal entries: Var(w) = 2/n_in keeps E z^2 through a ReLU.

    Var(sum_i w_i relu(h_i)) = n_in Var(w) E[h^2] / 2 = E[h^2].

    Args:
        shape: (n_out, n_in), (out, in, height, width), or another order with `layout`.
        **options: those of `initializer`: activation, mode, multiplier, truncate, ...

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> import numpy as np
        >>> weights = he_normal((512, 784))
        >>> weights.variance
        1/392
        >>> same = np.random.RandomState(0).randn(512, 784) * np.sqrt(2 / 784)
        >>> bool(np.allclose(weights.draw(np.random.RandomState(0)), same, rtol=1e-15))
        True
        >>> he_normal((64, 32, 3, 3), activation="identity", mode="fan_out").variance
        1/576

    Source: He, Zhang, Ren, Sun 2015, equations 10 and 14.
    """
    return initializer("he_normal", shape, **options)


@_sibling
def he_uniform(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return He's initializer with uniform entries on [-sqrt(6/n_in), sqrt(6/n_in)].

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> he_uniform(("n_out", "n_in")).support
        (-sqrt(6)/sqrt(n_in), sqrt(6)/sqrt(n_in))

    Source: He, Zhang, Ren, Sun 2015, equation 10.
    """
    return initializer("he_uniform", shape, **options)


@_sibling
def lecun_normal(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return LeCun's initializer with normal entries: Var(w) = 1/n_in keeps the variance of centered inputs.

    Some lectures call this rule Xavier's; in Glorot's paper and the frameworks that is 2/(n_in + n_out).

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> lecun_normal(("n_out", "n_in")).variance
        1/n_in

    Source: LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, section 4.6.
    """
    return initializer("lecun_normal", shape, **options)


@_sibling
def lecun_uniform(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return LeCun's initializer with uniform entries on [-sqrt(3/n_in), sqrt(3/n_in)].

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> lecun_uniform((10, 12)).support
        (-1/2, 1/2)

    Source: LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, section 4.6.
    """
    return initializer("lecun_uniform", shape, **options)


@_sibling
def glorot_normal(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return Glorot's initializer with normal entries: Var(w) = 2/(n_in + n_out).

    Forward asks for 1/n_in, backward for 1/n_out; this makes the two factors 1 on average.

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> glorot_normal(("n_out", "n_in")).variance
        2/(n_in + n_out)
        >>> glorot_normal((256, 512)).factors()
        Factors(forward=4/3, backward=2/3)

    Source: Glorot, Bengio 2010, equation 12.
    """
    return initializer("glorot_normal", shape, **options)


@_sibling
def glorot_uniform(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return Glorot's initializer with uniform entries on [-sqrt(6/(n_in + n_out)), sqrt(6/(n_in + n_out))].

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> glorot_uniform((20, 4)).support
        (-1/2, 1/2)

    Source: Glorot, Bengio 2010, equation 16.
    """
    return initializer("glorot_uniform", shape, **options)


@_sibling
def xavier_normal(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return `glorot_normal` under its other name: Var(w) = 2/(n_in + n_out), as in the frameworks.

    The rule 1/n_in, which some lectures call Xavier's, is `lecun_normal`.

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> xavier_normal((30, 20)).variance
        1/25

    Source: Glorot, Bengio 2010, equation 12.
    """
    return initializer("xavier_normal", shape, **options)


@_sibling
def xavier_uniform(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return `glorot_uniform` under its other name.

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> xavier_uniform((20, 4)).support
        (-1/2, 1/2)

    Source: Glorot, Bengio 2010, equation 16.
    """
    return initializer("xavier_uniform", shape, **options)


@_sibling
def orthogonal(shape: Shape, **options: Unpack[Options]) -> Initializer:
    """Return the orthogonal initializer: orthonormal rows or columns times a gain.

    Its entries are uncorrelated, not independent, and that is all that Var(z) = n Var(w) E[x^2] needs. A
    kernel is flattened to one row per output. Var(w) = gain^2 / max(rows, columns): with fewer inputs than
    outputs the columns are orthonormal, and the layer multiplies the signal by n_in / n_out.

    Args:
        shape: as for `he_normal`.
        **options: those of `initializer`; the gain is solved for `activation` and a square matrix.

    Raises:
        ParameterError: a shape without fans, or an option outside its domain.

    Example:
        >>> orthogonal((4, 9), activation="relu").derivation.result
        sqrt(2)
        >>> import numpy as np
        >>> weights = orthogonal((4, 9)).draw(0)
        >>> bool(np.allclose(weights @ weights.T, np.eye(4)))
        True
        >>> orthogonal((9, 4)).factors()
        Factors(forward=4/9, backward=1)

    Source: Saxe, McClelland, Ganguli 2014; Mezzadri 2007 (drawing).
    """
    return initializer("orthogonal", shape, **options)
