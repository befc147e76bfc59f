"""litellm against a service: `with_litellm.py URL` prints what came of each check, as JSON."""

import json
import math
import os
import sys

# Else it asks GitHub for prices when it is imported.
os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
from pydantic import BaseModel

URL = sys.argv[1]
QUOTING = {"sandtable": {"backend": "extractive"}}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tell the weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class Lighthouse(BaseModel):
    """A lighthouse and the year it was lit."""

    name: str
    year: int


def ask(content, model="chat", **more):
    messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
    return litellm.completion(f"openai/{model}", messages, api_base=URL, api_key="unused", max_retries=0, **more)


def chat():
    said = ask("Hello there")
    return [said.choices[0].message.content, said.choices[0].finish_reason, said.usage.total_tokens]


def stream():
    pieces = [chunk.choices[0].delta.content or "" for chunk in ask("你好，世界🎉", stream=True) if chunk.choices]
    return ["".join(pieces), len([piece for piece in pieces if piece]) > 1]


def tools():
    messages = [{"role": "user", "content": "What is the weather in Oslo?"}]
    reply = ask(messages, tools=[WEATHER]).choices[0].message
    (call,) = reply.tool_calls
    arguments = json.loads(call.function.arguments)
    messages += [reply, {"role": "tool", "tool_call_id": call.id, "content": f"sunny in {arguments['city']}"}]
    return [call.function.name, arguments, ask(messages, tools=[WEATHER]).choices[0].message.content]


def tools_streamed():
    chunks = list(ask("What is the weather in Oslo?", tools=[WEATHER], stream=True))
    (call,) = litellm.stream_chunk_builder(chunks).choices[0].message.tool_calls
    return [call.function.name, json.loads(call.function.arguments)]


def structured():
    said = ask("Which lighthouse?", response_format=Lighthouse)
    return Lighthouse.model_validate_json(said.choices[0].message.content).model_dump()


def rag():
    asked = "When was the lighthouse at Cape Varn lit?"
    return ask(asked, "rag:lights", extra_body=QUOTING).choices[0].message.content


def embeddings():
    made = litellm.embedding(
        "openai/all-MiniLM-L6-v2", ["a harbour", "港口"], api_base=URL, api_key="x", encoding_format="float"
    )
    return [[len(item["embedding"]), round(math.hypot(*item["embedding"]), 2)] for item in made.data]


def unknown_model():
    return ask("Hi", "gpt-99").choices[0].message.content


def rate_limited():
    return ask("fail 429").choices[0].message.content


def broken():
    return ask("fail 500").choices[0].message.content


def bad_option():
    return ask("Hi", "rag:lights", extra_body={"sandtable": {"options": {"k": -1}}}).choices[0].message.content


def outcome(check):
    try:
        return check()
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


CHECKS = (
    chat, stream, tools, tools_streamed, structured, rag, embeddings, unknown_model, rate_limited, broken, bad_option,
)  # fmt: skip
litellm.suppress_debug_info = True
print(json.dumps({check.__name__: outcome(check) for check in CHECKS}))
