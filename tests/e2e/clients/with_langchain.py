"""langchain-openai against a service: `with_langchain.py URL` prints what came of each check, as JSON."""

import json
import math
import sys

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

URL = sys.argv[1]
QUOTING = {"sandtable": {"backend": "extractive"}}


def model(name="chat", **more):
    return ChatOpenAI(model=name, base_url=URL, api_key="unused", max_retries=0, **more)


class Lighthouse(BaseModel):
    """A lighthouse and the year it was lit."""

    name: str
    year: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"sunny in {city}"


def chat():
    said = model().invoke("Hello there")
    return [said.content, said.response_metadata["finish_reason"], said.usage_metadata["total_tokens"]]


def stream():
    pieces = [chunk.content for chunk in model(stream_usage=True).stream("你好，世界🎉")]
    return ["".join(pieces), len([piece for piece in pieces if piece]) > 1]


def tools():
    asking = model().bind_tools([get_weather])
    messages = [HumanMessage("What is the weather in Oslo?")]
    messages.append(asking.invoke(messages))
    (call,) = messages[-1].tool_calls
    messages.append(get_weather.invoke(call))
    return [call["name"], call["args"], asking.invoke(messages).content]


def tools_streamed():
    asking, whole = model().bind_tools([get_weather]), None
    for chunk in asking.stream("What is the weather in Oslo?"):
        whole = chunk if whole is None else whole + chunk
    (call,) = whole.tool_calls
    return [call["name"], call["args"]]


def structured():
    asking = model().with_structured_output(Lighthouse, method="json_schema", strict=True)
    return asking.invoke("Which lighthouse?").model_dump()


def rag():
    return model("rag:lights", extra_body=QUOTING).invoke("When was the lighthouse at Cape Varn lit?").content


def embeddings():
    # Without this the client sends token numbers, which mean nothing without OpenAI's tokenizer.
    embed = OpenAIEmbeddings(model="all-MiniLM-L6-v2", base_url=URL, api_key="x", check_embedding_ctx_length=False)
    vectors = embed.embed_documents(["a harbour", "港口"])
    return [[len(vector), round(math.hypot(*vector), 2)] for vector in vectors]


def unknown_model():
    return model("gpt-99").invoke("Hi").content


def rate_limited():
    return model().invoke("fail 429").content


def broken():
    return model().invoke("fail 500").content


def bad_option():
    return model("rag:lights", extra_body={"sandtable": {"options": {"k": -1}}}).invoke("Hi").content


def outcome(check):
    try:
        return check()
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)}


CHECKS = (
    chat, stream, tools, tools_streamed, structured, rag, embeddings, unknown_model, rate_limited, broken, bad_option,
)  # fmt: skip
print(json.dumps({check.__name__: outcome(check) for check in CHECKS}))
