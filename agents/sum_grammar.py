"""From the tokens of a sum to the formula of the calculator: precedence as usual, functions take what stands next.

steps  = (order | sum) {then-order}          subtract 5 from 12 and multiply by 2; 三加五再乘以二
sum    = product {(+|-) product}
product = signed {(*|/|%) signed}
signed = - signed | power
power  = what [** signed]
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.sum_formula import LEVELS, PRODUCT, SUM, Formula, all_of, applied, called, joined, negated, share
from agents.sum_tokens import NotRead, Token

DEEPEST = 40
_BEGINS = frozenset({"number", "(", "call", "constant", "negative", "function", "fraction", "hundredths", "total"})


class Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens, self._place, self._deep = tokens, 0, 0

    def formula(self) -> str:
        """All tokens as one formula. Raises NotRead."""
        found = self._steps()
        if self._kind() == "的" and self._kind(1) in ("with", "noun") and self._place + 2 == len(self._tokens):
            # 三加五的和: the noun repeats the sign.
            said = "+" if self._kind(1) == "with" else self._tokens[-1].text
            if found.level != LEVELS.get(said) or said not in found.text:
                raise NotRead("的")
            self._place += 2
        if self._place < len(self._tokens) or not found.done:
            raise NotRead(self._kind())
        return found.text

    def _kind(self, ahead: int = 0) -> str:
        place = self._place + ahead
        return self._tokens[place].kind if place < len(self._tokens) else ""

    def _sign(self, signs: str, ahead: int = 0) -> str:
        """The sign that stands here, if it is one of these; else empty."""
        place = self._place + ahead
        if (
            place < len(self._tokens)
            and self._tokens[place].kind == "sign"
            and self._tokens[place].text in signs.split()
        ):
            return self._tokens[place].text
        return ""

    def _take(self, *kinds: str) -> Token:
        if self._kind() not in kinds:
            raise NotRead(f"{self._kind()} instead of {kinds}")
        self._place += 1
        return self._tokens[self._place - 1]

    def _maybe(self, kind: str) -> bool:
        self._place += (there := self._kind() == kind)
        return there

    def _steps(self) -> Formula:
        left = self._order() or self._sum()
        while (after := self._next_step()) is not None:
            sign, right = after
            left = joined(left, sign, right)
            left = self._more(self._more_products(left))
        return left

    def _order(self) -> Formula | None:
        """`subtract 5 from 12`"""
        kind = self._kind()
        if kind not in ("add", "subtract", "multiply", "divide"):
            return None
        self._take(kind)
        if kind in ("add", "subtract"):
            first = self._product()
            self._take(*(("from",) if kind == "subtract" else ("to", "and")))
            return joined(self._product(), "-", first) if kind == "subtract" else joined(first, "+", self._product())
        first = self._signed()
        self._take(*(("by",) if kind == "divide" else ("by", "and")))
        return self._more(self._more_products(joined(first, "/" if kind == "divide" else "*", self._signed())))

    def _next_step(self) -> tuple[str, Formula] | None:
        """What is done with all that came before: `and then multiply it by 2`, `再乘以二`."""
        begin = self._place
        comma, joined, then = self._maybe(","), self._maybe("and"), self._maybe("then")
        kind = self._kind()
        if kind in ("add", "subtract", "multiply", "divide") and (comma or joined or then):
            self._take(kind)
            if kind in ("add", "subtract"):
                return ("+" if kind == "add" else "-"), self._product()
            self._maybe("it")
            self._take("by")
            return ("*" if kind == "multiply" else "/"), self._signed()
        sign = self._sign("+ - * /")
        # After a comma alone nobody knows what `2 plus 3, times 4` is; a sum goes on as it would.
        if sign and (then or (comma and sign in "+-")):
            self._take("sign")
            return sign, (self._product() if sign in "+-" else self._signed())
        self._place = begin
        return None

    def _sum(self) -> Formula:
        return self._more(self._product())

    def _more(self, left: Formula) -> Formula:
        while True:
            if sign := self._sign("+ -"):
                self._take("sign")
                left = joined(left, sign, self._product())
            elif self._maybe("less"):
                left = self._subtracted(left)
            else:
                return left

    def _subtracted(self, what: Formula) -> Formula:
        return joined(self._product(), "-", what)

    def _product(self) -> Formula:
        return self._more_products(self._signed())

    def _more_products(self, left: Formula) -> Formula:
        while True:
            if sign := self._sign("* / // %"):
                self._take("sign")
                left = joined(left, sign, self._signed())
            elif self._kind() == "of" and left.kind == "fraction":
                self._take("of")
                left = joined(left, "*", self._signed())
            elif self._kind() == "percent" and self._remainder():
                self._take("percent")
                left = joined(left, "%", self._signed())
            else:
                return left

    def _remainder(self) -> bool:
        """The sign, and not the word, before a number."""
        return self._tokens[self._place].text == "%" and self._kind(1) in _BEGINS

    def _signed(self) -> Formula:
        self._deep += 1
        if self._deep > DEEPEST:
            raise NotRead("too deep")
        # Not a plus: `plus 3` goes on from something that is not here.
        if self._sign("-"):
            self._take("sign")
            inner = self._signed()
            found = negated(inner, inner.kind)
        else:
            found = self._power()
        self._deep -= 1
        return found

    def _power(self) -> Formula:
        base = self._what()
        if not self._sign("**"):
            return base
        self._take("sign")
        return joined(base, "**", self._signed())

    def _what(self) -> Formula:
        """A number, with all that belongs to it."""
        begin, found = self._place, self._first()
        while True:
            kind = self._kind()
            if kind in ("after", "的") and begin > 1 and self._tokens[begin - 1].over == "/":
                raise NotRead("2/3 squared may be 4/9 or 2/9")
            if kind == "percent" and not self._remainder():
                self._take("percent")
                found = Formula(f"{found.within(PRODUCT)}/100", PRODUCT, "percent", found.done)
            elif kind == "of" and found.kind in ("percent", "fraction"):
                self._take("of")
                found = joined(found, "*", self._signed())
            elif kind == "after":
                found = applied(self._take("after").text, found)
            elif kind == "的" and self._kind(1) not in ("with", "noun"):
                self._take("的")
                found = self._of_it(found)
            elif kind == "fold":
                raise NotRead("倍")
            else:
                return found

    def _of_it(self, what: Formula) -> Formula:
        """After 的."""
        if self._kind() == "after":
            return applied(self._take("after").text, what)
        if self._kind() == "number" and self._kind(1) in ("raised", "fold"):
            number = Formula(self._take("number").text)
            return joined(what, "**" if self._take("raised", "fold").kind == "raised" else "*", number)
        if what.kind in ("percent", "fraction"):
            return joined(what, "*", self._signed())
        if self._kind() == "number" and self._sign("/", 1) and self._kind(2) == "number":
            over = self._take("number").text
            self._take("sign")
            return joined(share(over, self._take("number").text, "fraction"), "*", what)
        if self._kind() in ("hundredths", "fraction") or self._kind(1) == "percent":
            part = self._first()
            if self._maybe("percent"):
                part = share(part.text, "100", "percent")
            return joined(part, "*", what)
        raise NotRead("的")

    def _first(self) -> Formula:
        token = self._take(
            "number", "mixed", "fraction", "hundredths", "part", "constant", "negative", "(", "call", "function",
            "total", "manifold",
        )  # fmt: skip
        if token.kind == "number":
            return self._number(token)
        if token.kind in ("mixed", "fraction", "hundredths"):
            kind = {"mixed": "", "fraction": "fraction", "hundredths": "percent"}[token.kind]
            return share(token.text, token.over, kind)
        if token.kind == "part":
            return share("1", token.text, "fraction")
        if token.kind == "constant":
            return Formula(token.text)
        if token.kind == "negative":
            return negated(self._first(), "negative")
        if token.kind == "manifold":
            return joined(Formula(token.text), "*", self._signed())
        return self._group(token)

    def _group(self, token: Token) -> Formula:
        """What has parts of its own."""
        self._deep += 1
        if self._deep > DEEPEST:
            raise NotRead("too deep")
        if token.kind == "(":
            found = self._sum()
            self._take(")")
            found = found._replace(kind="" if found.kind == "negative" else found.kind)
        elif token.kind == "call":
            self._take("(")
            given = [self._sum()]
            while self._maybe(","):
                given.append(self._sum())
            self._take(")")
            found = called(token.text, given)
        elif token.kind == "function":
            negative = self._sign("-")
            self._place += bool(negative)
            inner = self._first()
            found = applied(token.text, negated(inner) if negative else inner)
        else:
            found = self._total(token.text)
        self._deep -= 1
        return found

    def _total(self, sign: str) -> Formula:
        """`sum of 3, 4 and 5`"""
        given = [self._signed()]
        while self._kind() in (",", "and"):
            self._place += 1
            self._maybe("and")
            given.append(self._signed())
        return all_of(sign, given)

    def _number(self, token: Token) -> Formula:
        found = Formula(token.text)
        if self._kind() in ("part", "parts"):
            # `twenty third` is no fraction.
            if self._kind() == "part" and token.text != "1":
                raise NotRead("an ordinal number")
            return share(token.text, self._take("part", "parts").text, "fraction")
        if self._kind() == "and" and self._kind(1) == "part" and self._kind(2) != "of":
            self._take("and")
            return Formula(f"{token.text}+1/{self._take('part').text}", SUM)
        ahead = 0
        while self._kind(ahead) == "," and self._kind(ahead + 1) == "number":
            ahead += 2
        if self._kind(ahead) == "with" and self._kind(ahead + 1) == "number":
            return self._of_several(found)
        return found

    def _of_several(self, first: Formula) -> Formula:
        """三和五的和"""
        given = [first]
        while self._maybe("with") or self._maybe(","):
            given.append(Formula(self._take("number").text))
        self._take("的")
        noun = self._take("with", "noun")
        if noun.text == "与":
            raise NotRead("与")
        return all_of("+" if noun.kind == "with" else noun.text, given)
