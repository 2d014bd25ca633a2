"""Which variance of the weights keeps the variance of the signal? The answer depends on the inputs."""

import varprop as vp

n, v = vp.symbol("n"), vp.symbol("v")
pixels = vp.Uniform(0, 1)
cases = [
    ("standardized inputs, Var z = 1", vp.Unknown(mean=0, variance=1), 1),
    ("ReLU of a layer of variance 1, Var z = 1", vp.relu(vp.Normal(variance=1)), 1),
    ("pixels in [0, 1], Var z = 1", pixels, 1),
    ("pixels in [0, 1], Var z = Var x", pixels, pixels.variance),
]

print(f"{'inputs and aim':<42}Var(w)")
for title, inputs, aim in cases:
    z = vp.dot(weights=vp.Normal(variance=v), inputs=inputs, fan_in=n)
    solution = vp.solve(vp.Equal(vp.Variance(z), aim), unknown=v)
    print(f"{title:<42}{solution.result}")

    # The answer is put to the test like any other claim: z with these weights, simulated at n = 32.
    kept = vp.Variance(vp.at(z, {v: solution.result}))
    assert vp.check(kept, equals=aim, at={n: 32}, seed=2, panel="short").verdict == "agrees"

# He's 2/n, line by line: half of the second moment of a symmetric input survives the ReLU.
z = vp.dot(weights=vp.Normal(variance=v), inputs=vp.relu(vp.Normal(variance=1)), fan_in=n)
print()
print(vp.solve(vp.Equal(vp.Variance(z), 1), unknown=v))
