"""pydantic-ai against a service: `with_pydantic_ai.py URL` prints what came of each check, as JSON."""

import asyncio
import json
import math
import sys

from openai import AsyncOpenAI
from pydantic import BaseModel
from pydantic_ai import Agent, Embedder, NativeOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

URL = sys.argv[1]
QUOTING = {"extra_body": {"sandtable": {"backend": "extractive"}}}


def provider():
    return OpenAIProvider(openai_client=AsyncOpenAI(base_url=URL, api_key="unused", max_retries=0))


def agent(name="chat", **more):
    return Agent(OpenAIChatModel(name, provider=provider()), **more)


class Lighthouse(BaseModel):
    """A lighthouse and the year it was lit."""

    name: str
    year: int


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"sunny in {city}"


async def chat():
    said = await agent().run("Hello there")
    usage = said.usage if not callable(said.usage) else said.usage()
    return [said.output, said.response.finish_reason, usage.input_tokens + usage.output_tokens]


async def stream():
    async with agent().run_stream("你好，世界🎉") as said:
        pieces = [piece async for piece in said.stream_text(delta=True, debounce_by=None)]
    return ["".join(pieces), len(pieces) > 1]


async def tools():
    said = await agent(tools=[get_weather]).run("What is the weather in Oslo?")
    (call,) = [p for m in said.all_messages() for p in m.parts if p.part_kind == "tool-call"]
    return [call.tool_name, call.args_as_dict(), said.output]


async def tools_streamed():
    async with agent(tools=[get_weather]).run_stream("What is the weather in Oslo?") as said:
        await said.get_output()
    (call,) = [p for m in said.all_messages() for p in m.parts if p.part_kind == "tool-call"]
    return [call.tool_name, call.args_as_dict()]


async def structured():
    return (await agent(output_type=NativeOutput(Lighthouse)).run("Which lighthouse?")).output.model_dump()


async def rag():
    # Of a whole reply this client refuses annotations that are no `url_citation`; in a stream it lets them be.
    asking = agent("rag:lights", model_settings=QUOTING)
    async with asking.run_stream("When was the lighthouse at Cape Varn lit?") as said:
        return await said.get_output()


async def embeddings():
    embed = Embedder(OpenAIEmbeddingModel("all-MiniLM-L6-v2", provider=provider()))
    vectors = (await embed.embed_documents(["a harbour", "港口"])).embeddings
    return [[len(vector), round(math.hypot(*vector), 2)] for vector in vectors]


async def unknown_model():
    return (await agent("gpt-99").run("Hi")).output


async def rate_limited():
    return (await agent().run("fail 429")).output


async def broken():
    return (await agent().run("fail 500")).output


async def bad_option():
    settings = {"extra_body": {"sandtable": {"options": {"k": -1}}}}
    return (await agent("rag:lights", model_settings=settings).run("Hi")).output


async def outcome(check):
    try:
        return await check()
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


async def main():
    return {check.__name__: await outcome(check) for check in CHECKS}


CHECKS = (
    chat, stream, tools, tools_streamed, structured, rag, embeddings, unknown_model, rate_limited, broken, bad_option,
)  # fmt: skip
print(json.dumps(asyncio.run(main())))
