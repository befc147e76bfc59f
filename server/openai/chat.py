"""POST /v1/chat/completions: a pipeline as an OpenAI model, streamed or whole. Both are the same run of events."""

from __future__ import annotations

from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.events import End, Event, Thought, Token
from server import sse
from server.disconnect import unless_gone
from server.errors import bad_request
from server.ids import new_uuid
from server.openai.chat_messages import PARAMS, sampling_of, turns_of, wishes_of
from server.openai.chat_reply import Reply, Told, frames, whole
from server.openai.chat_schema import ChatCompletion, refuse_unsupported
from server.openai.choices import side_by_side
from server.openai.parts import parts_of
from server.openai.turns import check_able, check_sampling, check_wishes, run_input
from server.resolve import thread_for
from server.run_errors import no_answer
from server.runs.order import Order
from server.services import services_of, tenant_of
from tools.threads import on_a_thread

if TYPE_CHECKING:
    from agents.run import RunInput, Sampling

router = APIRouter(tags=["chat"])


@router.post("/v1/chat/completions", response_model=None)
async def create_chat_completion(request: Request, body: ChatCompletion) -> dict[str, Any] | Response:
    refuse_unsupported(body)
    orders = await _orders(request, body)
    reply = Reply(orders, body)
    told = side_by_side(services_of(request), orders)
    if not body.stream:
        return await unless_gone(request, whole(told, reply))
    begun = await unless_gone(request, _begin(told))
    return sse.response(frames(_chain(begun, told), reply))


async def _orders(request: Request, body: ChatCompletion) -> list[Order]:
    """One for each choice; they differ in their seed only."""
    parts = await parts_of(request, body.model, body.sandtable, body.user)
    wishes = await on_a_thread(partial(wishes_of, body), "schemas of a request")
    check_wishes(parts.pipeline, PARAMS, wishes)
    input = run_input(turns_of(body), wishes, parts.pipeline, persona=parts.persona)
    input = input.model_copy(update={"memory": parts.memory, "user": parts.user})
    check_able(parts.backend, input, PARAMS)
    sampling = sampling_of(body)
    check_sampling(parts.pipeline, parts.options, sampling)
    thread_ids = await _thread_ids(request, body, input)
    return [
        Order(
            tenant=tenant_of(request),
            pipeline=parts.pipeline,
            options=parts.options,
            input=input,
            sampling=_seeded(sampling, choice),
            backend=parts.backend,
            collection=parts.collection,
            run_id=new_uuid(),
            thread_id=thread_id,
            continues_thread=bool(body.sandtable and body.sandtable.thread_id),
            limits=parts.limits,
        )
        for choice, thread_id in enumerate(thread_ids)
    ]


async def _thread_ids(request: Request, body: ChatCompletion, input: RunInput) -> list[str]:
    """One for each choice. Raises ApiError."""
    wanted, choices = (body.sandtable.thread_id if body.sandtable else None), body.n or 1
    if wanted is not None and choices > 1:
        message = "A thread goes on with one answer: leave out 'n', or 'sandtable.thread_id'."
        raise bad_request(message, "n", "invalid_value")
    alone = not input.history and not input.after
    return [await thread_for(services_of(request), tenant_of(request), wanted, alone=alone) for _ in range(choices)]


def _seeded(sampling: Sampling, choice: int) -> Sampling:
    """With one seed for all, all choices would be the same. Seeds stay within 64 bits."""
    if sampling.seed is None:
        return sampling
    return sampling.model_copy(update={"seed": sampling.seed + (choice if sampling.seed < 0 else -choice)})


async def _begin(told: Told) -> list[tuple[int, Event]]:
    """Read up to the first token or thought. Raises ApiError if a run fails before: until then the status of the
    response can still tell it, which clients understand better than an error in a stream."""
    begun: list[tuple[int, Event]] = []
    async for choice, event in told:
        begun.append((choice, event))
        if isinstance(event, End) and (error := no_answer(event, PARAMS)) is not None:
            await told.aclose()
            raise error
        if isinstance(event, Token | Thought | End):
            break
    return begun


async def _chain(begun: list[tuple[int, Event]], rest: Told) -> Told:
    async with aclosing(rest) as events:
        for told in begun:
            yield told
        async for told in events:
            yield told
