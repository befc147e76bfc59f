"""What every LLM backend takes and gives. Values only: nothing here knows a wire format or does I/O.

Streaming is the one primitive. A whole answer is the fold of its deltas (`complete`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
Capability = Literal["tools", "json_schema", "logprobs", "scoring", "images", "embeddings", "causal"]
Role = Literal["system", "user", "assistant", "tool"]

NO_ANSWER = "NO_ANSWER"
"""The one word by which a reply says that the given sources do not hold the answer. Pipelines ask for it in their
prompt and turn it into a sentence for the reader."""


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Image(Value):
    """A picture in a message: its bytes, or an address from which the model's server fetches it; never both.

    `backends.images.image_of` makes one from a URL, `data:` URLs included.
    """

    media_type: Literal["image/png", "image/jpeg", "image/gif", "image/webp"] | None = None
    """Of `data`; None with a `url`."""
    data: str = ""
    """The bytes in base64, as they are sent."""
    url: str = ""
    """`https://...` or `http://...`; nothing here ever fetches it."""
    detail: Literal["auto", "low", "high"] = "auto"
    """How closely to look, for servers of OpenAI's form; others have no such choice."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.data) == bool(self.url):
            raise ValueError("an image has either data or a url")
        if bool(self.data) != (self.media_type is not None):
            raise ValueError("an image has a media_type if it has data, and only then")
        return self


class ToolCall(Value):
    id: str
    name: str
    arguments: str = "{}"
    """JSON text as the model wrote it; the tool's own schema judges it."""
    extra: Mapping[str, Any] = Field(default_factory=dict)
    """Fields of the provider that it wants back on the next turn (Gemini's thought signature)."""


class Message(Value):
    role: Role
    content: str = ""
    reasoning: str = ""
    """Thoughts of a reasoning model; never part of `content`."""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    images: tuple[Image, ...] = ()
    """Pictures that go with `content`, after it; in messages of the user and of tools."""
    extra: Mapping[str, Any] = Field(default_factory=dict)
    """What the provider wants back with this turn (Anthropic's signed thoughts), under its name. Others ignore it."""


class ToolSpec(Value):
    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema of the arguments, `type: object`."""
    strict: bool = False
    """The arguments must fit the schema, where the server can hold a model to it."""


class Source(Value):
    """A passage that the answer may rest on. The messages carry the same text for backends that only read messages."""

    id: str
    title: str
    text: str


class Context(Value):
    """One of the prompts of a mixture, which all have the same answer."""

    messages: tuple[Message, ...]
    logweight: float
    """Natural logarithm of its share; those of a mixture sum to one."""


class Request(Value):
    messages: tuple[Message, ...]
    question: str = ""
    """What the user asked, for backends that quote rather than write; the messages carry it too."""
    subject: Mapping[str, str] = Field(default_factory=dict)
    """What the call is about in its pipeline, for backends that answer from a record; never sent to a server."""
    sources: tuple[Source, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: Literal["auto", "none", "required"] | str = "auto"
    """A word of OpenAI's, or the name of the one tool to call."""
    parallel_tool_calls: bool | None = None
    """False: at most one call an answer."""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    """By token id of the model's own tokenizer."""
    reasoning_effort: str | None = None
    """A word of OpenAI's: `minimal`, `low`, `high`, ..."""
    json_schema: Mapping[str, Any] | None = None
    """The answer must be JSON that fits this schema."""
    logprobs: int | None = None
    """How many alternatives per token to report (0: the chosen token only); None: none at all."""
    continuations: tuple[str | tuple[int, ...], ...] = ()
    """Write nothing, and score each of these as the answer: the reply has `scores`. As token ids of the model's own
    one may hold the token that ends an answer."""
    plain: bool = False
    """The texts of the messages, joined, are the prompt as it stands: nothing of a chat is put around them."""
    beams: int | None = None
    """Search for the most probable answer with so many beams; all hypotheses come with it."""
    contexts: tuple[Context, ...] = ()
    """Answer these prompts, in place of `messages`, with one answer: each next token has the mean of the probabilities
    that they give it, by their weights."""


class TokenLogprob(Value):
    token: str
    logprob: float
    """Natural logarithm."""
    top: tuple[tuple[str, float], ...] = ()


class Hypothesis(Value):
    """An answer that a search with beams came to."""

    text: str
    ids: tuple[int, ...]
    """Its tokens, with the one that ends it if it came to its end."""
    logprob: float
    """Of all tokens, the sum of natural logarithms; of a mixture, that of the mixed probabilities."""


class Usage(Value):
    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cached_tokens: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
        )


class Delta(Value):
    """One piece of an answer. `finish` comes exactly once, in the last delta, with the usage if it is known."""

    text: str = ""
    reasoning: str = ""
    tool_call: ToolCall | None = None
    """A whole call: pieces are put together before they are passed on."""
    extra: Mapping[str, Any] = Field(default_factory=dict)
    """Belongs into `Message.extra` of this answer; the last one of a name wins."""
    logprobs: tuple[TokenLogprob, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    """In the last delta of a search with beams, best first."""
    scores: tuple[tuple[TokenLogprob, ...], ...] = ()
    """In the last delta: the tokens of each of the request's `continuations`."""
    warning: str = ""
    usage: Usage | None = None
    """Of the whole request, so the last one that is set wins; never summed."""
    finish: FinishReason | None = None
    cached: bool = False
    """In the last delta: the answer was given to an equal request before, and no model was asked."""


class Completion(Value):
    message: Message
    finish: FinishReason
    usage: Usage | None
    """None when the backend did not say: it is never invented."""
    logprobs: tuple[TokenLogprob, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    scores: tuple[tuple[TokenLogprob, ...], ...] = ()
    cached: bool = False
    """No model was asked; `usage` is that of the first time."""


class Capabilities(Value):
    tools: bool = False
    json_schema: bool = False
    logprobs: bool = False
    scoring: bool = False
    images: bool = False
    embeddings: bool = False
    causal: bool = False
    """It can be used as a bare language model: plain prompts, beams, mixtures of prompts."""


class Backend(Protocol):
    @property
    def name(self) -> str:
        """The spec string, `openai:gpt-x`; never holds a key."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    def stream(self, request: Request) -> AsyncIterator[Delta]:
        """Yield the answer as it is made.

        Raises backends.errors.BackendError before or between deltas; a stream that ends without error has sent
        `finish`.
        """
        ...


async def complete(deltas: AsyncIterator[Delta]) -> Completion:
    """Fold a stream to the whole answer. Raises IncompleteStream if it ends without a finish reason."""
    from backends.errors import IncompleteStream

    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    logprobs: list[TokenLogprob] = []
    usage: Usage | None = None
    finish: FinishReason | None = None
    extra: dict[str, Any] = {}
    hypotheses: tuple[Hypothesis, ...] = ()
    scores: tuple[tuple[TokenLogprob, ...], ...] = ()
    cached = False
    async for delta in deltas:
        text.append(delta.text)
        reasoning.append(delta.reasoning)
        if delta.tool_call is not None:
            calls.append(delta.tool_call)
        logprobs.extend(delta.logprobs)
        usage = delta.usage or usage
        finish = delta.finish or finish
        extra.update(delta.extra)
        hypotheses, scores = delta.hypotheses or hypotheses, delta.scores or scores
        cached = cached or delta.cached
    if finish is None:
        raise IncompleteStream("the stream ended without a finish reason")
    message = Message(
        role="assistant",
        content="".join(text),
        reasoning="".join(reasoning),
        tool_calls=tuple(calls),
        extra=extra,
    )
    return Completion(
        message=message,
        finish=finish,
        usage=usage,
        logprobs=tuple(logprobs),
        hypotheses=hypotheses,
        scores=scores,
        cached=cached,
    )
