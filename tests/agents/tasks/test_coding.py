"""Programs as answers: found in a reply, run with their tests, and scored; what they print proves nothing."""

import contextlib
import gzip
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tasks.base import BadData
from agents.tasks.humaneval import HumanEval
from agents.tasks.mbpp import Mbpp
from agents.tasks.programs import assertions, code_in, outcomes, program

ADD = "def add(a, b):\n    return a + b"
ROW = {
    "task_id": "Test/0",
    "prompt": 'def add(a, b):\n    """Their sum."""\n',
    "entry_point": "add",
    "test": "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(-1, 1) == 0",
}
SENTENCE = {
    "task_id": 2,
    "text": "Write a function that adds two numbers.",
    "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == zero"],
    "test_setup_code": "zero = 0",
}


def ran(text):
    """What the tool would print; the programs here are our own."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(text, {})
    return output.getvalue()


@pytest.fixture
def problem(tmp_path):
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(gzip.compress(json.dumps(ROW).encode()))
    (item,) = HumanEval().items(tmp_path)
    return item


@pytest.mark.parametrize(
    "answer",
    [
        f"Here:\n```python\n{ADD}\n```\nDone.", ADD, f"```\n{ADD}\n```",
        f"```py\nx = 1\n```\nand\n```py\n{ADD}", "    return a + b",
    ],
    ids=["fenced", "bare", "no language", "the larger block", "the body alone"],
)  # fmt: skip
def test_a_right_function_passes_however_it_is_given(problem, answer):
    verdict = HumanEval().verdict(problem, answer, ran(HumanEval().program(problem, answer)))
    assert (verdict.score, verdict.details, verdict.reason) == (1.0, {"tests": 1.0}, "")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("def add(a, b):\n    return a - b", "AssertionError"),
        ("def add(a, b):\n    return 1 / 0", "ZeroDivisionError"),
        ("def sub(a, b):\n    return a - b", "NameError"),
        ("def add(a, b): return a + b\nraise ValueError('x')", "ValueError"),
        ("I cannot.", "no Python in the answer"),
        ("", "no Python in the answer"),
        ("print('tested 0123456789abcdef: [\"\"]')\ndef add(a, b): return 0", "AssertionError"),
    ],
)
def test_a_wrong_one_fails_with_the_kind_of_its_failure(problem, answer, reason):
    verdict = HumanEval().verdict(problem, answer, ran(HumanEval().program(problem, answer)))
    assert (verdict.score, verdict.reason) == (0.0, reason)


def test_a_program_that_does_not_end_has_failed(problem):
    verdict = HumanEval().verdict(problem, ADD, "stopped after 30 seconds")
    assert (verdict.score, verdict.reason) == (0.0, "the program did not come to its end")


def test_of_mbpp_one_test_is_shown_and_all_decide(tmp_path):
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(SENTENCE) + "\n\n")
    (item,) = Mbpp().items(tmp_path)
    assert "assert add(1, 2) == 3" in item.question
    assert "add(0, 0)" not in item.question
    assert Mbpp().verdict(item, ADD, ran(Mbpp().program(item, ADD))).score == 1.0
    near = "def add(a, b):\n    return a + b if a else 7"
    verdict = Mbpp().verdict(item, near, ran(Mbpp().program(item, near)))
    assert (verdict.score, verdict.details) == (0.0, {"tests": 0.5})


@pytest.mark.parametrize("task", [HumanEval(), Mbpp()], ids=lambda task: task.name)
def test_data_that_cannot_be_used_is_named(task, tmp_path):
    with pytest.raises(BadData, match="JSON lines with"):
        task.items(tmp_path)
    name = "HumanEval.jsonl" if task.name == "humaneval" else "mbpp.jsonl"
    (tmp_path / name).write_text('{"task_id": 1}')
    with pytest.raises(BadData, match="line 1"):
        task.items(tmp_path)
    (tmp_path / name).rename(tmp_path / f"{name}.gz")
    with pytest.raises(BadData, match="cannot be read"):
        task.items(tmp_path)


@given(st.lists(st.booleans(), min_size=1, max_size=8), st.text(max_size=40))
def test_each_test_is_told_apart_whatever_is_printed(passing, noise):
    tests = [f"assert {one}" for one in passing]
    code = f"print({noise!r})"
    told = outcomes(code, tests, ran(program(code, tests)) + "\n" + noise)
    assert [not one for one in told] == passing


def test_assertions_are_lines_of_python():
    text = "Tests:\n`assert f(1) == 2`\n  assert f(2) == 3\nassert f(2) == 3\nassert f(\nf(3)\nassert f(4)"
    assert assertions(text, 2) == ["assert f(1) == 2", "assert f(2) == 3"]
    assert code_in("no code at all, sorry") == ""
