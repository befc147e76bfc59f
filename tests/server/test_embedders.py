"""Embedders behind HTTP, against a real server on this machine: what is sent, what is believed, what is tried again."""

import asyncio
import threading
import time

import numpy as np
import pytest
from pydantic import ValidationError

from backends.profiles import Embeddings, Profile
from retrieval.embedders.minilm import MiniLM
from retrieval.errors import EmbedderFailed, EmbedderMismatch, EmbedderMissing
from server.embedders import Embedders
from tests.embedding_server import Answer, embedding_server, refusal, vectors
from tests.server.conftest import make_store, put, search, serving, until


@pytest.fixture
def server():
    with embedding_server() as server:
        yield server


@pytest.fixture
def make(server, tmp_path):
    """An embedder of the server with these options of its profile; `retries` as a field of the profile."""
    made = []

    def make(retries=2, api_key="sk-secret-of-mine", **options):
        profile = Profile(
            name="mine", base_url=server.url, api_key=api_key, retries=retries, embeddings=Embeddings(**options)
        )
        made.append(Embedders(tmp_path, {"mine": profile}))
        return made[-1].load("mine:words")

    yield make
    for embedders in made:
        embedders.close()


def test_what_is_sent(server, make):
    options = {"query_prefix": "query: ", "document_prefix": "passage: ", "dimensions": 16, "extra_body": {"x": 1}}
    embedder = make(**options, encoding="base64")
    assert (embedder.name, embedder.window, embedder.dimension) == ("mine:words", 512, 16)
    assert server.requests == [], "a dimension that was asked for need not be found out"
    found = embedder.embed(["what is it", "", "说明"], kind="query")
    embedder.embed(["it is this"], kind="document")
    body = {"model": "words", "encoding_format": "base64", "dimensions": 16, "x": 1}
    assert server.requests == [
        {**body, "input": ["query: what is it", "query: .", "query: 说明"]},
        {**body, "input": ["passage: it is this"]},
    ]
    assert server.headers[0]["authorization"] == "Bearer sk-secret-of-mine"
    expected = server.vector("query: what is it")[:16]
    np.testing.assert_allclose(found[0], expected / np.linalg.norm(expected), atol=1e-6)


def test_base64_and_numbers_are_the_same_vectors(make):
    first, second = (make(encoding=e).embed(["the old cat", "a dog"], kind="document") for e in ("float", "base64"))
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.slow
def test_texts_go_in_batches_and_come_back_in_order(server, make):
    embedder = make(batch=10)
    texts = [f"text {n}" for n in range(25)]
    together = embedder.embed(texts, kind="document")
    assert list(map(len, server.texts())) == [10, 10, 5]
    alone = np.concatenate([embedder.embed([text], kind="document") for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.slow
def test_a_server_that_takes_fewer_texts_is_learnt(server, make):
    server.most_texts = 3
    embedder = make(batch=8)
    assert embedder.embed([f"text {n}" for n in range(16)], kind="document").shape == (16, 32)
    before = len(server.requests)
    embedder.embed([f"more {n}" for n in range(9)], kind="document")
    assert all(len(texts) <= 3 for texts in server.texts()[before:])


@pytest.mark.slow
def test_a_text_that_the_server_finds_too_long_is_cut_in_two(server, make):
    server.most_words = 40
    embedder = make()
    long = "word " * 100 + "other " * 100
    (short, whole, start) = embedder.embed(["a dog", long, "word " * 40], kind="document")
    assert 0.1 < start @ whole < 0.999
    np.testing.assert_allclose(short, embedder.embed(["a dog"], kind="document")[0], atol=1e-6)


def test_long_texts_go_as_windows_that_fit(server, make):
    make(max_tokens=40).embed(["the house is old . " * 50, "文" * 200, "กขคงจ" * 30], kind="document")
    sent = [text for texts in server.texts() for text in texts]
    assert len(sent) > 15
    assert all(len(text.split()) <= 30 and (text.isascii() or len(text) <= 30) for text in sent)
    assert sum(text.count("文") for text in sent) >= 200


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_may_pass_is_tried_again(server, make, status):
    server.answers = [Answer(status, {"error": {"message": "busy"}}, {"retry-after": "0"})] * 2
    assert make().embed(["a"], kind="query").shape == (1, 32)
    assert len(server.requests) == 3


def test_the_server_says_how_long_to_wait(server, make):
    server.answers = [Answer(429, {"error": {"message": "slow down"}}, {"retry-after-ms": "300"})]
    make().embed(["a"], kind="query")
    assert server.times[1] - server.times[0] >= 0.3


@pytest.mark.slow
def test_a_server_that_hangs_is_given_up_and_tried_again(server, make):
    server.answers = [Answer(hang=True)]
    assert make(timeout=0.2).embed(["a"], kind="query").shape == (1, 32)
    server.answers = [Answer(hang=True)]
    with pytest.raises(EmbedderFailed, match=r"did not begin to answer within 0\.2 s") as caught:
        make(timeout=0.2, retries=0).embed(["a"], kind="query")
    assert caught.value.status == 504


def test_in_the_end_the_failure_says_what_the_server_said_but_no_key(server, make):
    said = {"error": {"message": "quota of sk-secret-of-mine used up", "code": "rate_limit"}}
    server.answers = [Answer(429, said, {"retry-after": "7"})]
    with pytest.raises(EmbedderFailed, match=r"'mine:words'.*quota of .hidden. used up") as caught:
        make(retries=0).embed(["a"], kind="query")
    assert (caught.value.status, caught.value.retry_after) == (429, 7)
    server.answers = [Answer(401, {"error": {"message": "Incorrect API key provided: sk-secr***mine"}})]
    with pytest.raises(EmbedderFailed) as refused:
        make().embed(["a"], kind="query")
    assert "sk-secr" not in str(refused.value)
    assert len(server.requests) == 2, "a wrong key is not tried again"


BAD = {
    "zeros": (vectors([0.0] * 32), "nothing but zeros"),
    "not finite": (Answer(body=b'{"data": [{"index": 0, "embedding": [NaN, 1.0]}]}'), "not finite"),
    "too large": (vectors([1e300, 1.0]), "not finite"),
    "empty": (vectors([]), "an empty embedding"),
    "no numbers": (vectors(["a", "b"]), "no list of numbers"),
    "half a number": (vectors("AAAAAAA="), "no list of numbers"),
    "no base64": (vectors("§§"), "no list of numbers"),
    "too many": (vectors([1.0], [2.0]), "2 embeddings for 1 texts"),
    "wrong index": (Answer(body={"data": [{"index": 4, "embedding": [1.0]}]}), "indexes"),
    "no data": (Answer(body={"object": "list"}), "without a list `data`"),
    "an error with status 200": (Answer(body={"error": {"message": "no such model"}}), "no such model"),
    "a page": (Answer(body=b"<html>hello"), "did not answer with embeddings"),
    "wrong model": (refusal("The model `words` does not exist", "model_not_found"), "does not exist"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_vector_is_refused(server, make, kind):
    answer, said = BAD[kind]
    server.answers = [answer]
    with pytest.raises(EmbedderFailed, match=said):
        make(retries=0).embed(["a"], kind="query")


def test_the_first_dimension_holds(server, make):
    embedder = make()
    assert embedder.dimension == 32
    server.dimension = 24
    with pytest.raises(EmbedderMismatch, match=r"'mine:words' gave a vector of dimension 24, where .* 32"):
        embedder.embed(["a"], kind="query")
    server.answers = [vectors([1.0] * 24)]
    with pytest.raises(EmbedderMismatch, match=r"24.* 8"):
        make(dimensions=8).embed(["a"], kind="query")


def test_a_fingerprint_says_where_vectors_come_from(server, make):
    known = make().fingerprint
    assert server.requests == []
    assert make().fingerprint == known
    others = [make(**options).fingerprint for options in ({"query_prefix": "q"}, {"dimensions": 8}, {"max_tokens": 99})]
    assert len({known, *others}) == 4


def test_closing_ends_a_request_under_way(server, tmp_path):
    server.answers = [Answer(hang=True)]
    embedders = Embedders(tmp_path, {"mine": Profile(name="mine", base_url=server.url)})
    embedder, failures = embedders.load("mine:words"), []

    def ask():
        with pytest.raises(EmbedderFailed, match="stops") as caught:
            embedder.embed(["a"], kind="query")
        failures.append(caught.value)

    asking = threading.Thread(target=ask)
    asking.start()
    while not server.requests:
        time.sleep(0.01)
    embedders.close()
    asking.join(5)
    assert failures
    with pytest.raises(EmbedderFailed, match="stops"):
        embedder.embed(["a"], kind="query")


def test_names(tmp_path):
    served = Profile(name="openai", base_url="https://api.openai.com/v1")
    embedders = Embedders(tmp_path, {"openai": served, "script": Profile(name="script", kind="scripted")})
    assert isinstance(embedders.load("minilm"), MiniLM)
    with pytest.raises(EmbedderMissing, match="OPENAI_API_KEY"):
        embedders.load("openai:text-embedding-3-small")
    with pytest.raises(EmbedderMissing, match="names no model"):
        embedders.load("openai: ")
    with pytest.raises(EmbedderMissing, match="'scripted'"):
        embedders.load("script:x")
    embedders.close()


def test_ollama_is_asked_in_the_form_of_openai(server, tmp_path):
    profile = Profile(name="ollama", kind="ollama", base_url=server.url.removesuffix("/v1"))
    embedders = Embedders(tmp_path, {"ollama": profile})
    assert embedders.load("ollama:all-minilm:22m").embed(["a"], kind="query").shape == (1, 32)
    assert server.requests[0]["model"] == "all-minilm:22m"
    embedders.close()


def test_a_profile_may_not_change_what_is_asked():
    with pytest.raises(ValidationError, match="must not set 'input'"):
        Embeddings(extra_body={"input": "x"})


def backends(server, **options):
    return {"mine": {"base_url": server.url, "retries": 0, "embeddings": options}}


async def test_the_service_ingests_searches_and_embeds_with_it(server, tmp_path):
    settings = {"embedder": "mine:words", "backends": backends(server)}
    async with serving(tmp_path / "data", **settings) as client:
        store = await make_store(client, sandtable={"index": "flat"})
        _, file = await put(client, store, "a.txt", "The lighthouse was lit in 1884.")
        assert (file["status"], file["last_error"]) == ("completed", None)
        (hit,) = await search(client, store, "The lighthouse")
        assert hit["score"] > 0.3
        reply = await client.post("/v1/embeddings", json={"model": "mine:words", "input": ["a dog", "cat"]})
        assert [len(entry["embedding"]) for entry in reply.json()["data"]] == [32, 32]
        assert reply.json()["usage"]["prompt_tokens"] == 3
        listed = (await client.get(f"/v1/vector_stores/{store}/generations")).json()["data"]
        assert [generation["spec"]["embedder"] for generation in listed] == ["mine:words"]
        server.answers = [Answer(429, {"error": {"message": "slow"}}, {"retry-after": "3"})]
        refused = await client.post("/v1/embeddings", json={"model": "mine:words", "input": "x"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "embedder_failed")
        assert refused.headers["retry-after"] == "3"
    asked = len(server.requests)
    async with serving(tmp_path / "data", **settings) as client:
        await search(client, store, "The lighthouse")
        assert [text for texts in server.texts()[asked:] for text in texts if "1884" in text] == [], "made once"


async def test_a_model_of_another_dimension_is_refused_with_both(server, tmp_path):
    settings = {"embedder": "mine:words", "backends": backends(server)}
    async with serving(tmp_path / "data", **settings) as client:
        store = await make_store(client, sandtable={"index": "flat"})
        await put(client, store, "a.txt", "The lighthouse was lit in 1884.")
    server.dimension = 24
    async with serving(tmp_path / "data", **settings) as client:
        reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "x"})
        assert (reply.status_code, reply.json()["error"]["code"]) == (409, "embedder_mismatch")
        assert "32 dimensions" in reply.json()["error"]["message"]
        assert "24" in reply.json()["error"]["message"]


async def test_a_file_fails_with_the_reason_and_the_service_lives(server, tmp_path):
    async with serving(tmp_path / "data", embedder="mine:words", backends=backends(server)) as client:
        store = await make_store(client)
        await put(client, store, "a.txt", "First.")
        server.answers = [Answer(401, {"error": {"message": "this key has expired"}})]
        _, file = await put(client, store, "b.txt", "Second.")
        assert (file["status"], file["last_error"]["code"]) == ("failed", "server_error")
        assert "this key has expired" in file["last_error"]["message"]
        _, file = await put(client, store, "c.txt", "Third.")
        assert file["status"] == "completed"


@pytest.mark.slow
async def test_ingest_waits_for_a_server_that_is_overloaded(server, tmp_path):
    async with serving(tmp_path / "data", embedder="mine:words", backends=backends(server)) as client:
        store = await make_store(client)
        await put(client, store, "a.txt", "First.")
        server.answers = [Answer(429, {"error": {"message": "slow down"}}, {"retry-after-ms": "200"})] * 4
        _, file = await put(client, store, "b.txt", "Second.")
        assert (file["status"], file["last_error"]) == ("completed", None)
        assert server.texts()[-5:] == [["Second."]] * 5


@pytest.mark.slow
async def test_ready_when_the_server_is(server, tmp_path):
    server.answers = [Answer(503, {"error": {"message": "model is loading"}})]
    async with serving(tmp_path / "data", embedder="mine:words", backends=backends(server)) as client:

        async def ready():
            return (await client.get("/readyz")).status_code == 200

        async with asyncio.timeout(20):
            await client.app.state.warm.wait()
            reply = await client.get("/readyz")
            assert (reply.status_code, "model is loading" in reply.json()["missing"][0]) == (503, True)
            await until(ready)
