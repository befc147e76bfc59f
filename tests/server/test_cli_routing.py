"""`sandtable eval bfcl-routing` and `eval bfcl`: on a few made cases, and on the leaderboard's."""

import json
import re

import pytest

from agents.tasks.bfcl import cases_in, key_calls, question_of
from tests.server.command_line import CommandLine


def function(name, description, *arguments):
    properties = {argument: {"type": "string", "description": argument} for argument in arguments}
    return {
        "name": name,
        "description": description,
        "parameters": {"type": "dict", "properties": properties, "required": list(arguments)},
    }


WEATHER = function("weather.get", "Tell the weather of a city.", "city")
TRAINS = function("trains.find", "Find trains between two stations.", "start", "end")
CASES = [
    {
        "id": "a",
        "question": [[{"role": "user", "content": "How is the weather in Rome?"}]],
        "function": [WEATHER, TRAINS],
        "ground_truth": [{"weather.get": {"city": ["Rome"]}}],
    },
    {
        "id": "b",
        "question": [[{"role": "user", "content": "Any trains from Oslo to Bergen?"}]],
        "function": [WEATHER, TRAINS],
        "ground_truth": [{"trains.find": {"start": ["Oslo"], "end": ["Bergen"]}}],
    },
]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in CASES))
    return CommandLine(capsys)


def test_routing_is_measured_three_ways_and_drawn(sandtable, tmp_path):
    routing = ("eval", "bfcl-routing", "--data", "cases")
    found = sandtable.fine(*routing, "--plot", "matrix.png", "--json").json
    assert (found["tools"], found["questions"]) == (2, 2)
    assert {by: recall["1"]["mean"] for by, recall in found["recall"].items()} == {
        "lexical": 1.0, "dense": 1.0, "hybrid": 1.0,
    }  # fmt: skip
    assert found["confusion"][0]["tool"] == found["confusion"][0]["routed_to"]
    assert (tmp_path / "matrix.png").stat().st_size > 5_000
    told = sandtable.fine(*routing)
    assert "recall@10" in told.out
    assert sandtable("eval", "bfcl-routing").code == 2
    assert sandtable("eval", "bfcl-routing", "--data", ".", "-n", "1").code == 0
    (tmp_path / "keyless").mkdir()
    keyless = json.dumps({**CASES[0], "ground_truth": []})
    (tmp_path / "keyless" / "cases.jsonl").write_text(keyless)
    told = sandtable("eval", "bfcl-routing", "--data", "keyless")
    assert (told.code, "'ground_truth' of one call" in told.err) == (2, True)
    assert sandtable("eval", "bfcl-routing", "--data", "none").code == 2


def test_calls_of_a_backend_are_scored_in_parts(sandtable, tmp_path):
    calls = [
        {"name": "weather_get", "arguments": {"city": "Rome"}},
        {"name": "trains_find", "arguments": {"start": "Oslo", "end": "Trondheim"}},
    ]
    replies = [{"match": call["arguments"].get("city", "Oslo"), "tool_calls": [call]} for call in calls]
    (tmp_path / "script.json").write_text(json.dumps(replies))
    found = sandtable.fine(
        "eval", "bfcl", "-b", "scripted:script.json", "--data", "cases", "--at-once", "1", "--json"
    ).json
    means = {name: metric["mean"] for name, metric in found["metrics"].items()}
    assert means == {"score": 0.5, "function": 1.0, "arguments": 0.5, "executable": 1.0}
    assert found["reasons"] == {"wrong value": 1}


def test_the_router_and_the_extraction_of_mrkl_are_scored_apart(sandtable, tmp_path):
    """Asked for: right; a wrong value; arguments that do not fit, twice; the wrong function; none."""
    said = {
        "Rome": ("weather_get", {"city": "Rome"}),
        "Oslo": ("trains_find", {"start": "Oslo", "end": "Trondheim"}),
        "Bern": ("weather_get", {"town": "Bern"}),
        "Kyiv": ("trains_find", {"start": "Kyiv", "end": "Lviv"}),
        "Lima": ("model", {}),
    }
    script = [
        {"match": city, "told": told, "text": json.dumps(value)}
        for city, (name, given) in said.items()
        for told, value in (("You are a router", {"expert": name}), ("Read out", given))
    ]
    more = [
        {**CASES[0], "id": city, "question": [[{"role": "user", "content": f"How is the weather in {city}?"}]],
         "ground_truth": [{"weather.get": {"city": [city]}}]}
        for city in ("Bern", "Kyiv", "Lima")
    ]  # fmt: skip
    # What does not fit is asked for again in a message of its own.
    script.append({"match": "cannot be used", "text": json.dumps({"town": "Bern"})})
    (tmp_path / "script.json").write_text(json.dumps(script))
    (tmp_path / "cases" / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in [*CASES, *more]))
    scored = ("eval", "bfcl", "-p", "mrkl", "-b", "scripted:script.json", "--data", "cases")
    found = sandtable.fine(*scored, "--json").json
    means = {name: (metric["mean"], metric["n"]) for name, metric in found["metrics"].items()}
    assert means == {
        "score": (0.2, 5),
        "function": (0.6, 5),
        "arguments": (pytest.approx(1 / 3), 3),
        "executable": (0.6, 5),
    }
    assert found["reasons"] == {"wrong value": 1, "no arguments": 1, "wrong name": 1, "no call": 1}
    assert (found["failed"], found["calls"]) == (0, 2.0)


@pytest.mark.slow
def test_the_router_of_mrkl_is_scored_without_a_model_and_bad_options_are_named(sandtable):
    scored = ("eval", "bfcl", "-p", "mrkl", "-b", "extractive", "--data", "cases")
    found = sandtable.fine(*scored, "-o", "router=hybrid", "-o", "min_score=0", "--json").json
    assert (found["metrics"]["function"]["mean"], found["reasons"]) == (1.0, {"no arguments": 2})
    assert "arguments" in sandtable.fine(*scored, "-o", "router=lexical").out
    assert sandtable("eval", "bfcl", "-p", "mrkl", "--data", "cases").code == 2
    assert sandtable(*scored, "-o", "shortlist=0").code == 2
    assert sandtable("eval", "bfcl", "-p", "mrkl", "-b", "nosuch:x", "--data", "cases").code == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bfcl", "bfcl-live-multiple"])
def test_a_backend_that_says_the_answer_keys_scores_all(sandtable, data_dir, tmp_path, name):
    """Through the service: the functions as tools of the client, the calls of its reply judged."""
    cases = {question_of(case): case for case in cases_in(data_dir / name) if "ground_truth" in case}
    script = [
        {
            "match": f"^{re.escape(question)}$",
            "tool_calls": [call._asdict() for call in key_calls(case["ground_truth"])],
        }
        for question, case in cases.items()
    ]
    (tmp_path / "keys.json").write_text(json.dumps(script))
    (tmp_path / "cases" / "cases.jsonl").write_text("".join(json.dumps(case) + "\n" for case in cases.values()))
    found = sandtable.fine("eval", "bfcl", "-b", "scripted:keys.json", "--data", "cases", "-n", "200", "--json").json
    assert (found["items"], found["failed"], found["metrics"]["score"]["mean"]) == (200, 0, 1.0), found["reasons"]


@pytest.mark.slow
def test_hybrid_routing_finds_more_than_bm25_on_the_leaderboard(sandtable, data_dir):
    found = sandtable.fine("eval", "bfcl-routing", "--data", data_dir / "bfcl-live-multiple", "--json").json
    assert found["questions"] == 507
    for k in ("1", "5", "10"):
        assert found["recall"]["hybrid"][k]["mean"] >= found["recall"]["lexical"][k]["mean"]
    assert found["versus_lexical"]["hybrid"]["1"]["p_value"] < 0.01
