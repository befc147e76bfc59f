"""RETRO's invariants, and that neighbours which hold the continuation are worth having."""

import pytest

from tests.examples.running import module, printed

pytestmark = pytest.mark.slow
M, CHUNKS, K, V = 4, 5, 2, 11


@pytest.fixture(scope="module")
def parts():
    torch, made = module("torch"), module("retro_model")
    torch.manual_seed(0)
    model = made.Retro(V, m=M, chunks=CHUNKS, d=16, heads=2).double().eval()
    embedding = torch.randn(V, 8, dtype=torch.float64)
    database = made.Database(torch.randint(V, (12, 4 * M)), M, embedding)

    def logits(tokens):
        """With neighbours looked for anew, as a change of a token may change what is found."""
        rows = tokens.view(-1, M)
        near = database.neighbours(rows, torch.full((len(rows),), -1), K)
        return model(tokens, near.view(len(tokens), CHUNKS, K, 2 * M))

    return torch, made, model, database, logits


def test_no_token_sees_a_later_one_not_even_by_its_neighbours(parts):
    torch, _, _, _, logits = parts
    tokens = torch.randint(V, (1, CHUNKS * M))
    before = logits(tokens)
    for place in range(CHUNKS * M):
        changed = tokens.repeat(V - 1, 1)
        changed[:, place] = (changed[:, place] + torch.arange(1, V)) % V
        off = (logits(changed) - before).abs().amax(dim=2)
        assert (off[:, :place] < 1e-12).all()
        assert (off[:, place:].amax(dim=1) > 1e-6).all()


def test_neighbours_reach_the_last_token_of_their_chunk_and_none_before(parts):
    torch, _, model, _, _ = parts
    tokens = torch.randint(V, (2, CHUNKS * M))
    near = torch.randint(V, (2, CHUNKS, K, 2 * M))
    before = model(tokens, near)
    for chunk in range(CHUNKS):
        other = near.clone()
        other[:, chunk] = (other[:, chunk] + 1) % V
        moved = (model(tokens, other) - before).abs().amax(dim=(0, 2)) > 1e-9
        first = (chunk + 1) * M - 1
        assert not moved[:first].any()
        assert moved[first]
    # With all of them changed the first m - 1 positions stay as they are.
    everything = model(tokens, (near + 1) % V)
    assert torch.equal(everything[:, : M - 1], before[:, : M - 1])


def test_a_chunk_without_neighbours_is_said_to_have_none(parts):
    torch, made, _, _, _ = parts
    alone = made.Database(torch.randint(V, (1, 3 * M)), M, torch.randn(V, 8))
    own = alone.chunks[0]
    with pytest.raises(ValueError, match="a chunk has 0 neighbours in the other documents, and k is 1"):
        alone.neighbours(own, torch.zeros(3, dtype=torch.long), 1)
    assert alone.neighbours(own, torch.full((3,), -1), 2).shape == (3, 2, 2 * M)
    with pytest.raises(ValueError, match="has 2 neighbours"):
        alone.neighbours(own, torch.full((3,), -1), 3)


def test_with_cross_attention_at_zero_it_is_the_base_model(parts):
    torch, made, _, _, _ = parts
    torch.manual_seed(1)
    model = made.Retro(V, m=M, chunks=CHUNKS, d=16, heads=2).double()
    tokens, near = torch.randint(V, (3, CHUNKS * M)), torch.randint(V, (3, CHUNKS, K, 2 * M))
    base = model(tokens, None)
    assert not torch.allclose(model(tokens, near), base)
    made.silence(model)
    assert torch.equal(model(tokens, near), base)


def test_no_chunk_finds_itself_or_its_document(parts):
    torch, made, _, _, _ = parts
    documents = torch.randint(V, (6, 4 * M))
    documents[5] = documents[0]
    database = made.Database(documents, M, torch.randn(V, 8))
    rows = documents.view(-1, M)
    owner = torch.arange(6).repeat_interleave(4)
    found = database.neighbours(rows, owner, 1)[:, 0]
    # What documents 0 and 5 share is found in the other; without the filter a chunk's nearest is itself.
    assert torch.equal(found[:3, :M], rows[:3])
    assert torch.equal(found[:3, M:], rows[1:4])
    own = database.neighbours(rows, torch.full_like(owner, -1), 1)[:, 0, :M]
    assert torch.equal(own[::4], rows[::4])
    assert not any(torch.equal(found[n, :M], rows[n]) for n in range(4, 20))


def test_loss_falls_where_a_neighbour_holds_the_continuation(tmp_path):
    told = printed("retro.py", "--steps", 350, "--plot", tmp_path / "retro.svg")
    assert told["RETRO"]["continuation"] < 0.6 * told["RETRO[Off]"]["continuation"]
    assert told["RETRO[Off]"]["continuation"] == pytest.approx(told["chance"], abs=0.05)
    assert (tmp_path / "retro.svg").stat().st_size > 5_000
