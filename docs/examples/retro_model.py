"""RETRO's chunked cross-attention as a small language model in torch, and the retrieval that feeds it.

Source: Borgeaud et al. 2021 (arXiv:2112.04426), sections 2.2 to 2.4 and algorithm 1. Shapes: B sequences of n = l m
tokens in l chunks of m, k neighbours of r = 2m tokens each (a chunk and its continuation), width d.

Departures, for size: positions are learned and absolute, not relative; the encoder has one layer; keys of the search
are mean-pooled frozen embeddings of our own, not BERT's. The search is by L2, as in the paper.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, scaled_dot_product_attention


class Attention(nn.Module):
    """Queries (..., q, d) over keys (..., t, d)."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key_value, self.out = nn.Linear(d, d), nn.Linear(d, 2 * d), nn.Linear(d, d)

    def forward(self, x: Tensor, over: Tensor, *, causal: bool = False) -> Tensor:
        q = self._split(self.query(x))
        key, value = (self._split(part) for part in self.key_value(over).chunk(2, dim=-1))
        found = scaled_dot_product_attention(q, key, value, is_causal=causal)
        return self.out(found.transpose(-3, -2).flatten(-2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)


class FeedForward(nn.Sequential):
    def __init__(self, d: int) -> None:
        super().__init__(nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))


class ChunkedCrossAttention(nn.Module):
    """Each token attends the neighbours of the chunk that is complete when it is read: position u m - 1, the last of
    chunk u, is the first that may, since it predicts the first token of chunk u + 1. The first m - 1 positions attend
    nothing."""

    def __init__(self, d: int, heads: int, m: int) -> None:
        super().__init__()
        self.m = m
        self.place = nn.Parameter(torch.randn(m, d) * 0.5)
        self.attention = Attention(d, heads)

    def forward(self, h: Tensor, encoded: Tensor) -> Tensor:
        """(B, n, d) hidden states and (B, l, k, r, d) encoded neighbours; returns what is added to the states."""
        batch, n, d = h.shape
        m, chunks = self.m, encoded.shape[1]
        # H+: shifted by m - 1, so that row u holds the positions that may see E_u; the last row is padded.
        shifted = nn.functional.pad(h[:, m - 1 :], (0, 0, 0, m - 1)).view(batch, chunks, m, d)
        # Neighbours and their time are one axis of keys.
        seen = self.attention(shifted + self.place, encoded.flatten(2, 3)).view(batch, n, d)
        return nn.functional.pad(seen, (0, 0, m - 1, 0))[:, :n]


class Encoder(nn.Module):
    """Neighbours read in both directions, each with the chunk that it is a neighbour of in view (H_u)."""

    def __init__(self, d: int, heads: int, r: int) -> None:
        super().__init__()
        self.place = nn.Parameter(torch.randn(r, d) * 0.5)
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(4))
        self.itself, self.chunk, self.forward_ = Attention(d, heads), Attention(d, heads), FeedForward(d)

    def forward(self, neighbours: Tensor, states: Tensor) -> Tensor:
        """(B, l, k, r, d) embedded neighbours and (B, l, m, d) states of their chunks; returns (B, l, k, r, d)."""
        x = neighbours + self.place
        y = self.norms[0](x)
        x = x + self.itself(y, y)
        x = x + self.chunk(self.norms[1](x), states.unsqueeze(2).expand(-1, -1, x.shape[2], -1, -1))
        return self.norms[3](x + self.forward_(self.norms[2](x)))


class Block(nn.Module):
    def __init__(self, d: int, heads: int, m: int, *, retrieves: bool) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(d) for _ in range(3))
        self.itself, self.forward_ = Attention(d, heads), FeedForward(d)
        self.cross = ChunkedCrossAttention(d, heads, m) if retrieves else None


class Retro(nn.Module):
    def __init__(
        self, vocabulary: int, *, m: int, chunks: int, d: int = 64, heads: int = 4, layers: int = 3,
        retrieving: tuple[int, ...] = (1, 2),
    ) -> None:  # fmt: skip
        """`retrieving`: the layers P with cross-attention; the encoder sees the states at the first of them."""
        super().__init__()
        self.m, self.first = m, min(retrieving)
        self.tokens = nn.Embedding(vocabulary, d)
        self.place = nn.Parameter(torch.randn(m * chunks, d) * 0.5)
        self.blocks = nn.ModuleList(Block(d, heads, m, retrieves=layer in retrieving) for layer in range(layers))
        self.encoder = Encoder(d, heads, 2 * m)
        self.norm, self.head = nn.LayerNorm(d), nn.Linear(d, vocabulary)

    def forward(self, tokens: Tensor, neighbours: Tensor | None) -> Tensor:
        """(B, n) tokens, n a multiple of m, and (B, l, k, 2m) tokens of their chunks' neighbours, or None for no
        retrieval, the base model; returns logits (B, n, V)."""
        h, encoded = self.tokens(tokens) + self.place[: tokens.shape[1]], None
        for layer, block in enumerate(self.blocks):
            y = block.norms[0](h)
            h = h + block.itself(y, y, causal=True)
            if neighbours is not None and layer == self.first:
                encoded = self.encoder(self.tokens(neighbours), h.unflatten(1, (-1, self.m)))
            if block.cross is not None and encoded is not None:
                h = h + block.cross(block.norms[1](h), encoded)
            h = h + block.forward_(block.norms[2](h))
        return self.head(self.norm(h))

    def losses(self, tokens: Tensor, neighbours: Tensor | None) -> Tensor:
        """(B, l): mean loss of each chunk's tokens, in nats; the very first token is not predicted."""
        logits = self(tokens, neighbours)
        lost = cross_entropy(logits[:, :-1].transpose(1, 2), tokens[:, 1:], reduction="none")
        padded = nn.functional.pad(lost, (1, 0))
        counts = torch.full((tokens.shape[1] // self.m,), self.m, dtype=padded.dtype)
        counts[0] = self.m - 1
        return padded.unflatten(1, (-1, self.m)).sum(2) / counts


def silence(model: Retro) -> None:
    """Set what cross-attention adds to zero: RETRO-fitting begins so from a model that was trained without."""
    for block in model.blocks:
        if block.cross is not None:
            nn.init.zeros_(block.cross.attention.out.weight)
            nn.init.zeros_(block.cross.attention.out.bias)


class Database:
    """Chunks of documents, found by the L2 distance of mean-pooled frozen embeddings."""

    def __init__(self, documents: Tensor, m: int, embedding: Tensor) -> None:
        """(D, c m) tokens of documents and (V, e) frozen embeddings."""
        self.chunks = documents.unflatten(1, (-1, m))
        self.embedding = embedding
        self.keys = self._key(self.chunks.flatten(0, 1))
        self.document = torch.arange(len(documents)).repeat_interleave(self.chunks.shape[1])

    def neighbours(self, queries: Tensor, document: Tensor, k: int) -> Tensor:
        """(Q, m) chunks, and the number of the document that each is from, or -1; returns (Q, k, 2m): [N, F].

        Chunks of the same document are left out, so none finds itself. The last chunk of a document has no
        continuation, so it is no neighbour. Raises ValueError for a chunk that has fewer than k."""
        far = torch.cdist(self._key(queries), self.keys)
        same = self.document[None, :] == document[:, None]
        last = torch.arange(len(self.keys)) % self.chunks.shape[1] == self.chunks.shape[1] - 1
        left = ~(same | last[None, :])
        if (fewest := int(left.sum(1).min())) < k:
            raise ValueError(f"a chunk has {fewest} neighbours in the other documents, and k is {k}")
        found = far.masked_fill(~left, torch.inf).topk(k, largest=False).indices
        flat = self.chunks.flatten(0, 1)
        return torch.cat([flat[found], flat[found + 1]], dim=-1)

    def _key(self, chunks: Tensor) -> Tensor:
        return self.embedding[chunks].mean(dim=-2)
