"""What a formula rests on, and what breaks it."""

import sympy as sp

import varprop as vp
from varprop.render import Document, Math, Table, Text

i = vp.Axis("i", "n")


def centered() -> vp.Expression:
    """Weights of mean zero on inputs of any mean."""
    w = vp.RandomVariable("w", vp.Normal(variance="v"), axes=i)
    x = vp.RandomVariable("x", vp.Unknown(mean="m", variance=1), axes=i)
    return vp.sum_over(i, w * x)


def shifted() -> vp.Expression:
    """Weights with a mean."""
    w = vp.RandomVariable("w", vp.Normal(mean="mu", variance="v"), axes=i)
    x = vp.RandomVariable("x", vp.Unknown(mean="m", variance=1), axes=i)
    return vp.sum_over(i, w * x)


def rectified(inputs: vp.Distribution) -> vp.Quantity:
    """The variance of a neuron behind a ReLU."""
    w = vp.RandomVariable("w", vp.Normal(variance="1/n"), axes=i)
    h = vp.RandomVariable("h", inputs, axes=i)
    return vp.Variance(vp.sum_over(i, w * vp.relu(h)))


def symmetric() -> vp.Quantity:
    """Inputs that are symmetric: half of their second moment passes."""
    return rectified(vp.Normal())


def skewed_claim() -> tuple[vp.Quantity, str]:
    """Inputs that are positive: the claim that half passes is wrong."""
    return rectified(vp.Exponential(mean=1)), "1"


def skewed() -> vp.Quantity:
    """What really passes."""
    return rectified(vp.Exponential(mean=1))


def _net(bias: object) -> vp.Expression:
    j = vp.Axis("j", "m")
    x = vp.RandomVariable("x", vp.Normal(), axes=i)
    first = vp.RandomVariable("w1", vp.Normal(variance="2/n"), axes=(j, i), role="weights")
    second = vp.RandomVariable("w2", vp.Normal(variance="2/m"), axes=j, role="weights")
    b = vp.RandomVariable("b", bias, axes=j) if isinstance(bias, vp.Distribution) else bias
    return vp.sum_over(j, second * vp.relu(vp.sum_over(i, first * x) + b))


def net() -> vp.Quantity:
    """The variance of a net with one hidden layer of ReLU units, at any width."""
    return vp.Variance(_net(0))


def net_with_bias() -> vp.Quantity:
    """The same with a symmetric bias of its own for each unit."""
    return vp.Variance(_net(vp.Normal(variance="s")))


def refusal() -> Document:
    """What is said of a constant bias."""
    try:
        vp.derive(vp.Variance(_net("1/2")))
    except vp.DerivationError as error:
        return Document([Text(str(error))])
    raise AssertionError("a constant bias was accepted")


def three_inputs() -> Document:
    """Which variance keeps the signal, for three kinds of inputs, by three derivations."""
    rows = []
    laws = {
        "standardized": vp.Normal(),
        "a ReLU of standardized": vp.relu(vp.Normal()),
        "pixels in [0, 1]": vp.Uniform(0, 1),
    }
    for name, law in laws.items():
        z = vp.dot(weights=vp.Normal(variance="v"), inputs=law, fan_in="n")
        found = vp.solve(vp.Equal(vp.Variance(z), 1), unknown="v").result
        second = law.moment(2)
        rows.append([name, Math(sp.latex(second), str(second)), Math(sp.latex(found), str(found))])
    return Document([Table(["inputs", "E x^2", "Var w"], rows)])
