from backends.base import Request, Source, Usage, complete
from backends.extractive import Extractive, Quote

SOURCES = (Source(id="1", title="log", text="The lamp was lit in 1884. It still burns."),)


async def words(text):
    return len(text.split())


async def first_sentence(question, sources):
    return [Quote(source=0, text="The lamp was lit in 1884.")]


async def test_tokens_read_and_written_are_counted():
    request = Request(messages=(), question="When was it lit?", sources=SOURCES)
    completion = await complete(Extractive(first_sentence, words).stream(request))
    assert completion.message.content == "The lamp was lit in 1884. [1]"
    assert completion.usage == Usage(prompt_tokens=4 + 9, completion_tokens=7)


async def test_without_a_counter_the_usage_is_not_known():
    request = Request(messages=(), question="When was it lit?", sources=SOURCES)
    assert (await complete(Extractive(first_sentence).stream(request))).usage is None
