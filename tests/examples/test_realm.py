"""REALM's gradient, and that a retriever learns from answers alone, better with a fresh index."""

import pytest

from tests.examples.running import module, printed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def torch():
    return module("torch")


@pytest.fixture(scope="module")
def made():
    return module("realm_model")


def test_the_gradient_by_each_fit_is_its_pull(torch, made):
    """grad log p(y | x) = sum_z r(z) grad f(x, z): by autograd and by finite differences."""
    torch.manual_seed(0)
    fit = torch.randn(6, 5, dtype=torch.float64, requires_grad=True)
    read = torch.rand(6, 5, dtype=torch.float64).log()
    (slope,) = torch.autograd.grad(made.log_marginal(fit, read).sum(), fit)
    r = made.pull(fit, read)
    assert torch.allclose(slope, r, atol=1e-12)
    assert torch.allclose(r.sum(1), torch.zeros(6, dtype=torch.float64), atol=1e-12)
    for place in range(5):
        step = torch.zeros(5, dtype=torch.float64)
        step[place] = 1e-6
        sides = made.log_marginal(fit + step, read) - made.log_marginal(fit - step, read)
        assert torch.allclose(sides / 2e-6, r[:, place], atol=1e-8)
    # Drawn nearer exactly if it makes the answer likelier than the mixture does.
    assert torch.equal(r > 0, read > made.log_marginal(fit, read)[:, None])


def test_it_reaches_both_towers_and_the_null_document(torch, made):
    torch.manual_seed(1)
    model = made.Realm(30, 8, torch.zeros(8, dtype=torch.long), d=6).double()
    asked, pages = torch.randint(30, (4, 8)), torch.randint(30, (4, 3, 8))
    fit, read = model.parts(asked, pages, torch.randint(30, (4,)))
    whole = made.log_marginal(fit, read).sum()
    retriever = [*model.ask.parameters(), *model.document.parameters(), model.null]
    by_loss = torch.autograd.grad(whole, retriever, retain_graph=True)
    by_pull = torch.autograd.grad((made.pull(fit, read).detach() * fit).sum(), retriever)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in zip(by_loss, by_pull, strict=True))
    assert all(slope.abs().max() > 0 for slope in by_loss)
    assert made.utility(read).shape == (4, 3)


def test_recall_rises_from_answers_alone_and_a_stale_index_costs(tmp_path):
    told = printed("realm.py", "--steps", 300, "--plot", tmp_path / "realm.svg")
    assert told["before"]["recall_at_1"] < 0.3 < 0.6 < told["fresh"]["recall_at_1"]
    assert told["stale"]["recall_at_1"] < told["fresh"]["recall_at_1"] - 0.03
    assert told["random masks"]["recall_at_1"] < told["fresh"]["recall_at_1"]
    assert told["fresh"]["utility_gold"] > told["fresh"]["utility_other"] + 5
    assert (tmp_path / "realm.svg").stat().st_size > 5_000
