"""Profiles of networks against brute force: what agrees, and what is noticed when it is off by a tenth.

Run it as a script; with words such as `relu tanh` it runs some cases, with `--broken` it breaks each number,
with `--budget=5` it takes less time, and says "inconclusive" more often.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import Any

import varprop as vp
from varprop import Conv, Dense, Network, Normal, Residual, Uniform, relu, repeat

WIDTH = 24
HE, LECUN = "he_normal", "lecun_normal"
X = Normal()


def dense(width: int = WIDTH, weights: Any = HE, bias: Any = None) -> Dense:
    return Dense(width, weights, bias)


def chain(
    activation: Any, weights: Any = LECUN, bias: Any = None, width: int = WIDTH, depth: int = 2
) -> Network:
    layers = [dense(width, weights, bias), activation] * depth
    return Network([*layers, dense(width, weights)], fan_in=width)


PRE = Residual([relu, dense()], multiplier="1/2")
POST = Residual([dense(), relu, dense()], multiplier="1/2", post=relu)
CASES: dict[str, tuple[Network, Any]] = {
    "relu width 3": (chain(relu, HE, width=3), X),
    "relu width 512": (chain(relu, HE, width=512), X),
    "leaky": (chain(vp.leaky_relu("1/4"), HE), X),
    "linear": (Network([dense(weights=LECUN)] * 3, fan_in=WIDTH), X),
    "tanh": (chain(vp.tanh), X),
    "gelu": (chain(vp.gelu), X),
    "constant bias": (chain(relu, bias=0.5), X),
    "random bias": (chain(relu, bias=Normal(variance=0.25)), X),
    "dropout": (Network([dense(), relu, vp.Dropout(0.8), dense(), relu, vp.Dropout(0.8), dense()], WIDTH), X),
    "pre-activation": (Network([dense(), PRE, PRE, dense(8, LECUN)], WIDTH), X),
    "post-activation": (Network([dense(), relu, POST, POST, dense(8, LECUN)], WIDTH), X),
    "convolution": (
        Network([Conv(8, 3, weights=HE), relu, Conv(8, 3, weights=HE), relu], (8, 6)),
        Uniform(0, 1),
    ),
    "pool of a convolution": (
        Network([Conv(16, 3, weights=HE), relu, vp.AveragePool(), dense(4)], (2, 6)),
        Uniform(0, 1),
    ),
    "pools between convolutions": (
        Network([Conv(16, 3), vp.tanh, vp.AveragePool(2), Conv(16, 3), vp.AveragePool(2)], (2, 8)),
        Uniform(0, 1),
    ),
    "convolution with random bias": (
        Network([Conv(16, 3, weights=HE, bias=Uniform(-1, 1)), relu, vp.AveragePool(2), Conv(4, 3)], (2, 4)),
        Uniform(0, 1),
    ),
    "layer norm": (
        Network([dense(), vp.LayerNorm(), relu, dense(), vp.LayerNorm(), relu, dense()], WIDTH),
        X,
    ),
    "glu": (Network([vp.GLU(WIDTH, vp.sigmoid), dense(weights=LECUN)], WIDTH), X),
    "unequal widths": (Network([dense(40), relu, dense(10), relu, dense(30)], 20), X),
    "pixels": (chain(relu, HE), Uniform(0, 1)),
    "average pool": (Network([dense(bias=0.5), relu, vp.AveragePool(4), dense()], WIDTH), X),
    "concatenation": (Network([dense(), vp.Concatenate([], [dense(12), relu]), dense()], WIDTH), X),
    "repeat": (Network([repeat(3, [dense(8), relu])], 8), X),
}
NAMES = ("mean", "second_moment", "pair", "gradient", "weight_gradient")


def off(profile: vp.Profile, name: str) -> vp.Profile | None:
    """The profile with one number of one layer a tenth too large."""
    for place in range(len(profile.rows) - 1, 0, -1):
        row = profile.rows[place]
        value = getattr(row, name)
        if len(row.path) == 1 and value and (name != "gradient" or place < len(profile.rows) - 1):
            rows = list(profile.rows)
            rows[place] = replace(row, **{name: 1.1 * value})
            return replace(profile, rows=tuple(rows)).only(name, layers=[row.path[0]])
    return None


def main(arguments: list[str]) -> None:
    broken = "--broken" in arguments
    chosen = [word for word in arguments if not word.startswith("--")]
    budgets = [word.partition("=")[2] for word in arguments if word.startswith("--budget=")]
    # seconds per number, shared by all numbers of a network; a number on its own gets four times that
    budget = float(budgets[-1]) if budgets else 30.0
    for name, (network, source) in CASES.items():
        if chosen and not any(word in name for word in chosen):
            continue
        start = time.process_time()
        profile = vp.propagate(network, input=source)
        if not broken:
            evidence = vp.check(profile, seed=7, budget=budget)
            count = {
                v: sum(c.verdict == v for c in evidence.claims)
                for v in ("agrees", "disagrees", "inconclusive")
            }
            seconds = time.process_time() - start
            print(f"{name:28} {evidence.verdict:13} {count} {seconds:6.1f} s", flush=True)
            for claim in evidence.claims:
                if claim.verdict != "agrees":
                    numbers = f"{claim.estimate:.5g} against {claim.claimed:.5g}"
                    print(
                        f"    {claim.verdict}: {claim.claim}; {numbers}; {claim.note}",
                        flush=True,
                    )
            continue
        verdicts = []
        for number in NAMES:
            wrong = off(profile, number)
            if wrong is not None:
                verdicts.append(f"{number} {vp.check(wrong, seed=7, budget=4 * budget).verdict}")
        print(f"{name:28} {', '.join(verdicts)} {time.process_time() - start:6.1f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
