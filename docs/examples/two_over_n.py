"""Why rectified inputs want 2/n, and what pixels between 0 and 1 want."""

import varprop as vp


def keeps_one(inputs: str) -> str:
    """The variance of the weights that makes Var(z) = 1."""
    z = vp.dot(weights="Normal(variance=v)", inputs=inputs, fan_in="n")
    return str(vp.solve(vp.Equal(vp.Variance(z), 1), unknown="v").result)


for inputs, answer in (("Normal()", "1/n"), ("relu(Normal())", "2/n"), ("Uniform(0, 1)", "3/n")):
    print(f"inputs {inputs:16} v = {keeps_one(inputs)}")
    assert keeps_one(inputs) == answer
