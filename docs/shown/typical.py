"""Where the mean and the typical case part ways."""

import varprop as vp
from varprop.render import Document, Plot, Series


def product() -> vp.Quantity:
    """The variance of a product of eight standard normal variables."""
    result = vp.RandomVariable("x1", vp.Normal())
    for k in range(2, 9):
        result = result * vp.RandomVariable(f"x{k}", vp.Normal())
    return vp.Variance(result)


def product_variance() -> object:
    """Its value."""
    return vp.derive(product()).result


def signal() -> vp.Profile:
    """Moments and gradients through the layers of such a net, in the mean."""
    net = vp.Network(vp.repeat(5, [vp.Dense(20, weights="he_normal"), vp.relu]), fan_in=20)
    return vp.propagate(net, input=vp.Normal())


def wide() -> vp.NormLaw:
    """A ReLU net with He's weights, 50 layers of width 256."""
    return vp.norm_law([256] * 50)


def narrow() -> vp.NormLaw:
    """The same depth at width 20."""
    return vp.norm_law([20] * 50)


def kurtosis() -> object:
    """The kurtosis of an output of the narrow net."""
    return float(narrow().output_kurtosis)


def picture() -> Plot:
    """Mean and typical squared norm against depth, at width 20."""
    depths = range(0, 101, 5)
    laws = [vp.norm_law([20] * depth) if depth else None for depth in depths]
    mean = [1.0 if law is None else float(law.mean) for law in laws]
    typical = [1.0 if law is None else float(law.typical) for law in laws]
    return Plot(
        [Series("mean", depths, mean), Series("typical, alive", depths, typical)],
        title="squared norm per unit, ReLU net of width 20 with He's weights",
        x_label="layers",
        log_y=True,
    )


def curves() -> Document:
    """The same as a document."""
    return Document([picture()])
