"""Any chat model that LangChain knows: `langchain:PROVIDER:MODEL`, through its `init_chat_model`. An optional extra."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from pydantic import SecretStr

from backends.base import Capabilities, Delta, Request
from backends.capabilities import check
from backends.errors import BackendError, BadSpec, TimedOut
from backends.langchain_reply import ReplyReader
from backends.langchain_wire import bound, constructor_names, messages_of, names_of
from backends.parameters import parameters
from backends.profiles import Profile
from backends.sdk_errors import sdk_error
from backends.secret import Secrets

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk

Make = Callable[..., "BaseChatModel"]
"""Makes the model from keyword arguments: those of its constructor."""

MOST_MODELS = 16
"""One object for each way of sampling: LangChain's models take temperature and the like when they are made."""
INSTALL = "pip install -c constraints.txt -e '.[langchain]'"


class LangChain:
    def __init__(self, profile: Profile, model: str, make: Make | None = None) -> None:
        """`model`: as `init_chat_model` takes it, `provider:model`. `make`: instead of it. Raises BadSpec."""
        self.name = f"{profile.name}:{model}"
        self._profile = profile
        self._make = make or _maker(model)
        self._given = _constructor_arguments(profile)
        self._models: dict[str, BaseChatModel] = {}
        first = self._made({})
        _refuse_unknown(self.name, self._given, first)
        self._names = names_of(first)
        self._secrets = Secrets((*profile.secrets(), *_secrets_of(first)))
        self.capabilities = _capabilities(profile, first)

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises the errors of backends.errors; closing the stream closes the model's own."""
        check(self.name, self.capabilities, request)
        sampling, warnings = parameters(request, self._profile, self._names)
        stop = sampling.pop("stop", None)
        reader = ReplyReader(self.name, warnings)
        with self._secrets.hidden_in_errors():
            model = await asyncio.to_thread(self._made, sampling)
            runnable = bound(model, request)
            # Without callbacks: a graph around this call must not see its chunks beside our events.
            chunks = runnable.astream(messages_of(request.messages), config={"callbacks": []}, stop=stop)
            async with aclosing(cast("AsyncGenerator[AIMessageChunk]", chunks)) as pieces:
                async for chunk in self._in_time(pieces):
                    for delta in reader.feed(chunk):
                        yield delta
            for delta in reader.end():
                yield delta

    async def _in_time(self, chunks: AsyncIterator[AIMessageChunk]) -> AsyncGenerator[AIMessageChunk]:
        """Raises TimedOut when nothing comes, and our error for whatever the provider's library raises."""
        seconds = self._profile.read_timeout
        while True:
            try:
                async with asyncio.timeout(seconds):
                    chunk = await anext(chunks, None)
            except TimeoutError:
                raise TimedOut(f"{self.name} sent nothing for {seconds:g} s") from None
            except BackendError:
                raise
            except Exception as error:  # each provider's library has exceptions of its own
                raise sdk_error(self.name, error) from error
            if chunk is None:
                return
            yield chunk

    def _made(self, sampling: Mapping[str, Any]) -> BaseChatModel:
        key = json.dumps(sampling, sort_keys=True)
        if key not in self._models:
            made = self._make(**{**self._given, **sampling})
            for old in list(self._models)[: max(0, len(self._models) + 1 - MOST_MODELS)]:
                self._models.pop(old, None)
            self._models[key] = made
        return self._models[key]


def _maker(model: str) -> Make:
    """Raises BadSpec if LangChain or the provider's package is missing, or nobody knows the provider."""
    try:
        from langchain.chat_models import init_chat_model
    except ImportError:
        raise BadSpec(f"'langchain:{model}' needs LangChain: {INSTALL}, and the package of the provider") from None

    def make(**fields: Any) -> BaseChatModel:
        try:
            return cast("BaseChatModel", init_chat_model(model, **fields))
        except ImportError as error:
            raise BadSpec(f"'langchain:{model}' needs the package of its provider: {error}") from None
        except Exception as error:  # a key that is missing, a field that is wrong: each provider in its own words
            said = " ".join(str(error).split())[:500]
            raise BadSpec(f"LangChain cannot make 'langchain:{model}': {said}") from None

    return make


def _constructor_arguments(profile: Profile) -> dict[str, Any]:
    """What of the profile was set, under the names that LangChain's providers share."""
    given: dict[str, Any] = dict(profile.extra_body)
    if profile.base_url is not None:
        given["base_url"] = profile.base_url
    if profile.api_key is not None:
        given["api_key"] = profile.api_key.get_secret_value()
    if profile.headers:
        given["default_headers"] = {name: value.get_secret_value() for name, value in profile.headers.items()}
    if "retries" in profile.model_fields_set:
        given["max_retries"] = profile.retries
    return given


def _refuse_unknown(name: str, given: Mapping[str, Any], model: BaseChatModel) -> None:
    """Raises BadSpec for what the constructor would not have taken."""
    unknown = sorted(given.keys() - constructor_names(model))
    if unknown:
        raise BadSpec(
            f"the model of {name!r} does not take {', '.join(map(repr, unknown))}: remove it from the profile"
        )


def _capabilities(profile: Profile, model: BaseChatModel) -> Capabilities:
    """What LangChain says of the model, unless the flags say otherwise."""
    from langchain_core.language_models import BaseChatModel

    flags, told = profile.flags, model.profile or {}
    tools = type(model).bind_tools is not BaseChatModel.bind_tools and told.get("tool_calling", True)
    return Capabilities(
        tools=bool(tools) if flags.tools == "auto" else flags.tools,
        images=bool(told.get("image_inputs", False)) if flags.images is None else flags.images,
    )


def _secrets_of(model: BaseChatModel) -> list[str]:
    """Keys that the provider's library found for itself."""
    return [value.get_secret_value() for value in vars(model).values() if isinstance(value, SecretStr)]
