"""Programs as answers: found in a reply, run with their tests, and scored; what they print proves nothing."""

import asyncio
import contextlib
import gzip
import io
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tasks.base import BadData
from agents.tasks.exam import Exam, examined
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
WRONG = "def add(a, b):\n    return 7"
ATTACKS = {
    "another json": f"import json\njson.dumps = lambda *a, **k: '[\"\"]'\n{WRONG}",
    "another print": f"import builtins\nbuiltins.print = lambda *a: None\n{WRONG}",
    "an exit": f"import sys\n{WRONG}\nsys.exit(0)",
    "an end": f"import os\n{WRONG}\nos._exit(0)",
    "an end in the call": "import os\ndef add(a, b):\n    os._exit(0)",
    "equal to all": "class All:\n    def __eq__(self, other): return True\ndef add(a, b): return All()",
    "a number equal to all": "class All(int):\n    def __eq__(self, other): return True\ndef add(a, b): return All(7)",
    "a list equal to all": "class All(list):\n    def __eq__(self, other): return True\ndef add(a, b): return All()",
    "no assertions": f"import builtins\nbuiltins.AssertionError = SystemExit\n{WRONG}",
    "a verdict": "import hashlib, gc, sys\n"
    "marks = {one for one in gc.get_objects() if isinstance(one, str) and 'tested ' in one}\n"
    "marks |= {v for f in [sys._getframe(n) for n in range(2)] for v in f.f_locals.values() if isinstance(v, str)}\n"
    "for one in marks: sys.__stdout__.write(one + ': [\"\"]\\n')\n" + WRONG,
    "tests in frames": "import sys\ndef add(a, b):\n"
    "    frame = sys._getframe()\n    while frame:\n        text = repr(frame.f_locals) + repr(frame.f_globals)\n"
    "        if 'cand' 'idate' in text: return a + b\n        frame = frame.f_back\n    return 7",
    "tests in memory": "import gc\ndef add(a, b):\n"
    "    texts = [one for box in gc.get_objects() if isinstance(box, dict) for one in list(box.values())]\n"
    "    return a + b if any(isinstance(one, str) and 'assert cand' 'idate' in one for one in texts) else 7",
    "another built-in": f"abs = eval = len = repr = isinstance = lambda *a: 0\n{WRONG}",
    "raises": "def add(a, b): raise SystemExit",
    "a forged reply": "import sys\ndef add(a, b):\n    sys.__stdout__.write('said: eJyrBQAARwCl\\n')\n    return 7",
    "a reply that is none": "import sys\nsys.__stdout__.write('said: !!\\n')\nimport os\nos._exit(0)\n" + WRONG,
}
BUILT = {
    "task_id": 5,
    "text": "Write the height of a tree.",
    "test_list": ["assert height(root) == 3", "assert sorted(max(root, 2)) == [1, 2]", "assert isclose(half(3), 1.5)"],
    "test_setup_code": "root = Node(1)\nroot.left = Node(2)\nroot.left.left = Node(4)",
    "test_imports": ["from math import isclose"],
    "code": "class Node: pass\ndef height(n): pass\ndef max(n, k): pass\ndef half(n): pass",
}
TREE = """
class Node:
    def __init__(self, value):
        self.value, self.left, self.right = value, None, None
def height(node):
    return 0 if node is None else 1 + __builtins__.max(height(node.left), height(node.right))
def max(node, k):
    yield node.left.value
    yield node.value
def half(n):
    return n / 2
""".replace("__builtins__.max", "(lambda a, b: a if a > b else b)")
SENTENCE = {
    "task_id": 2,
    "text": "Write a function that adds two numbers.",
    "test_list": ["assert add(1, 2) == 3", "assert add(0, 0) == zero"],
    "test_setup_code": "zero = 0",
}


def done(exam):
    """What came of an exam whose programs do no harm to this process."""

    async def runs(text):
        return ran(text)

    return asyncio.run(examined(exam, runs))


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
    verdict = HumanEval().verdict(problem, answer, done(HumanEval().exam(problem, answer)))
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
    verdict = HumanEval().verdict(problem, answer, done(HumanEval().exam(problem, answer)))
    assert (verdict.score, verdict.reason) == (0.0, reason)


def test_a_program_that_does_not_end_has_failed(problem):
    verdict = HumanEval().verdict(problem, ADD, "stopped after 30 seconds")
    assert (verdict.score, verdict.reason) == (0.0, "the program did not come to its end")


async def in_processes(text):
    process = await asyncio.create_subprocess_exec(sys.executable, "-ISc", text, stdout=PIPE, stderr=DEVNULL)
    return (await process.communicate())[0].decode()


SLOW = [pytest.param(answer, id=name, marks=pytest.mark.slow) for name, answer in list(ATTACKS.items())[1:]]


@pytest.mark.parametrize("answer", [ATTACKS["another json"], *SLOW])
async def test_nothing_but_right_results_passes(problem, answer):
    exam = HumanEval().exam(problem, f"```python\n{answer}\n```")
    assert exam.code
    verdict = HumanEval().verdict(problem, f"```python\n{answer}\n```", await examined(exam, in_processes))
    assert verdict.score == 0.0


def test_objects_stay_where_they_are(tmp_path):
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(BUILT))
    (item,) = Mbpp().items(tmp_path)
    verdict = Mbpp().verdict(item, TREE, done(Mbpp().exam(item, TREE)))
    assert (verdict.score, verdict.reason) == (1.0, "")


def test_calls_in_loops_and_of_results():
    tests = (
        "import random\ndef check(f):\n    for n in range(50):\n        x = random.random()\n        y = f(x)\n"
        "        assert abs(g(y) - x) < 1e-9\n    assert f(f(1)) == f(1) + 1 == 3\n"
        "    assert f(float('inf')) == float('inf')\n"
        "check(f)",
        "try:\n    f('a')\nexcept TypeError as error:\n    assert 'str' in str(error)\nelse:\n    assert False",
        "given = ([1], {2: (3,)}, {4}, set(), None, b'5', True, 'ä\\n')\nassert kinds(given) == [given]",
    )
    code = "def f(x): return x + 1\ndef g(x): return x - 1\ndef kinds(x): return [x]"
    exam = Exam(code, tests, entries=("f",))
    assert outcomes(code, tests, done(exam)) == ["", "", ""]


def test_of_mbpp_one_test_is_shown_and_all_decide(tmp_path):
    (tmp_path / "mbpp.jsonl").write_text(json.dumps(SENTENCE) + "\n\n")
    (item,) = Mbpp().items(tmp_path)
    assert "assert add(1, 2) == 3" in item.question
    assert "add(0, 0)" not in item.question
    assert Mbpp().verdict(item, ADD, done(Mbpp().exam(item, ADD))).score == 1.0
    near = "def add(a, b):\n    return a + b if a else 7"
    verdict = Mbpp().verdict(item, near, done(Mbpp().exam(item, near)))
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
