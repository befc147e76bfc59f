"""A chat model of LangChain's that says the last user message back in pieces of 4 characters, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult


class EchoChat(BaseChatModel):
    temperature: float | None = None
    max_tokens: int | None = None

    @property
    def _llm_type(self) -> str:
        return "echo"

    def _generate(self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **__: Any) -> ChatResult:
        raise NotImplementedError("it streams")

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self.bind(tools=tools, **kwargs)

    async def _astream(
        self, messages: list[BaseMessage], stop: list[str] | None = None, *_: Any, **__: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        said = str(next(message.text for message in reversed(messages) if isinstance(message, HumanMessage)))
        for word in stop or ():
            said = said.partition(word)[0]
        for at in range(0, len(said), 4):
            yield ChatGenerationChunk(message=AIMessageChunk(content=said[at : at + 4]))
        ended = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
        last = AIMessageChunk(content="", usage_metadata=ended, response_metadata={"finish_reason": "stop"})
        yield ChatGenerationChunk(message=last)
