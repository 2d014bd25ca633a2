"""Right and wrong claims about the same neuron, put to the test."""

import varprop as vp

z = vp.dot(weights="Normal(variance=2/n)", inputs="relu(Normal())", fan_in="n")
for claim, expected in (("1", "agrees"), ("1.05", "disagrees"), ("2", "disagrees")):
    evidence = vp.check(vp.Variance(z), equals=vp.parse_scalar(claim), at={"n": 16})
    print(f"Var(z) = {claim:5} {evidence.verdict}")
    assert evidence.verdict == expected
