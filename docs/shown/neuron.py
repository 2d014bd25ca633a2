"""The neuron: its variance with weights of variance 1/n, for inputs of which only two moments are known."""

import varprop as vp

n = vp.symbol("n")


def neuron() -> vp.Expression:
    """z = sum of n products of a weight and an input."""
    return vp.neuron(
        weights=vp.Normal(variance="1/n"),
        inputs=vp.Unknown(mean=0, variance=1),
        fan_in="n",
    )


def claim() -> tuple[vp.Quantity, int]:
    """The claim that such a neuron keeps variance one."""
    return vp.Variance(neuron()), 1


def wrong_claim() -> tuple[vp.Quantity, float]:
    """The same claim, off by ten percent."""
    return vp.Variance(neuron()), 1.1


def _keeps_one(inputs: vp.Distribution) -> vp.Solution:
    z = vp.dot(weights=vp.Normal(variance="v"), inputs=inputs, fan_in="n")
    return vp.solve(vp.Equal(vp.Variance(z), 1), unknown="v")


def standardized() -> vp.Solution:
    """Which Var(w) gives Var(z) = 1 for standardized inputs."""
    return _keeps_one(vp.Normal())


def rectified() -> vp.Solution:
    """The same for inputs that went through a ReLU."""
    return _keeps_one(vp.relu(vp.Normal()))


def pixels() -> vp.Solution:
    """The same for pixels in [0, 1]."""
    return _keeps_one(vp.Uniform(0, 1))


def for_standardized() -> object:
    """1/n."""
    return standardized().result


def for_rectified() -> object:
    """2/n."""
    return rectified().result


def for_pixels() -> object:
    """3/n."""
    return pixels().result
