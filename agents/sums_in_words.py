"""Arithmetic read out of a question without a model: figures, signs, and the common words for both.

`What is 15 percent of three hundred and twenty?` -> `15/100*320`. The question is read whole or not at all: what is
left besides the words that ask is something that was not understood, be it a number, or what the question is about. A
story problem is no arithmetic here either (Karpas et al. 2022 find the same limit of extraction by rules).
"""

from __future__ import annotations

from agents.number_words import NoNumber
from agents.sum_grammar import Reader
from agents.sum_tokens import NotRead, tokens_of
from backends.python_syntax import parse_expression


def expression_in(question: str) -> str:
    """The formula that the question asks for, for the calculator; empty: it asks for none, or is not understood."""
    try:
        formula = Reader(tokens_of(question)).formula()
        parse_expression(formula)
    except (NotRead, NoNumber, SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    return formula
