"""OpenAI's own client, unmodified, against a real server."""

import base64
import struct

import openai
import pytest

from tests.e2e.documents import docx, pdf
from tests.e2e.live import server

FILES = {
    "grid.pdf": pdf(
        "The Lindholm substation was rebuilt in 2019 with a capacity of 480 megawatts.", "It feeds the harbour."
    ),
    "permits.docx": docx("The harbour permit 77-B expires on 4 March 2031.", "Renewal takes nine months."),
    "roads.md": b"# Roads\n\nThe coastal road carries 21,500 cars a day. Half of them are electric.\n",
    "渔业.txt": "北湾渔港有三百一十二艘渔船。渔港每年捕捞约四万吨鳕鱼。".encode(),
}
QUESTIONS = {
    "grid.pdf": ("What capacity does the Lindholm substation have?", "480 megawatts"),
    "permits.docx": ("When does the harbour permit 77-B expire?", "4 March 2031"),
    "roads.md": ("How many cars does the coastal road carry a day?", "21,500"),
    "渔业.txt": ("北湾渔港有多少艘渔船？", "三百一十二艘"),
}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with server(tmp_path_factory.mktemp("sdk") / "data") as running:
        yield running


@pytest.fixture(scope="module")
def client(live):
    with openai.OpenAI(base_url=f"{live.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture(scope="module")
def store(client):
    store = client.vector_stores.create(name="harbour", metadata={"for": "test"})
    for n, (name, data) in enumerate(FILES.items()):
        file = client.files.create(file=(name, data), purpose="assistants")
        done = client.vector_stores.files.create_and_poll(
            file.id,
            vector_store_id=store.id,
            attributes={"n": n, "lang": "zh" if n == 3 else "en"},
            poll_interval_ms=50,
        )
        assert (done.status, done.last_error) == ("completed", None)
    return client.vector_stores.retrieve(store.id)


def content(client, store, file_id):
    return "".join(part.text for part in client.vector_stores.files.content(file_id, vector_store_id=store.id))


def test_the_store_is_complete(store):
    assert (store.status, store.name, store.metadata) == ("completed", "harbour", {"for": "test"})
    assert (store.file_counts.completed, store.file_counts.total) == (4, 4)
    assert store.usage_bytes > 0


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_format_is_searched(client, store, name):
    question, fact = QUESTIONS[name]
    first = client.vector_stores.search(store.id, query=question).data[0]
    assert (first.filename, fact in first.content[0].text) == (name, True)


def test_filters(client, store):
    chinese = {"type": "eq", "key": "lang", "value": "zh"}
    late = {"type": "gte", "key": "n", "value": 2}
    either = {"type": "or", "filters": [chinese, late]}
    filters = {"type": "and", "filters": [either, {"type": "eq", "key": "lang", "value": "en"}]}
    found = client.vector_stores.search(store.id, query="harbour", filters=filters, max_num_results=5).data
    assert [hit.filename for hit in found] == ["roads.md"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_carry_citations_that_stand_in_their_file(client, store, name):
    question, fact = QUESTIONS[name]
    reply = client.chat.completions.create(model="rag:harbour", messages=[{"role": "user", "content": question}])
    message = reply.choices[0].message
    assert (reply.choices[0].finish_reason, fact in message.content) == ("stop", True)
    citation = message.annotations[0].model_dump()
    assert citation["type"] == "file_citation"
    assert citation["filename"] == name
    assert content(client, store, citation["file_id"])[citation["start"] : citation["end"]] == citation["quote"]
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0
    assert reply.sandtable["backend"] == "extractive"


def test_streaming_is_the_same_answer_in_pieces(client, store):
    question, fact = QUESTIONS["roads.md"]
    messages = [{"role": "user", "content": question}]
    whole = client.chat.completions.create(model=f"rag:{store.id}", messages=messages)
    chunks = list(
        client.chat.completions.create(
            model=f"rag:{store.id}", messages=messages, stream=True, stream_options={"include_usage": True}
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    with_choice = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in with_choice) == whole.choices[0].message.content
    assert [c.finish_reason for c in with_choice if c.finish_reason] == ["stop"]
    assert [c.delta.role for c in with_choice if c.delta.role] == ["assistant"]
    (notes,) = [c.delta.annotations for c in with_choice if getattr(c.delta, "annotations", None)]
    assert fact in notes[0]["quote"]
    assert with_choice[-1].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert chunks[-1].sandtable["run_id"]


def test_what_the_documents_do_not_say_is_not_answered(client, store):
    for question in ("Who composed the opera Aida?", "谁写了红楼梦？"):
        reply = client.chat.completions.create(model="rag:harbour", messages=[{"role": "user", "content": question}])
        message = reply.choices[0].message
        assert not message.annotations
        assert message.content


def test_embeddings_as_numbers_and_as_base64(client):
    model = "all-MiniLM-L6-v2"
    numbers = client.embeddings.create(model=model, input=["a harbour", "港口"], encoding_format="float")
    packed = client.embeddings.create(model=model, input=["a harbour", "港口"], encoding_format="base64")
    default = client.embeddings.create(model=model, input="a harbour")
    for n in range(2):
        vector = numbers.data[n].embedding
        assert len(vector) == 384
        assert abs(sum(x * x for x in vector) - 1) < 1e-3
        assert list(struct.unpack("<384f", base64.b64decode(packed.data[n].embedding))) == pytest.approx(
            vector, abs=1e-7
        )
    assert default.data[0].embedding == pytest.approx(numbers.data[0].embedding, abs=0.02)
    assert numbers.usage.prompt_tokens > 0


def test_listing_paging_and_deleting(client):
    files = [client.files.create(file=(f"{n}.txt", f"Text {n}.".encode()), purpose="user_data") for n in range(3)]
    listed = client.files.list(purpose="user_data", limit=2, order="asc")
    assert [file.id for file in listed.data] == [file.id for file in files[:2]]
    assert [file.id for file in listed] == [file.id for file in files]
    assert client.files.content(files[0].id).read() == b"Text 0."
    store = client.vector_stores.create(name="short-lived")
    batch = client.vector_stores.file_batches.create_and_poll(
        vector_store_id=store.id, file_ids=[file.id for file in files], poll_interval_ms=50
    )
    assert (batch.status, batch.file_counts.completed) == ("completed", 3)
    assert {f.id for f in client.vector_stores.files.list(store.id, limit=2)} == {file.id for file in files}
    assert client.vector_stores.files.delete(files[0].id, vector_store_id=store.id).deleted
    assert client.vector_stores.delete(store.id).deleted
    for file in files:
        assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.vector_stores.retrieve(store.id)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(files[0].id)


def test_models_lists_pipelines_and_collections(client, store):
    ids = [model.id for model in client.models.list()]
    assert {"chat", "rag", "rag:harbour", "all-MiniLM-L6-v2"} <= set(ids)
    assert client.models.retrieve("rag:harbour").id == "rag:harbour"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("rag:nowhere")


def test_errors_have_the_clients_types_and_name_the_field(client, store):
    messages = [{"role": "user", "content": "Hi"}]
    with pytest.raises(openai.BadRequestError) as unknown:
        client.chat.completions.create(model="chat", messages=messages, extra_body={"flavour": "mint"})
    assert (unknown.value.param, unknown.value.code) == ("flavour", "unknown_parameter")
    with pytest.raises(openai.NotFoundError) as model:
        client.chat.completions.create(model="gpt-99", messages=messages)
    assert model.value.param == "model"
    with pytest.raises(openai.BadRequestError) as option:
        client.chat.completions.create(
            model="rag:harbour", messages=messages, extra_body={"sandtable": {"options": {"k": -1}}}
        )
    assert option.value.param == "sandtable.options.k"
    with pytest.raises(openai.BadRequestError) as results:
        client.vector_stores.search(store.id, query="x", max_num_results=1000)
    assert results.value.param == "max_num_results"
    with pytest.raises(openai.BadRequestError) as filters:
        client.vector_stores.search(store.id, query="x", filters={"type": "like", "key": "a", "value": "b"})
    assert filters.value.param == "filters.type"
