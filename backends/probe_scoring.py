"""Finding out whether a server scores given texts, and whether what it says is right.

The server writes a few tokens and says how probable they were; then the same tokens are scored as a given text. Both
are the same question, so both answers must agree. One that is off by a token does not, except by a chance of one in
some thousands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, cast

from backends.base import Backend, Message, Request, TokenLogprob, complete
from backends.errors import BadReply, CapabilityMissing, RequestRefused, UpstreamFailed
from backends.lifetime import close
from backends.openai_scoring import Form
from backends.probe import Finding
from backends.profiles import Profile

NEAR = 0.05
"""Nats for each token: half precision and other batches move a log-probability by some hundredths."""
PROMPT = "The four seasons of the year are spring,"


class Writing(Backend, Protocol):
    async def written(self, request: Request) -> list[TokenLogprob]:
        """A few tokens that the server writes by the route by which it would score."""
        ...


async def find_scoring(profile: Profile, make: Callable[[Profile], Backend]) -> Finding:
    """At most four requests. Raises BackendError when the server cannot be asked at all."""
    found = []
    forms: tuple[Form, ...] = ("prompt_logprobs", "echo")
    for form in forms:
        flags = profile.flags.model_copy(update={"scoring": form})
        backend = cast("Writing", make(profile.model_copy(update={"flags": flags})))
        try:
            wrong = await _wrong(backend, form)
        except (BadReply, CapabilityMissing, RequestRefused, UpstreamFailed) as error:
            wrong = str(error)
        finally:
            await close(backend)
        if not wrong:
            detail = f"{form}: what it wrote has the same probability as a given text"
            return Finding(works=True, detail=detail, scoring_form=form)
        found.append(f"{form}: {wrong}")
    return Finding(works=False, detail=", and ".join(found), scoring_form="none")


async def _wrong(backend: Writing, form: Form) -> str:
    """What is wrong with its scores; "": nothing."""
    request = Request(messages=(Message(role="user", content=PROMPT),), plain=form == "echo")
    wrote = await backend.written(request)
    text = "".join(token.token for token in wrote)
    if not text or "\ufffd" in text:
        return "it wrote no text to compare with"
    reply = await complete(backend.stream(request.model_copy(update={"continuations": (text,)})))
    given = reply.scores[0]
    if [token.token for token in given] != [token.token for token in wrote]:
        return f"it cuts {text!r} otherwise than it wrote it, so its scores cannot be compared"
    # Token by token: a shift by one changes their sum by no more than its first and last part.
    if all(abs(a.logprob - b.logprob) <= NEAR for a, b in zip(given, wrote, strict=True)):
        return ""
    shown = [", ".join(f"{token.logprob:.2f}" for token in tokens) for tokens in (given, wrote)]
    return (
        f"it gives {text!r} the log-probabilities {shown[0]} as a given text, and wrote it with {shown[1]}: its scores "
        "are of other tokens"
    )
