"""Networks as specifications, and the inputs they are asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from varprop.errors import MomentError, ParameterError
from varprop.model.activations import NAMED
from varprop.model.axes import as_size
from varprop.model.distributions import Distribution
from varprop.model.joint import Empirical
from varprop.model.parsing import as_distribution
from varprop.model.scalars import scalar, symbol
from varprop.model.variables import RandomVariable
from varprop.networks.branches import Repeat, counted, expanded, fits_ties
from varprop.networks.layers import Layer, Shape, as_layers, at, shape_after
from varprop.networks.maps import number
from varprop.networks.samples import sampled
from varprop.networks.spatial import of_independent
from varprop.networks.states import State
from varprop.networks.symbols import symbols_in
from varprop.networks.unit_laws import Sample

__all__ = ["Input", "Network", "as_input", "first_state"]

DEEPEST = 1_000_000


@dataclass(frozen=True, init=False)
class Network:
    """Layers in order, each with new weights; shapes are checked when it is made.

    Args:
        layers: a list of layers; activations and distributions (noise, such as `Dropout(0.9)`) stand for
            layers.
        fan_in: the number of inputs: a whole number, a symbol or text; channels and positions as a tuple. It
            may be left out where the input brings its size.

    Raises:
        ParameterError: a layer cannot read what the one before gives, or something is no layer.

    Example:
        >>> from varprop.model.activations import relu
        >>> from varprop.networks.layers import Dense
        >>> net = Network([Dense(512, weights="he_normal"), relu, Dense(10)], fan_in=784)
        >>> len(net.layers), net.depth
        (3, 3)
    """

    layers: tuple[Layer, ...]
    fan_in: Shape | None

    def __init__(self, layers: object, fan_in: object = None) -> None:
        object.__setattr__(self, "layers", as_layers(layers))
        object.__setattr__(self, "fan_in", None if fan_in is None else _sizes(fan_in))
        count, ties = counted(self.layers)
        if count > DEEPEST:
            raise ParameterError(
                f"a network of {count} layers", f"more than {DEEPEST}", "Keep the depth a symbol: 'L'."
            )
        if self.fan_in is not None:
            shape_after(self.layers, self.fan_in)
            if ties:
                fits_ties(self.layers, self.fan_in)

    @property
    def depth(self) -> sp.Expr:
        """The number of layers, activations among them, repetitions written out."""
        return _depth(self.layers)

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        """The symbols in its sizes and parameters."""
        return symbols_in(self.layers) | symbols_in(self.fan_in)

    def at(self, values: Mapping[Any, Any]) -> Network:
        """The same network with values for symbols.

        Example:
            >>> from varprop.networks.layers import Dense
            >>> Network([Dense("n")], fan_in="d").at({"n": 4, "d": 3}).fan_in
            (3,)
        """
        exact = {symbol(s) if isinstance(s, str) else s: scalar(v, str(s)) for s, v in values.items()}
        return Network(at(self.layers, exact), at(self.fan_in, exact))

    def of_input(self, size: Shape) -> Network:
        """The network with the size of an input that brings one.

        Raises:
            ParameterError: the network states another size.
        """
        if self.fan_in is not None and sp.Mul(*self.fan_in) != sp.Mul(*size):
            raise ParameterError(
                f"an input of {size[0]} numbers",
                f"the network reads {sp.Mul(*self.fan_in)}",
                f"Leave fan_in out, or give it {size[0]}.",
            )
        return self if self.fan_in is not None else Network(self.layers, size)

    def expanded(self) -> Network:
        """The network with every repetition of a known number written out."""
        return Network(tuple(expanded(self.layers)), self.fan_in)

    def __str__(self) -> str:
        size = "" if self.fan_in is None else f", fan_in={' x '.join(map(str, self.fan_in))}"
        return f"Network([{', '.join(map(str, self.layers))}]{size})"


def _sizes(given: object) -> Shape:
    several = given if isinstance(given, (tuple, list)) else (given,)
    if not several:
        raise ParameterError("fan_in=()", "it is no size", "Give a number, or (channels, positions).")
    return tuple(as_size(size, "fan_in") for size in several)


def _depth(layers: tuple[Layer, ...]) -> sp.Expr:
    total: sp.Expr = sp.S.Zero
    for layer in layers:
        total += layer.count * _depth(layer.layers) if isinstance(layer, Repeat) else 1
    return total


@dataclass(frozen=True)
class Input:
    """What a network is fed: independent numbers of one distribution, rows of a table, or one fixed input.

    Args:
        law: the distribution of every number, or a sample of rows.
    """

    law: Distribution | Sample

    @property
    def size(self) -> Shape | None:
        """How many numbers it has, if it says so."""
        return (sp.Integer(self.law.rows.shape[1]),) if isinstance(self.law, Sample) else None

    def at(self, values: Mapping[Any, Any]) -> Input:
        """The same input with values for symbols."""
        return Input(self.law.at(values)) if isinstance(self.law, Distribution) else self

    @property
    def free_symbols(self) -> frozenset[sp.Symbol]:
        """The symbols in its parameters."""
        return self.law.free_symbols if isinstance(self.law, Distribution) else frozenset()

    def __str__(self) -> str:
        if isinstance(self.law, Distribution):
            return str(self.law)
        count, size = self.law.rows.shape
        return f"one fixed input of {size}" if count == 1 else f"{count} rows of {size} numbers"


def as_input(given_law: object, given: object, against: object) -> Input:
    """What `propagate` was told of the input.

    Raises:
        ParameterError: both or neither of a law and a fixed input, or something that is neither.
    """
    if (given_law is None) == (given is None):
        raise ParameterError(
            "propagate",
            "the input is missing" if given is None else "two inputs are given",
            "Give input= or given=.",
        )
    if given is not None:
        first = _row(given, "given")
        other = None if against is None else _row(against, "against")
        if other is not None and other.shape != first.shape:
            raise ParameterError("against=", "it is not as long as given=", "Give two inputs of one length.")
        return Input(Sample(first, other))
    if against is not None:
        raise ParameterError("against=", "it needs a fixed input to compare with", "Give given= too.")
    if isinstance(given_law, RandomVariable) and not given_law.indices - set(given_law.slots):
        given_law = given_law.distribution
    if isinstance(given_law, Empirical):
        return Input(Sample(given_law.data))
    return Input(as_distribution(given_law, NAMED))


def _row(given: object, name: str) -> NDArray[np.float64]:
    try:
        row = np.asarray(given, dtype=np.float64).reshape(1, -1)
    except (TypeError, ValueError):
        row = np.empty((1, 0))
    if row.shape[1] == 0 or not np.isfinite(row).all():
        raise ParameterError(
            f"{name}={given!r:.60}", "it is no row of finite numbers", "Give one number per input."
        )
    return row


def first_state(source: Input, shape: Shape, symbolic: bool) -> State:
    """What is known of the input itself; two inputs are independent draws, or the two that were given."""
    if isinstance(source.law, Sample):
        return sampled(source.law, shape)
    law = source.law

    def value(exact: sp.Expr) -> Any:
        return exact if symbolic else number(exact)

    mean, second = value(law.mean), value(law.moment(2))
    try:
        fourth = value(law.moment(4))
    except MomentError:
        fourth = None
    return State(
        shape,
        mean,
        second,
        fourth,
        None if fourth is None else second**2,
        mean**2,
        second,
        mean,
        mean**2,
        None if symbolic or len(shape) == 1 else of_independent(mean, second, int(sp.Mul(*shape[1:]))),
        symmetric=law.symmetric is True,
        rows_flip=law.symmetric is True,
        law=law,
        independent=True,
        alive=law.atom_at_zero is False,
        precision=law.precision,
    )
