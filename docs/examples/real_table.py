"""A neuron that reads a real table: dependent columns, none like the other, and the formula still holds."""

import varprop as vp

x = vp.RandomVector("x", vp.read_table("iris"))
z = vp.dot(weights="Normal(variance=v)", inputs=x)
proof = vp.derive(vp.Variance(z))
print("Var(z) =", proof.result, f"({proof.precision})")
evidence = vp.check(proof, at={"v": "1/100"})
print(evidence)
assert evidence.verdict == "agrees"
