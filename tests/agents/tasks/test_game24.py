"""The Game of 24 by exact arithmetic: its solver against brute force, its checker against ways to cheat."""

import csv
import itertools
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tasks.base import BadData
from agents.tasks.game24 import Game24, check, numbers_of, solvable, steps

RIGHT = [
    "(4 * 5) + (10 - 6) = 24",
    "Answer: 4*5 + 10 - 6",
    "Some thoughts first.\nanswer is: (10 - 6) + 5 * 4 = 24",
    "答案：（10－6）＋5×4 = 24",
    "10 - 6 + 4 × 5",
    "`4 * 5 - (6 - 10)`",
]
WRONG = {
    "6 * 4": "uses 6 4",
    "4 * 6 * 10 / 5 / 2": "uses 4 6 10 5 2",
    "4 * 5 + 10 - 6 - 0": "uses",
    "4 + 5 + 6 + 10": "makes 25",
    "24": "uses 24",
    "10 / (5 - 5) + 4 * 6": "division by zero",
    "4 ** 5 - 10 * 6": "Pow",
    "4 // 5 + 6 * 10": "FloorDiv",
    "-4 + 5 + 6 + 10": "UnaryOp",
    "4.0 * 5 + 10 - 6": "Constant",
    "4 * 5 + 10 - 6 if 1 else 2": "IfExp",
    "__import__('os').system('true') + 4 + 5 + 6 + 10": "Call",
    "(lambda: 4)() + 5 + 6 + 10": "Call",
    "no idea": "no expression",
    "": "no expression",
    "4" * 1_000: "too long",
    "(" * 90 + "4": "not an expression",
}


@pytest.mark.parametrize("answer", RIGHT)
def test_every_form_of_a_solution_is_right(answer):
    assert check("4 5 6 10", answer).correct


@pytest.mark.parametrize("answer", WRONG)
def test_what_is_not_a_solution_says_why(answer):
    outcome = check("4 5 6 10", answer)
    assert not outcome.correct
    assert WRONG[answer] in outcome.reason


@pytest.mark.slow
def test_every_puzzle_of_the_set_is_solvable(data_dir):
    with (data_dir / "game24" / "24.csv").open() as file:
        puzzles = [row["Puzzles"] for row in csv.DictReader(file)]
    assert len(puzzles) == 1362
    assert all(solvable(numbers_of(puzzle)) for puzzle in puzzles)


def test_the_papers_hundred_are_the_items(data_dir):
    items = Game24().items(data_dir / "game24")
    assert (len(items), items[0].id, items[0].question, items[-1].id) == (100, "900", "4 5 6 10", "999")
    with pytest.raises(BadData, match=r"24\.csv"):
        Game24().items(data_dir / "gsm8k")


def brute(numbers):
    """Solvable, by trying all orders, signs and the five ways to set brackets."""
    for a, b, c, d in itertools.permutations(numbers):
        for f, g, h in itertools.product("+-*/", repeat=3):
            for form in (
                "(({a}{f}{b}){g}{c}){h}{d}",
                "({a}{f}({b}{g}{c})){h}{d}",
                "({a}{f}{b}){g}({c}{h}{d})",
                "{a}{f}(({b}{g}{c}){h}{d})",
                "{a}{f}({b}{g}({c}{h}{d}))",
            ):
                text = form.format(**{"a": a, "b": b, "c": c, "d": d, "f": f, "g": g, "h": h})
                if check(" ".join(map(str, numbers)), text).correct:
                    return True
    return False


@pytest.mark.parametrize(
    "numbers", [(1, 1, 1, 1), (3, 3, 8, 8), (1, 5, 5, 5), (1, 1, 1, 8), (13, 13, 13, 13), (2, 2, 2, 3)]
)
def test_the_solver_agrees_with_brute_force(numbers):
    assert solvable([Fraction(number) for number in numbers]) == brute(numbers)


@given(st.lists(st.integers(1, 13), min_size=2, max_size=4))
def test_a_step_leaves_one_number_fewer_and_says_the_truth(numbers):
    for equation, left in steps([Fraction(number) for number in numbers]):
        a, sign, b, value = equation.replace(" = ", " ").split()
        assert eval(f"Fraction('{a}') {sign} Fraction('{b}')") == Fraction(value)
        assert len(left) == len(numbers) - 1
        assert Fraction(value) in left


def solution(parts):
    """A tree (left, sign, right) that makes 24 of the numbers, or None."""
    if len(parts) == 1:
        return parts[0][1] if parts[0][0] == 24 else None
    for i, j in itertools.permutations(range(len(parts)), 2):
        (x, left), (y, right) = parts[i], parts[j]
        rest = [part for place, part in enumerate(parts) if place not in (i, j)]
        for sign, value in (("+", x + y), ("-", x - y), ("*", x * y), ("/", x / y if y else None)):
            found = None if value is None else solution([*rest, (value, (left, sign, right))])
            if found is not None:
                return found
    return None


SOLVABLE = [(4, 5, 6, 10), (1, 2, 4, 7), (3, 3, 8, 8), (2, 5, 8, 11), (1, 5, 5, 5), (13, 10, 1, 1), (6, 6, 6, 6)]


@st.composite
def rewritten(draw):
    """A puzzle and one of the many ways to write a solution of it: the sides of + and * in any order, signs and blanks
    of any kind, brackets where they are not needed."""
    numbers = draw(st.sampled_from(SOLVABLE))
    tree = solution([(Fraction(number), str(number)) for number in numbers])
    signs = {"*": "*×✕·", "/": "/÷", "-": "-−–", "+": "+＋"}

    def written(node):
        if isinstance(node, str):
            text = node
        else:
            left, sign, right = node
            if sign in "+*" and draw(st.booleans()):
                left, right = right, left
            blank = draw(st.sampled_from(["", " ", "  "]))
            text = f"({written(left)}{blank}{draw(st.sampled_from(signs[sign]))}{blank}{written(right)})"
        return f"({text})" if draw(st.integers(0, 4)) == 0 else text

    expression = written(tree)
    form = draw(
        st.sampled_from(["{}", "{} = 24", "Answer: {} = 24", "Hm.\nanswer is {}", "答案：{}=24", "`{}`", "**{}**"])
    )
    return " ".join(map(str, numbers)), expression, form.format(expression)


@given(rewritten())
def test_every_way_to_write_a_solution_is_right(given):
    puzzle, _, answer = given
    outcome = check(puzzle, answer)
    assert outcome.correct, (answer, outcome.reason)


@given(rewritten(), st.data())
def test_other_numbers_or_one_used_twice_or_left_out_are_wrong(given, data):
    puzzle, expression, _ = given
    numbers = [*re.finditer(r"\d+", expression)]
    chosen = data.draw(st.sampled_from(numbers))
    other = data.draw(st.integers(1, 13).filter(lambda number: number != int(chosen[0])))
    changed = f"{expression[: chosen.start()]}{other}{expression[chosen.end() :]}"
    assert not check(puzzle, changed).correct
    assert not check(puzzle, f"{expression} + {chosen[0]} - {chosen[0]}").correct
    assert not check(puzzle, f"{expression} * 1").correct
    assert not check(puzzle, "24").correct


@given(st.text(max_size=80))
def test_no_text_is_more_than_wrong(answer):
    assert not check("1 1 1 1", answer).correct
