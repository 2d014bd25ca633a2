"""Errors as they happen in papers and code, planted on purpose: the check finds each of them."""

import varprop as vp

n = vp.symbol("n")
pixels = vp.Uniform(0, 1)
z = vp.dot(weights=vp.Normal(variance=1 / n), inputs=pixels, fan_in=n)
biased = vp.dot(weights=vp.Normal(mean=1, variance=1 / n), inputs=pixels, fan_in=n)
i = vp.Axis("i", n)
h = vp.RandomVariable("h", vp.Exponential(mean=1), axes=i)
centered = vp.RandomVariable("w", vp.Normal(variance=1 / n), axes=i)

planted = [
    # The pixels have mean 1/2: Var(z) = n Var(w) E[x^2], not n Var(w) Var(x).
    ("variance for second moment", vp.Variance(z), "1/12", {n: 64}),
    ("n - 1 for n", vp.Variance(z), "(n - 1)/(3*n)", {n: 8}),
    ("a factor of 1.02", vp.Variance(z), "1.02/3", {n: 256}),
    ("the mean of the weights dropped", vp.Variance(biased), "1/3", {n: 64}),
    # ReLU halves the second moment of symmetric inputs only; these are positive, all of it passes.
    ("symmetry that is not there", vp.Variance(vp.sum_over(i, centered * vp.relu(h))), 1, {n: 64}),
]
print(f"{'planted error':<33}{'claimed':>9}{'estimate':>10}   verdict")
for title, quantity, claimed, values in planted:
    evidence = vp.check(quantity, equals=claimed, at=values, seed=6, resolution=1.01)
    found = evidence.claims[0]
    print(f"{title:<33}{found.claimed:9.4f}{found.estimate:10.4f}   {evidence.verdict}")

# The right value is not thrown out with them, and a budget too small gives no verdict at all.
for title, budget in (("nothing wrong", 2.0), ("nothing wrong, tiny budget", 0.001)):
    evidence = vp.check(vp.Variance(z), equals="1/3", at={n: 64}, seed=6, resolution=1.01, budget=budget)
    found = evidence.claims[0]
    print(f"{title:<33}{found.claimed:9.4f}{found.estimate:10.4f}   {evidence.verdict}")
