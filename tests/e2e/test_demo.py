import inspect
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib import import_module
from io import StringIO

import httpx
import pytest
from rich.console import Console

from demos import challenges, function_calling, generative, mrkl, rag, react, reflexion, service, show, swap, tot, tree
from demos.catalog import DEMOS
from tests.e2e.live import server


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with server(tmp_path_factory.mktemp("demo") / "data") as running:
        yield running.url


def demo(url, backend=None, **options):
    output = StringIO()
    code = rag.main(url, None, backend, Console(file=output, width=100), **options)
    return code, output.getvalue()


def listed(url, what):
    return httpx.get(f"{url}/v1/{what}", trust_env=False).json()["data"]


def test_every_answer_is_as_promised_and_nothing_is_left_behind(url):
    code, output = demo(url)
    assert code == 0, output
    answers = [output.partition(f"{question}\n")[2].partition("\n\n")[0] for question in rag.QUESTIONS]
    assert "3,150" in answers[0]
    assert "0.09欧元" in answers[1]
    assert "do not answer" in answers[2]
    assert [answer.count("stands there") for answer in answers] == [1, 1, 0]
    assert listed(url, "vector_stores") == listed(url, "files") == []


@pytest.mark.slow
def test_tools_are_called_corrected_and_agreed_to(url):
    output = StringIO()
    code = function_calling.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert "The model's part is played by a script" in told
    assert '{"expression": "(0.36 - 0.24) / 0.24 * 100"} -> ok: 50\n' in told
    assert "-> bad_arguments: the argument 'expression' is missing" in told
    assert '× 100，1)"} -> ok: 32.8\n' in told
    assert "Answer: yes, with {'expression': '1200 * 0.61'}" in told
    assert '{"expression": "1200 * 0.61"} -> ok: 732\n' in told
    assert told.count("stands there") == 4
    assert told.count("DOES NOT") == 0
    assert listed(url, "vector_stores") == listed(url, "files") == []


@pytest.mark.slow
def test_pages_are_looked_up_one_after_the_other(url):
    output = StringIO()
    code = react.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert "The model's part is played by a script" in told
    assert "Observation 1: Could not find [charging networks]. Similar: ['charging-network'," in told
    assert "Observation 3: (Result 1 / 1) The Netherlands had the densest network, 106,932 points" in told
    assert "Answer: July 2022\n" in told
    assert "Observation 2: (Result 1 / 1) 荷兰的乌得勒支从2018年开始试行" in told
    assert "2 of 2 questions came to an answer within their steps; right: 2." in told
    assert listed(url, "vector_stores") == listed(url, "files") == []


@pytest.mark.slow
def test_questions_find_their_experts(url):
    output = StringIO()
    code = mrkl.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert told.count("rules chose calculator") == 2
    assert told.count("(Answered by: rag)") == 2
    assert "9 of 9 questions" in told
    assert listed(url, "vector_stores") == listed(url, "files") == []


@pytest.mark.slow
def test_an_agent_learns_from_a_failed_trial(url):
    output = StringIO()
    code = reflexion.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert "The model's part is played by a script" in told
    assert [line for line in told.splitlines() if line.startswith("Trial")] == [
        "Trial 1: '412 kilometres': wrong",
        "Trial 2: '267 kilometres': right",
        "Trial 1: stopped, repeated",
        "Trial 2: '71,000欧元': right",
    ]
    assert told.count("Told before everything: 1 note") == 2
    assert "solved after 1 trial  0 of 2 \nsolved after 2 trials 2 of 2 █" in told
    assert listed(url, "vector_stores") == listed(url, "files") == []


def test_two_people_remember_conclude_and_keep_to_their_limits(url):
    output = StringIO()
    code = generative.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert "The model's part is played by a script" in told
    assert "Concludes: Ansel is ill and has nobody but me: I shall not leave Ferrow now.\n    because of 12: " in told
    assert "names [40], of 5 statements: dropped" in told
    assert told.count("Refused before any model was asked") == 2
    assert "Remembered: 17 of kind observation, 1 of kind reflection, 3 of kind plan" in told
    found = httpx.post(f"{url}/store/items/search", json={"namespace_prefix": ["persona_memories"]}).json()
    assert found["items"] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_challenges_are_measured_and_nothing_is_left_behind(url):
    output = StringIO()
    code = challenges.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert "The model's part is played by a script" in told
    assert "paraphrases: mean 0.25, worst 0.00, best 0.33, spread 0.33" in told
    assert "9.9e-06 (1.98e-05)" in told
    assert "Four checks were measured; runs that failed: 0." in told
    assert listed(url, "vector_stores") == listed(url, "files") == []


def test_a_tree_of_thoughts_is_searched_and_drawn(url):
    output = StringIO()
    code = tot.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert "The model's part is played by a script" in told
    assert told.count("the calculator makes 24 of them") == 2
    assert told.count("given up: not among the 2 best of its level") == 10
    assert told.count("└─ Answer: 8 / (3 - 8 / 3) = 24  [20]") == 2
    assert "gone back 1 time," in told


def test_a_tree_is_drawn_from_the_events_alone():
    nodes = [("1", "0", "a"), ("2", "0", "b\nc"), ("3", "1", "a\nd\n"), ("4", "3", "")]
    events = [{"type": "candidate", "id": i, "parent": p, "value": 0.5, "state": s} for i, p, s in nodes]
    told = [text for text, _ in tree.drawn([*events, {"type": "pruned", "candidate": "2", "reason": "too low"}])]
    assert told == ["├─ a  [0.5]", "│  └─ d  [0.5]", "│     └─ (nothing)  [0.5]", "└─ c  [0.5]  given up: too low"]
    assert tree.drawn([]) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_parts_are_swapped_under_searches_and_back(url):
    output = StringIO()
    code = swap.main(url, None, None, Console(file=output, width=100))
    told = output.getvalue()
    assert code == 0, told
    assert "searches went on beside three swaps; failed: 0" in told
    assert "After the way back the hits are the same." in told
    assert told.count("active") == 3
    assert listed(url, "vector_stores") == listed(url, "files") == []


@pytest.mark.slow
def test_what_is_kept_can_be_asked_and_does_not_stand_in_the_way(url):
    for name in ("electric-cars", "electric-cars-2"):
        code, output = demo(url, keep=True)
        assert code == 0, output
        assert f"rag:{name}'" in output
    assert [store["name"] for store in listed(url, "vector_stores")] == ["electric-cars-2", "electric-cars"]
    assert len(listed(url, "files")) == 2 * len(list(rag.CORPUS.iterdir()))


@pytest.mark.slow
def test_an_unknown_backend_fails_in_the_words_of_the_service(url):
    code, output = demo(url, backend="nosuch:model")
    assert code == 1
    assert "nosuch" in output


def test_no_service_is_said_plainly():
    code, output = demo("http://127.0.0.1:9")
    assert code == 1
    assert "http://127.0.0.1:9 does not answer" in output


class Page(BaseHTTPRequestHandler):
    """Some other server."""

    def do_GET(self):
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"<html>Nothing here</html>")

    def log_message(self, *_):
        pass


@pytest.mark.slow
def test_another_server_is_told_in_a_sentence():
    with HTTPServer(("127.0.0.1", 0), Page) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        code, output = demo(f"http://127.0.0.1:{other.server_port}")
        other.shutdown()
    assert code == 1
    assert output.splitlines()[-1] == ("The demo failed: GET /healthz answered 404: is this a Sandtable service?")


def test_a_server_that_never_answers_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(service.DemoFailed, match="does not answer"), service.connected(url, None, 0.05):
            pytest.fail("it answered")


def test_times_are_by_one_clock_and_counts_read_well():
    chunks = [
        {"choices": [{"delta": {"content": "a"}}]},
        {"choices": [], "sandtable": {"seconds": 0.0}},
    ]
    answer = rag.read(iter(chunks), print)
    assert 0 < answer.first_word <= answer.seconds
    assert [show.counted(n, "piece", "pieces") for n in (0, 1, 2)] == ["0 pieces", "1 piece", "2 pieces"]


def test_every_file_of_the_corpus_says_that_it_is_invented():
    texts = [path.read_text(encoding="utf-8") for path in rag.CORPUS.iterdir()]
    assert len(texts) == 8
    assert all("invented" in text and "虚构" in text for text in texts)


def test_every_demo_is_called_as_the_command_calls_it():
    for name, demo in DEMOS.items():
        module, _, function = demo.main.partition(":")
        found = inspect.signature(getattr(import_module(module), function))
        assert found.bind("http://127.0.0.1:1", None, None, Console(), keep=True), name


def test_what_is_remembered_of_people_is_kept_only_on_request(url):
    from demos import memory

    for keep in (False, True):
        output = StringIO()
        assert memory.main(url, None, None, Console(file=output, width=100), keep=keep) == 0, output.getvalue()
        kept = httpx.get(f"{url}/v1/memories", params={"user": memory.USERS["Bo"]}, trust_env=False).json()["data"]
        others = httpx.get(f"{url}/v1/memories", params={"user": memory.USERS["Ada"]}, trust_env=False).json()["data"]
        assert bool(kept or others) is keep
