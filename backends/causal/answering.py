"""Requests answered by a model in this process, one small step after the other. Pure computing: no threads, no waiting.

Each function is a generator that yields what is done so far, and None after a step without any, so that whoever drives
it can let others in between or leave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from backends.base import Delta, FinishReason, Hypothesis, Request, TokenLogprob, Usage
from backends.causal.beam import Search, Weighted
from backends.causal.pieces import Pieces, Stops
from backends.causal.sampling import Sampler, best
from backends.errors import BadReply, ContextLengthExceeded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from backends.causal.base import Floats, Model


def answered(model: Model, request: Request, name: str) -> Iterator[Delta | None]:
    if request.continuations:
        return _scored(model, request, name)
    if request.beams is not None or request.contexts:
        return _searched(model, request, name)
    return _written(model, request, name)


def _written(model: Model, request: Request, name: str) -> Iterator[Delta | None]:
    prompt = model.prompt(request.messages, plain=request.plain)
    most, sampler = _room(model, [prompt], request, name), Sampler(request)
    guide = model.guide(request.json_schema) if request.json_schema is not None else None
    walk, pieces, stops = model.walk(prompt), Pieces(model.decode), Stops(request.stop)
    finish: FinishReason = "length"
    written = 0
    while written < most:
        own = chances = walk.next()
        if guide is not None:
            allowed = guide.allowed()
            if allowed is None:
                finish = "stop"
                break
            chances = _masked(own, allowed)
        token = sampler.choose(chances)
        written += 1
        if token in model.ends:
            finish = "stop"
            break
        text = pieces.push(token)
        out, tokens = stops.push(text, _token(model, text, own, token, request.logprobs))
        yield _piece(out, tokens, request)
        if stops.hit:
            finish = "stop"
            break
        walk.push(token)
        if guide is not None:
            guide.push(token)
    if not stops.hit:
        out, tokens = stops.push(pieces.end())
        yield _piece(out, tokens, request)
    if not stops.hit:
        yield _piece(*stops.end(), request)
    elif finish == "length":
        finish = "stop"
    yield Delta(finish=finish, usage=Usage(prompt_tokens=len(prompt), completion_tokens=written))


def _searched(model: Model, request: Request, name: str) -> Iterator[Delta | None]:
    parts = [(context.messages, context.logweight) for context in request.contexts] or [(request.messages, 0.0)]
    mixture = [Weighted(tuple(model.prompt(messages, plain=request.plain)), weight) for messages, weight in parts]
    most = _room(model, [part.prompt for part in mixture], request, name)

    def stopped(ids: Sequence[int]) -> bool:
        return any(word in model.decode(ids) for word in request.stop)

    search = Search(model, mixture, request.beams or 1, most, stopped if request.stop else lambda ids: False)
    found = None
    while found is None:
        found = search.step()
        if found is None:
            yield None
    hypotheses = [Hypothesis(text=_text(model, f.ids, request), ids=f.ids, logprob=f.logprob) for f in found]
    if hypotheses and hypotheses[0].text:
        yield Delta(text=hypotheses[0].text)
    usage = Usage(
        prompt_tokens=sum(len(part.prompt) for part in mixture),
        completion_tokens=len(hypotheses[0].ids) if hypotheses else 0,
    )
    finish: FinishReason = "stop" if found and found[0].ended else "length"
    yield Delta(hypotheses=tuple(hypotheses), finish=finish, usage=usage)


def _scored(model: Model, request: Request, name: str) -> Iterator[Delta | None]:
    prompt = model.prompt(request.messages, plain=request.plain)
    answers = [
        model.continued(request.messages, wanted, plain=request.plain) if isinstance(wanted, str) else list(wanted)
        for wanted in request.continuations
    ]
    longest = max(map(len, answers))
    if model.window is not None and len(prompt) + longest > model.window:
        raise _too_long(name, len(prompt) + longest, model.window)
    scores = model.score(prompt, answers)
    told = tuple(
        _told(model, ids, logprobs, wanted, name)
        for ids, logprobs, wanted in zip(answers, scores, request.continuations, strict=True)
    )
    usage = Usage(prompt_tokens=len(prompt) + sum(map(len, answers)))
    yield Delta(scores=told, finish="stop", usage=usage)


def _told(
    model: Model, ids: Sequence[int], logprobs: Sequence[float], wanted: str | tuple[int, ...], name: str
) -> tuple[TokenLogprob, ...]:
    pieces = Pieces(model.decode)
    texts = [pieces.push(token) for token in ids]
    if texts:
        texts[-1] += pieces.end()
    if isinstance(wanted, str):
        joined = "".join(texts)
        if not wanted.endswith(joined):
            raise BadReply(f"the tokenizer of {name!r} gives {joined[:200]!r} back for {wanted[:200]!r}")
        if texts:  # SentencePiece takes the space before the first word off.
            texts[0] = wanted[: len(wanted) - len(joined)] + texts[0]
    return tuple(TokenLogprob(token=text, logprob=odds) for text, odds in zip(texts, logprobs, strict=True))


def _room(model: Model, prompts: Sequence[Sequence[int]], request: Request, name: str) -> int:
    """Tokens that the answer may have. Raises ContextLengthExceeded."""
    longest = max(map(len, prompts))
    wanted = request.max_tokens or 1
    if model.window is None:
        return wanted
    if longest >= model.window:
        raise _too_long(name, longest, model.window)
    return min(wanted, model.window - longest)


def _too_long(name: str, tokens: int, window: int) -> ContextLengthExceeded:
    return ContextLengthExceeded(
        f"the request has {tokens} tokens, and the model of {name!r} takes {window}: send less, or use a model with a "
        "longer window"
    )


def _masked(logprobs: Floats, allowed: NDArray[np.bool_]) -> Floats:
    import numpy as np

    masked: Floats = np.where(allowed, logprobs, -np.inf)
    return masked


def _token(model: Model, text: str, logprobs: Floats, token: int, alternatives: int | None) -> TokenLogprob | None:
    if alternatives is None:
        return None
    top = tuple((model.decode([other]), float(logprobs[other])) for other in best(logprobs, alternatives))
    return TokenLogprob(token=text, logprob=float(logprobs[token]), top=top)


def _piece(text: str, tokens: Sequence[TokenLogprob], request: Request) -> Delta | None:
    if not text and not tokens:
        return None
    return Delta(text=text, logprobs=tuple(tokens) if request.logprobs is not None else ())


def _text(model: Model, ids: Sequence[int], request: Request) -> str:
    text = model.decode([token for token in ids if token not in model.ends])
    places = [place for word in request.stop if word and (place := text.find(word)) >= 0]
    return text[: min(places)] if places else text
