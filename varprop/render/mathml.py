r"""The TeX that formulas are written in, as MathML, which browsers show without any script.

It covers the TeX that SymPy and the library write. What it does not know raises `UnknownTeX`, and the caller
shows the plain spelling instead: a formula is shown right or plainly, never half.
"""

from __future__ import annotations

import re
from html import escape

__all__ = ["UnknownTeX", "to_mathml"]

_TOKEN = re.compile(
    r"\\begin\{([a-z]+\*?)\}|\\end\{([a-z]+\*?)\}|\\operatorname\*|\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\s+|.",
    re.DOTALL,
)


def _pairs(words: str) -> dict[str, str]:
    """Names and signs in turn, as a table."""
    split = words.split()
    return dict(zip(split[::2], split[1::2], strict=True))


_IDENTIFIERS = _pairs(
    "alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι "
    "kappa κ lambda λ mu μ nu ν xi ξ pi π rho ρ sigma σ tau τ upsilon υ phi ϕ varphi φ chi χ psi "
    "ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω "
    "infty ∞ ell ℓ partial ∂ emptyset ∅ hbar ℏ"
)
_OPERATORS = _pairs(
    "cdot ⋅ times × pm ± mp ∓ le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ to → rightarrow → Rightarrow ⇒ "
    "mapsto ↦ int ∫ in ∈ notin ∉ sim ∼ approx ≈ equiv ≡ propto ∝ mid ∣ perp ⟂ ldots … cdots ⋯ "
    "dots … prime ′ ast ∗ circ ∘ colon : ll ≪ gg ≫ wedge ∧ vee ∨ cup ∪ cap ∩ subset ⊂ odot ⊙ "
    "otimes ⊗ setminus ∖ neg ¬"
)
_FENCES = _pairs(
    "langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ vert | lvert | rvert | Vert ‖ lVert ‖ "
    "rVert ‖ | ‖ { { } } backslash ∖"
)
_BIG = {"sum": "∑", "prod": "∏", "bigcup": "⋃", "bigcap": "⋂"}
_FUNCTIONS = set("log ln exp sin cos tan cot sinh cosh tanh arcsin arccos arctan det dim ker deg arg".split())
_LIMITS = set("lim max min sup inf Pr limsup liminf".split())
_SPACES = {",": 0.17, ":": 0.22, ";": 0.28, "!": 0.0, " ": 0.25, "quad": 1.0, "qquad": 2.0}
_IGNORED = {
    "displaystyle",
    "textstyle",
    "limits",
    "nolimits",
    "big",
    "Big",
    "bigg",
    "Bigg",
    "bigl",
    "bigr",
    "Bigl",
    "Bigr",
}
_UPRIGHT = {"mathrm", "operatorname", "operatorname*", "text", "textrm", "textnormal", "mbox"}
_VARIANTS = {
    "mathbb": "double-struck",
    "mathcal": "script",
    "mathbf": "bold",
    "boldsymbol": "bold",
    "mathsf": "sans-serif",
}
_STARTS = {"double-struck": 0x1D538, "script": 0x1D49C, "bold": 0x1D400, "sans-serif": 0x1D5A0}
_MISSING = {
    "double-struck": dict(zip("CHNPQRZ", "ℂℍℕℙℚℝℤ", strict=True)),
    "script": dict(zip("BEFHILMR", "ℬℰℱℋℐℒℳℛ", strict=True)),
}
_ACCENTS = {
    "hat": "^",
    "widehat": "^",
    "tilde": "~",
    "widetilde": "~",
    "bar": "¯",
    "overline": "¯",
    "vec": "→",
    "dot": "˙",
}
_GRIDS = {
    "cases": ("{", ""),
    "aligned": ("", ""),
    "matrix": ("", ""),
    "pmatrix": ("(", ")"),
    "bmatrix": ("[", "]"),
}
_DEEPEST = 60


class UnknownTeX(Exception):
    """A piece of TeX outside of what this module reads."""


def _tag(name: str, content: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{content}</{name}>"


def _row(items: list[str]) -> str:
    return items[0] if len(items) == 1 else _tag("mrow", "".join(items))


def _operator(sign: str, attributes: str = "") -> str:
    return _tag("mo", escape(sign), attributes)


def _letters(text: str, variant: str) -> str:
    made = ""
    for letter in text:
        if "A" <= letter <= "Z":
            plain = chr(_STARTS[variant] + ord(letter) - ord("A"))
        elif "a" <= letter <= "z" and variant != "script":
            plain = chr(_STARTS[variant] + 26 + ord(letter) - ord("a"))
        else:
            plain = letter
        made += _MISSING.get(variant, {}).get(letter, plain)
    return made


class _Reader:
    """One pass over the tokens; `depth` bounds the nesting, so that no input exhausts the stack."""

    def __init__(self, tex: str) -> None:
        self.tokens = list(_TOKEN.finditer(tex))
        self.place = 0
        self.depth = 0

    def peek(self) -> str:
        while self.place < len(self.tokens) and self.tokens[self.place][0].isspace():
            self.place += 1
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        if not token:
            raise UnknownTeX("the end")
        self.place += 1
        return token

    def expect(self, token: str) -> None:
        if self.take() != token:
            raise UnknownTeX(token)

    def items(self, *stops: str) -> list[str]:
        """Atoms with their scripts, up to one of the stops (not taken)."""
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnknownTeX("nested too deeply")
        made: list[str] = []
        while (token := self.peek()) not in stops:
            if not token:
                raise UnknownTeX("the end")
            self.append_to(made)
        self.depth -= 1
        return made

    def append_to(self, made: list[str]) -> None:
        """Add the next atom, after a thin space where TeX sets the name of a function apart."""
        token = self.peek()
        named = token in ("\\operatorname", "\\operatorname*") or token[1:] in _FUNCTIONS | _LIMITS
        item = self.scripted()
        if named and made and not re.search(r"(^<mspace .*|<mo( [^>]*)?>[^)\]}|]</mo>)$", made[-1]):
            made.append(f'<mspace width="{_SPACES[","]}em"></mspace>')
        if item:
            made.append(item)

    def scripted(self) -> str:
        limits = self.peek().lstrip("\\") in _BIG.keys() | _LIMITS or self.peek() == "\\operatorname*"
        base = self.atom()
        low = high = primes = ""
        while (token := self.peek()) in ("_", "^", "'"):
            self.take()
            if token == "_" and not low:
                low = self.argument()
            elif token == "^" and not high:
                high = self.argument()
            elif token == "'":
                primes += _operator("′")
            else:
                raise UnknownTeX("double script")
        if primes:
            high = _tag("mrow", primes + high)
        names = ("munder", "mover", "munderover") if limits else ("msub", "msup", "msubsup")
        base = base or "<mrow></mrow>"
        if low and high:
            return _tag(names[2], base + low + high)
        if low or high:
            return _tag(names[0] if low else names[1], base + (low or high))
        return base if base != "<mrow></mrow>" else ""

    def argument(self) -> str:
        """A braced group or one atom, as one element."""
        if self.peek() == "{":
            self.take()
            made = self.items("}")
            self.take()
            return _row(made) if made else "<mrow></mrow>"
        self.depth += 1
        if self.depth > _DEEPEST:
            raise UnknownTeX("nested too deeply")
        made_one = self.atom()
        self.depth -= 1
        return made_one

    def raw_argument(self) -> str:
        """The text of a braced group without groups inside."""
        self.expect("{")
        made = ""
        while self.place < len(self.tokens):
            token = self.tokens[self.place][0]
            self.place += 1
            if token == "}":
                return made
            if token == "{" or (
                token[0] == "\\" and token[1:] not in _SPACES and token not in ("\\_", "\\%", "\\&", "\\#")
            ):
                raise UnknownTeX(token)
            made += " " if token[0] == "\\" and token[1:] in _SPACES else token.lstrip("\\")
        raise UnknownTeX("the end")

    def atom(self) -> str:
        token = self.take()
        if token == "{":
            made = self.items("}")
            self.take()
            return _row(made) if made else ""
        if token.startswith("\\"):
            return self.command(token[1:])
        if token[0].isdigit():
            return _tag("mn", token)
        if token.isalpha():
            return _tag("mi", escape(token))
        if token in "}_^&$%#~":
            raise UnknownTeX(token)
        if token in "()[]|":
            return _operator(token, ' stretchy="false"')
        return _operator("−" if token == "-" else token)

    def command(self, name: str) -> str:
        if name in _IDENTIFIERS:
            return _tag("mi", _IDENTIFIERS[name])
        if name in _OPERATORS:
            return _operator(_OPERATORS[name])
        if name in _BIG:
            return _operator(_BIG[name])
        if name in _FENCES:
            return _operator(_FENCES[name], ' stretchy="false"')
        if name in _FUNCTIONS or name in _LIMITS:
            return _tag("mi", name)
        if name in _SPACES:
            return f'<mspace width="{_SPACES[name]}em"></mspace>'
        if name in _IGNORED:
            return ""
        return self.command_with_arguments(name)

    def command_with_arguments(self, name: str) -> str:
        if name in ("frac", "dfrac", "tfrac"):
            return _tag("mfrac", self.argument() + self.argument())
        if name == "binom":
            inside = _tag("mfrac", self.argument() + self.argument(), ' linethickness="0"')
            return _tag("mrow", _operator("(") + inside + _operator(")"))
        if name == "sqrt":
            if self.peek() == "[":
                self.take()
                index = _row(self.items("]"))
                self.take()
                return _tag("mroot", self.argument() + index)
            return _tag("msqrt", self.argument())
        if name in _UPRIGHT:
            text = self.raw_argument()
            element = "mtext" if name in ("text", "textrm", "textnormal", "mbox") else "mi"
            return _tag(
                element,
                escape(text.replace(" ", "\u00a0")),
                ' mathvariant="normal"' if len(text) == 1 else "",
            )
        if name == "mathit":
            return _tag("mi", escape(self.raw_argument()))
        if name in _VARIANTS:
            return _tag("mi", escape(_letters(self.raw_argument(), _VARIANTS[name])))
        if name in _ACCENTS:
            return _tag("mover", self.argument() + _operator(_ACCENTS[name]), ' accent="true"')
        if name == "left":
            return self.fenced()
        if name.startswith("begin{"):
            return self.grid(name[6:-1])
        raise UnknownTeX(name)

    def fence(self) -> str:
        token = self.take()
        name = token.lstrip("\\") or token
        sign = "" if token == "." else _FENCES.get(name, token) if token.startswith("\\") else token
        if len(sign) > 1 or (sign and sign not in "()[]|/<>{}‖⟨⟩⌊⌋⌈⌉∖"):
            raise UnknownTeX(token)
        return {"<": "⟨", ">": "⟩"}.get(sign, sign)

    def fenced(self) -> str:
        made = [_operator(self.fence(), ' fence="true"')]
        while True:
            made += self.items("\\right", "\\middle")
            ended = self.take() == "\\right"
            made.append(_operator(self.fence(), ' fence="true"'))
            if ended:
                return _tag("mrow", "".join(made))

    def grid(self, kind: str) -> str:
        if kind not in _GRIDS:
            raise UnknownTeX(kind)
        end = f"\\end{{{kind}}}"
        rows: list[list[str]] = [[]]
        while True:
            rows[-1].append(_tag("mtd", "".join(self.items("&", "\\\\", end)), ' style="text-align:left"'))
            token = self.take()
            if token == end:
                break
            if token == "\\\\":
                rows.append([])
        table = _tag("mtable", "".join(_tag("mtr", "".join(row)) for row in rows))
        before, after = _GRIDS[kind]
        made = [_operator(before, ' fence="true"')] if before else []
        made.append(table)
        made += [_operator(after, ' fence="true"')] if after else []
        return _row(made)


def to_mathml(tex: str, alternative: str = "", display: bool = False) -> str:
    r"""A formula as a `math` element.

    Args:
        tex: the formula in TeX.
        alternative: its plain spelling, for readers without MathML.
        display: set on a line of its own.

    Raises:
        UnknownTeX: a piece is outside of what this module reads.

    Example:
        >>> to_mathml(r"\frac{1}{n}")
        '<math><mfrac><mn>1</mn><mi>n</mi></mfrac></math>'
    """
    reader = _Reader(tex)
    made: list[str] = []
    while reader.peek():
        reader.append_to(made)
    attributes = ' display="block"' if display else ""
    attributes += f' alttext="{escape(alternative)}"' if alternative else ""
    return _tag("math", _row(["".join(made)]) if len(made) == 1 else _tag("mrow", "".join(made)), attributes)
