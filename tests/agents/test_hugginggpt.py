"""HuggingGPT: plans that are put right or told to be wrong, who is chosen, what runs at once, what the answer says."""

import asyncio
import json
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents import catalog
from agents.hugginggpt_options import HuggingGPTOptions
from agents.moe_options import MoeOptions
from agents.replay import replay
from agents.run import RunInput
from agents.task_board import End
from agents.task_choice import within
from agents.task_plan import Form, Task, filled, named, plan_type
from backends.extractive import Extractive
from backends.json_text import NotJSON, json_in
from tests.agents.fakes import Shelf, run, warnings
from tests.agents.planned import HUGGINGGPT, TOOLBOX, Model, began, deps, ends, task
from tests.agents.recording import as_json, record
from tests.agents.test_task_graph import longest, plans
from tests.agents.virtual_clock import run_virtually
from tools.base import Context, tool
from tools.registry.entry import Entry

CHAIN = [
    task(0, "arithmetic", expression="40 + 2"),
    task(1, "unit-conversion", [0], amount="<resource>-0", unit="mile", to="km"),
    task(2, "arithmetic", expression="1/0"),
    task(3, "summarization", [2], text="Sum up: <resource>-2"),
    task(4, "text-generation", text="A poem"),
]


async def test_tasks_build_on_each_other_and_the_answer_names_experts_results_and_failures():
    model = Model([CHAIN])
    told = await run(HUGGINGGPT, deps(model), RunInput(question="Do it all."))
    found = ends(told)
    assert found[0] == "42"
    assert found[1].startswith("42 mile = 67.59")
    assert "division by zero" in found[2]
    assert found[3] == "!it needs the result of task 2, which failed"
    assert found[4] == "done: A poem"
    plan = next(event for event in told if event.type == "plan")
    assert plan.steps[1].startswith('1 unit-conversion after 0 {"amount": "<resource>-0"')
    answer = told[-1].answer
    assert answer.startswith(
        "All done.\n\nWhat was done:\n- 0 arithmetic, calculator: 42\n- 1 unit-conversion, units: 42"
    )
    assert "- 2 arithmetic, calculator: failed: " in answer
    assert "- 3 summarization, model: not begun, because task 2 failed" in answer
    (asked,) = model.of("respond")
    assert '<tool_result tool="calculator" task="2 arithmetic" failed="true">' in asked.messages[-1].content
    assert {request.temperature for request in model.of("plan")} == {0.0}


async def test_a_report_is_in_the_language_of_the_question_and_can_be_left_out():
    told = await run(HUGGINGGPT, deps(Model([CHAIN])), RunInput(question="请全部做完"))
    assert "所做的任务：\n- 0 arithmetic, calculator: 42" in told[-1].answer
    assert "未开始，因为任务 2 失败了" in told[-1].answer
    told = await run(HUGGINGGPT, deps(Model([CHAIN]), report=False), RunInput(question="Do it all."))
    assert told[-1].answer == "All done."


async def test_a_bare_list_with_the_authors_marks_is_a_plan_too():
    text = '[{"task": "arithmetic", "id": 0, "dep": [-1], "args": {"expression": "6*7"}}, {"task": "summarization", '
    text += '"id": 1, "dep": [0], "args": {"text": "<GENERATED>-0 and <GENERATED-0>"}}]'
    told = await run(HUGGINGGPT, deps(Model([text])))
    assert ends(told) == {0: "42", 1: "done: 42 and 42"}


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([task(0, "arithmetic", [1], expression="1"), task(1, "arithmetic", [0], expression="1")],
         "tasks need each other in a circle: 0 (arithmetic) -> 1 (arithmetic) -> 0 (arithmetic)"),
        ([task(0, "arithmetic", expression="<resource>-7")],
         "task 0 (arithmetic) needs task 7, which there is not; there are 0"),
        ([task(3, "arithmetic", [3], expression="1")], "task 3 (arithmetic) needs its own result"),
        ([task(0, "arithmetic", expression="1"), task(0, "arithmetic", expression="2")], "2 tasks have the id 0"),
        ([task(0, "text-to-video", text="a boy runs")], "task"),
        ([task(0, "arithmetic", formula="1")], "task 0 (arithmetic) has no argument formula; it takes expression"),
        ([task(0, "unit-conversion", amount=1)], "task 0 (unit-conversion) lacks the argument "),
        ([task(0, "summarization")], "task 0 (summarization) lacks the argument text"),
    ],
    ids=["circle", "dangling", "itself", "twice", "no such type", "no such argument", "lacking", "without text"],
)  # fmt: skip
async def test_a_plan_that_cannot_be_carried_out_is_sent_back_once_with_why(tasks, said):
    model = Model([tasks, CHAIN[:1]])
    told = await run(HUGGINGGPT, deps(model))
    assert warnings(told) == ["structured_output"]
    assert said in model.of("plan")[1].messages[-1].content
    assert ends(told) == {0: "42"}
    told = await run(HUGGINGGPT, deps(Model([tasks])))
    assert warnings(told) == ["structured_output", "no_plan"]
    (wrong,) = [event for event in told if event.type == "validated"]
    assert said in wrong.message
    assert (began(told), told[-1].type) == ([], "run_finished")
    assert told[-1].answer.startswith("All done.\n\n(No expert was called, because the plan cannot be used: ")


async def test_without_tasks_the_model_answers_by_itself():
    model = Model([[]])
    told = await run(HUGGINGGPT, deps(model), RunInput(question="Hello"))
    assert told[-1].answer == "All done."
    assert model.of("respond")[0].messages[-1].content == "Hello"


def test_the_authors_own_examples_are_plans_but_for_two_that_are_no_json(data_dir):
    told = json.loads((data_dir / "hugginggpt" / "demo_parse_task.json").read_text("utf-8"))
    rows = (data_dir / "hugginggpt" / "p0_models.jsonl").read_text("utf-8").splitlines()
    types = {json.loads(row)["task"] for row in rows} | {"openpose-control", "openpose-text-to-image"}
    plan = plan_type({name: Form() for name in types}, 20)
    needs = []
    for said in told[1::2]:
        try:
            made = plan.model_validate_json(json.dumps(json_in(said["content"])))
        except (NotJSON, ValidationError):
            needs.append(None)
        else:
            needs.append([one.needs() for one in made.tasks])
    # Brackets too many in the first, one missing in the third.
    assert needs == [None, [(), (), (1,), (0,), (), (0,)], None, [(), (0,)], [(), (), ()], [(), ()]]


EXPERTS = [
    {"id": "small", "tasks": ["translation"], "downloads": 10, "backend": "own", "description": "A small one."},
    {"id": "org/large", "tasks": ["translation"], "downloads": 9000, "backend": "own", "description": "L" * 300},
    {"id": "middle", "tasks": ["translation", "x"], "downloads": 500, "backend": "own", "description": "中等"},
    {"id": "unreachable", "tasks": ["translation"], "downloads": 10**6, "backend": "other:x"},
]


async def test_experts_are_offered_by_downloads_and_the_models_choice_is_told_with_its_reason():
    model = Model([[task(0, "translation", text="x")]], {0: {"id": "middle", "reason": "it reads Chinese"}})
    told = await run(HUGGINGGPT, deps(model, experts=EXPERTS, top=3, approve="none"))
    (routed,) = [event for event in told if event.type == "routed"]
    assert routed.experts == ("org/large", "middle", "small")
    assert (routed.method, routed.chosen, routed.gates) == ("model", (("middle",),), ((9000.0, 500.0, 10.0),))
    asked = model.of("choose")[0].messages[0].content
    assert f"- org/large: {'L' * 99}… (9,000 downloads)" in asked
    assert [event.text for event in told if event.type == "thought"] == [
        "Task 0, translation: middle, it reads Chinese"
    ]
    assert began(told) == [(0, "middle")]


@pytest.mark.parametrize("answer", ["the best one", {"id": "nosuch", "reason": "x"}, {"id": "small"}])
async def test_a_choice_that_cannot_be_read_falls_back_to_the_first_and_says_so(answer):
    model = Model([[task(0, "translation", text="x")]], {0: answer})
    told = await run(HUGGINGGPT, deps(model, experts=EXPERTS))
    assert len(model.of("choose")) == 2
    assert began(told) == [(0, "org/large")]
    assert warnings(told) == ["structured_output", "no_choice"]
    assert "org/large is taken, the first" in next(e.message for e in told if getattr(e, "code", "") == "no_choice")


async def test_nobody_is_asked_where_there_is_no_choice():
    model = Model([[task(0, "translation", text="x"), task(1, "x", text="y")]])
    told = await run(HUGGINGGPT, deps(model, experts=EXPERTS, choose="first"))
    assert (model.of("choose"), sorted(began(told))) == ([], [(0, "org/large"), (1, "middle")])
    assert [event.method for event in told if event.type == "routed"] == ["downloads", "only"]


def test_the_offer_keeps_to_its_budget_of_tokens():
    entries = [Entry(id=f"e{n}", tasks=("t",), description="字" * 80) for n in range(9)]
    assert len(within(entries, 100_000)) == 9
    assert 1 < len(within(entries, 400)) < 9
    assert [entry.id for entry in within(entries, 1)] == ["e0"]


class Meeting:
    """A tool that returns only once as many calls of it are under way as it was told."""

    def __init__(self, count):
        self.count, self.here, self.all_here, self.most = count, 0, asyncio.Event(), 0

    def tool(self):
        @tool(name="meet")
        async def meet(name: str) -> str:
            """Wait for the others."""
            self.here += 1
            self.most = max(self.most, self.here)
            if self.here == self.count:
                self.all_here.set()
            try:
                async with asyncio.timeout(20):
                    await self.all_here.wait()
            finally:
                self.here -= 1
            return f"met {name}"

        return meet


async def test_tasks_that_do_not_need_each_other_run_at_once_and_no_round_holds_them_up():
    """2 waits for 0 alone, and meets 1: were there rounds, 1 would have to end before 2 begins."""
    meeting = Meeting(2)
    plan = [
        task(0, "arithmetic", expression="1+1"),
        task(1, "meet", name="one"),
        task(2, "meet", [0], name="two of <resource>-0"),
    ]
    told = await run(HUGGINGGPT, deps(Model([plan]), toolbox={**TOOLBOX, "meet": meeting.tool()}))
    assert ends(told) == {0: "2", 1: "met one", 2: "met two of 2"}
    assert meeting.most == 2


@tool(name="wait", seconds=1000)
async def wait(seconds: float, after: list[str]) -> str:
    """Wait."""
    await asyncio.sleep(seconds)
    return f"{seconds}"


@settings(max_examples=12)
@given(plans(8))
def test_a_run_takes_as_long_as_the_longest_chain_of_its_plan(plan):
    """The whole pipeline on a clock that jumps: graph, steps, tools and all."""
    needs, seconds = plan
    tasks = [
        task(id, "wait", seconds=seconds[id], after=[f"<resource>-{need}" for need in all_])
        for id, all_ in needs.items()
    ]
    given_ = deps(Model([tasks]), toolbox={"wait": wait}, choose="first")
    told, wall = run_virtually(run(HUGGINGGPT, given_))
    assert ends(told) == {id: str(seconds[id]) for id in needs}
    places = {(event.type, event.task): place for place, event in enumerate(told) if event.type.startswith("task_")}
    assert all(
        places["task_finished", need] < places["task_started", id] for id, all_ in needs.items() for need in all_
    )
    assert wall <= 1.2 * longest(needs, seconds)


async def test_no_more_run_at_once_than_the_width():
    meeting = Meeting(1)
    plan = [task(n, "meet", name=str(n)) for n in range(6)]
    told = await run(HUGGINGGPT, deps(Model([plan]), toolbox={**TOOLBOX, "meet": meeting.tool()}, width=1))
    assert (len(ends(told)), meeting.most) == (6, 1)


async def test_a_cancelled_run_cancels_its_tasks_and_says_what_was_done():
    here, stop, left = [], asyncio.Event(), []

    @tool(name="hang")
    async def hang(name: str) -> str:
        """Never end."""
        here.append(name)
        if len(here) == 2:
            stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.append(name)

    plan = [task(0, "arithmetic", expression="6*7"), task(1, "hang", [0], name="a"), task(2, "hang", [0], name="b")]
    given_ = deps(Model([plan]), toolbox={**TOOLBOX, "hang": hang})
    told = await run(HUGGINGGPT, given_, RunInput(question="Go"), stop=stop)
    assert told[-1].type == "run_cancelled"
    assert told[-1].answer == "- 0 arithmetic, calculator: 42"
    assert sorted(left) == ["a", "b"]


@settings(max_examples=10)
@given(
    st.one_of(
        st.text(max_size=80),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just("arithmetic"),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["tasks", "task", "id", "dep", "args", "expression"]), inner, max_size=4
                )
            ),
            max_leaves=12,
        ).map(json.dumps),
    )
)
def test_whatever_the_model_says_is_a_plan_or_none(text):
    told = asyncio.run(run(HUGGINGGPT, deps(Model([text]))))
    assert told[-1].type == "run_finished"
    assert [event.ok for event in told if event.type == "validated"] in ([True], [False])


@tool(needs_approval=True)
def pay(text: str) -> str:
    """Send money."""
    return f"paid {text}"


@pytest.mark.slow
async def test_a_person_is_asked_while_others_go_on_and_what_needs_the_answer_waits():
    plan = [
        task(0, "arithmetic", expression="2+3"),
        task(1, "pay", [0], text="<resource>-0 euros"),
        task(2, "summarization", [1], text="<resource>-1"),
        task(3, "text-generation", [0], text="on <resource>-0"),
    ]
    with_pay = deps(Model([plan]), toolbox={**TOOLBOX, "pay": pay})
    cassette = await record(HUGGINGGPT, with_pay, RunInput(question="Pay!"), durable=True)
    told = cassette.run.events
    assert told[-1].type == "run_interrupted"
    assert told[-1].questions[0].value["details"]["arguments"] == {"text": "5 euros"}
    assert ends(told) == {0: "5", 3: "done: on 5"}
    assert await replay(cassette) == as_json(cassette)


async def test_pipelines_and_tools_that_search_are_experts_where_there_is_a_collection():
    plan = [
        task(0, "document-question-answering", text="How tall?"),
        task(1, "reasoning", text="1+1"),
        task(2, "passage-retrieval", query="tower"),
    ]
    told = await run(HUGGINGGPT, deps(Model([plan]), shelf=Shelf("The tower is 330 metres tall.")))
    assert told[-1].type == "run_finished"
    assert sorted(began(told)) == [(0, "rag"), (1, "cot"), (2, "search")]
    assert {"work/retrieve"} <= {event.node for event in told}
    told = await run(HUGGINGGPT, deps(Model([plan])))
    assert warnings(told)[-1] == "no_plan"


async def test_a_plan_over_tools_that_ask_the_model_at_the_same_time_replays():
    plan = [task(n, "translation", text=f"text {n}", to="German") for n in range(3)]
    plan += [task(3, "reasoning", text="<resource>-0 <resource>-1"), task(4, "arithmetic", [2], expression="1/0")]
    model = Model([plan], {n: {"id": "translate", "reason": "made for it"} for n in range(3)})
    for durable in (False, True):
        cassette = await record(HUGGINGGPT, deps(model, width=2), RunInput(question="Go"), durable=durable)
        assert cassette.run.events[-1].type == "run_finished"
        assert await replay(cassette) == as_json(cassette)


@tool(name="doze")
async def doze(seconds: float, after: list[str]) -> str:
    """Wait a little."""
    await asyncio.sleep(seconds)
    return f"dozed {seconds}"


@pytest.mark.parametrize("seeds", [range(6), pytest.param(range(6, 40), marks=pytest.mark.slow)], ids=["a few", "many"])
async def test_runs_of_random_plans_replay_however_their_tasks_raced(seeds):
    for seed in seeds:
        dice, plan = Random(seed), []
        for id in range(dice.randint(3, 9)):
            needs = sorted(dice.sample(range(id), min(id, dice.randint(0, 2))))
            kind = dice.choice(["translation", "reasoning", "doze", "doze"])
            args = {
                "translation": {"text": f"t{id}", "to": "German"},
                "reasoning": {"text": f"t{id}"},
                "doze": {"seconds": dice.random() / 100, "after": [f"<resource>-{need}" for need in needs]},
            }
            plan.append({"task": kind, "id": id, "dep": needs, "args": args[kind]})
        model = Model([plan], {key: {"id": "translate", "reason": "made for it"} for key in range(9)})
        given_ = deps(model, toolbox={**TOOLBOX, "doze": doze}, width=dice.choice([1, 2, 3, 8]))
        cassette = await record(HUGGINGGPT, given_, RunInput(question="Go"), durable=bool(seed % 2))
        assert cassette.run.events[-1].type == "run_finished"
        assert await replay(cassette) == as_json(cassette), seed


class Gate:
    scripts = frozenset({"Latin"})

    async def scores(self, questions, experts, trained):
        return [[0.9, 0.8] for _ in questions], "the test"


async def test_two_side_by_side_within_a_mixture_keep_their_tasks_apart():
    plan = [task(0, "arithmetic", expression="6*7"), task(1, "summarization", text="<resource>-0")]
    experts = [{"name": name, "pipeline": "hugginggpt", "options": {"width": 1}} for name in "ab"]
    options = {"method": "top2", "second": "threshold", "experts": experts, "combine": "list"}
    given_ = replace(
        deps(Model([plan]), reach=Context(gate=Gate())), options=MoeOptions.model_validate(options)
    )  # fmt: skip
    cassette = await record(catalog.get("moe"), given_, RunInput(question="Go"), durable=True)
    assert cassette.run.events[-1].answer.count("- 1 summarization, model: done: 42") == 2
    assert await replay(cassette) == as_json(cassette)


async def test_without_a_model_nothing_is_planned_and_it_says_so():
    async def quote(question, sources):
        return ()

    told = await run(HUGGINGGPT, replace(deps(Model()), backend=Extractive(quote)))
    assert told[-1].type == "run_finished"
    assert "no_plan" in warnings(told)


async def test_a_registry_that_there_is_not_is_told():
    told = await run(HUGGINGGPT, deps(Model([[]]), registry="nosuch", reach=Context()))
    assert "there is no registry 'nosuch'" in told[-1].answer


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"experts": [{"id": "a", "tasks": ["t"]}]}, "names no tool, pipeline, backend or url"),
        ({"experts": [{"id": "a", "tasks": ["t"], "tool": "x", "url": "http://x"}]}, "is one of them"),
        ({"experts": [{"id": "a", "tasks": [], "tool": "x"}]}, "at least 1"),
        ({"experts": [{"id": "a", "tasks": ["t"], "pipeline": "hugginggpt"}]}, "no expert of itself"),
        ({"experts": [{"id": "a", "tasks": ["t"], "pipeline": "rag", "options": {"k": 0}}]}, "'k' of 'rag'"),
        ({"experts": [{"id": "a", "tasks": ["t"], "tool": "x", "options": {"k": 0}}]}, "only a pipeline takes"),
        ({"experts": [{"id": "a", "tasks": ["t"], "tool": "x"}] * 2}, "two experts are called 'a'"),
        ({"pipelines": ["ragg"]}, "there is no pipeline 'ragg'"),
        ({"experts": [{"id": "a", "tasks": ["t"], "tool": "x", "path": "/etc"}]}, "Extra inputs"),
    ],
)
def test_options_are_held_to_what_can_be_called(options, said):
    with pytest.raises(ValidationError, match=said):
        HuggingGPTOptions.model_validate_json(json.dumps(options), strict=True)


def test_results_take_the_places_of_their_names():
    made = Task.model_validate(task(4, "t", [1], a="<resource>-2", b=["x <Generated>- 3 y", {"c": "<GENERATED-2>"}]))
    assert made.needs() == (1, 2, 3)
    assert list(named({"x": "<image>-1", "y": 7})) == []
    known = {2: End(task=2, text="7.5"), 3: End(task=3, text="三")}
    assert filled(made.args, known) == {"a": "7.5", "b": ["x 三 y", {"c": "7.5"}]}
    assert filled(made.args, known, as_json=True) == {"a": 7.5, "b": ["x 三 y", {"c": 7.5}]}
