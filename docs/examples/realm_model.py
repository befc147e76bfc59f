"""REALM in small: a retriever of two towers and a reader, trained through the top-k softmax between them.

Source: Guu et al. 2020 (arXiv:2002.08909), section 3:

    p(y|x) = sum_z p(y|z,x) p(z|x),    p(z|x) = softmax_z f(x,z),    f(x,z) = Embed_in(x) . Embed_doc(z)

over the k nearest documents and a null document, which stands for "nothing need be looked up". Departures, for size: a
tower is a weighted mean of token vectors and a projection, the reader attends over the document's tokens once, and one
token is masked. The towers begin alike and heed rare tokens more, which stands for the warm start by the inverse cloze
task.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Tower(nn.Module):
    def __init__(self, vocabulary: int, longest: int, d: int) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, d)
        self.heed, self.heed_place = nn.Embedding(vocabulary, 1), nn.Parameter(torch.zeros(longest))
        self.project = nn.Linear(d, d, bias=False)
        nn.init.zeros_(self.heed.weight)
        nn.init.eye_(self.project.weight)

    def forward(self, texts: Tensor) -> Tensor:
        """(..., t) tokens to (..., d)."""
        weight = (self.heed(texts)[..., 0] + self.heed_place[: texts.shape[-1]]).softmax(-1)
        return self.project((weight[..., None] * self.tokens(texts)).sum(-2))


class Reader(nn.Module):
    """p(y | z, x): the masked token, from x and one document together."""

    def __init__(self, vocabulary: int, longest: int, d: int) -> None:
        super().__init__()
        self.tokens, self.place = nn.Embedding(vocabulary, d), nn.Parameter(torch.randn(longest, d) * 0.3)
        self.query, self.key, self.out = nn.Linear(d, d), nn.Linear(2 * d, d), nn.Linear(2 * d, d)

    def forward(self, asked: Tensor, documents: Tensor) -> Tensor:
        """(B, t) questions and (B, k, s) documents; returns log p(y | z, x), (B, k, V)."""
        x = self.tokens(asked).mean(1)
        z = self.tokens(documents) + self.place
        # A token is known by the one before it too: a value stands after its relation.
        before = torch.cat([torch.zeros_like(z[..., :1, :]), z[..., :-1, :]], dim=-2)
        key = self.key(torch.cat([z, before], dim=-1))
        weight = torch.einsum("bd,bksd->bks", self.query(x), key).div(key.shape[-1] ** 0.5).softmax(-1)
        found = torch.einsum("bks,bksd->bkd", weight, self.tokens(documents))
        said = self.out(torch.cat([x[:, None].expand_as(found), found], dim=-1))
        return (said @ self.tokens.weight.T).log_softmax(-1)


class Realm(nn.Module):
    def __init__(self, vocabulary: int, longest: int, empty: Tensor, d: int = 64) -> None:
        """`empty`: the tokens of the null document."""
        super().__init__()
        self.ask, self.document = Tower(vocabulary, longest, d), Tower(vocabulary, longest, d)
        self.document.load_state_dict(self.ask.state_dict())
        self.reader = Reader(vocabulary, longest, d)
        self.null = nn.Parameter(torch.zeros(d))
        self.empty = empty

    def parts(self, asked: Tensor, documents: Tensor, answers: Tensor) -> tuple[Tensor, Tensor]:
        """(B, t) questions, (B, k, s) candidates, (B,) answers; returns f(x, z) and log p(y | z, x), each (B, k + 1);
        the null document is the last candidate."""
        fit = torch.einsum("bd,bkd->bk", self.ask(asked), self.document(documents))
        null = self.ask(asked) @ self.null
        every = torch.cat([documents, self.empty.expand(len(asked), 1, -1)], dim=1)
        read = self.reader(asked, every).gather(2, answers[:, None, None].expand(-1, every.shape[1], 1))[..., 0]
        return torch.cat([fit, null[:, None]], dim=1), read


def log_marginal(fit: Tensor, read: Tensor) -> Tensor:
    """log p(y | x) = log sum_z p(y | z, x) p(z | x), over the last axis."""
    return (fit.log_softmax(-1) + read).logsumexp(-1)


def pull(fit: Tensor, read: Tensor) -> Tensor:
    """r(z) = (p(y | z, x) / p(y | x) - 1) p(z | x): the gradient of log p(y | x) is sum_z r(z) grad f(x, z). A document
    that makes the answer likelier than the mixture does is drawn nearer, others are pushed away."""
    return ((read - log_marginal(fit, read)[..., None]).exp() - 1) * fit.softmax(-1)


def utility(read: Tensor) -> Tensor:
    """RU(z | x) = log p(y | z, x) - log p(y | null, x), of all candidates but the null document."""
    return read[..., :-1] - read[..., -1:]
