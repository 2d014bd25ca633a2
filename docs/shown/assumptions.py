"""What a formula rests on, and what breaks it."""

import varprop as vp
from varprop.render import Document, Text

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


def _net(bias: str | int) -> vp.Expression:
    j = vp.Axis("j", "m")
    x = vp.RandomVariable("x", vp.Normal(), axes=i)
    first = vp.RandomVariable("w1", vp.Normal(variance="2/n"), axes=(j, i), role="weights")
    second = vp.RandomVariable("w2", vp.Normal(variance="2/m"), axes=j, role="weights")
    return vp.sum_over(j, second * vp.relu(vp.sum_over(i, first * x) + bias))


def net() -> vp.Quantity:
    """The variance of a net with one hidden layer of ReLU units, at any width."""
    return vp.Variance(_net(0))


def refusal() -> Document:
    """What is said of a constant bias."""
    try:
        vp.derive(vp.Variance(_net("1/2")))
    except vp.DerivationError as error:
        return Document([Text(str(error))])
    raise AssertionError("a constant bias was accepted")
