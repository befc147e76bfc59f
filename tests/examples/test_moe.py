"""A mixture's gradients by finite differences, and its collapse where nothing keeps the balance."""

import numpy as np
import pytest

from tests.examples.running import module

moe = module("moe")


def test_the_gradients_are_those_of_finite_differences():
    chance = np.random.default_rng(3)
    model = moe.Mixture(chance.normal(size=(moe.EXPERTS, moe.D)), chance.normal(size=(moe.EXPERTS, moe.D, moe.D)))
    x, y = moe.batch(*moe.task(4), chance)
    shares = moe.gradients(model, x, y, 0.0)[3]

    def loss(alpha):
        """With the shares as they were: they are counts, and have no gradient."""
        plain = moe.gradients(model, x, y, 0.0)[0]
        return plain + alpha * moe.EXPERTS * float(shares @ moe.softmax(x @ model.gate.T).mean(axis=0))

    for alpha in (0.0, 2.0):
        _, by_gate, by_experts, _ = moe.gradients(model, x, y, alpha)
        for weights, slope in ((model.gate, by_gate), (model.experts, by_experts)):
            for _ in range(12):
                place = tuple(chance.integers(size) for size in weights.shape)
                kept, sides = weights[place], []
                for step in (1e-5, -1e-5):
                    weights[place] = kept + step
                    sides.append(loss(alpha))
                weights[place] = kept
                assert slope[place] == pytest.approx((sides[0] - sides[1]) / 2e-5, rel=1e-4, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1])
def test_without_the_balance_loss_one_expert_takes_most_and_with_it_all_have_their_share(seed):
    def end(alpha):
        last = moe.train(1500, alpha, seed)[-100:]
        return [sum(row[key] for row in last) / len(last) for key in ("max_ratio", "loss")]

    (collapsed, high), (balanced, low) = end(0.0), end(1.0)
    # Of 64 inputs from 4 equal clusters the fullest has about 1.27 times its share.
    assert balanced < 1.45 < 2.5 < collapsed
    assert low < high / 3


@pytest.mark.slow
def test_gradients_of_a_mixture_and_of_its_balance_loss_by_autograd():
    """sum_e g_e (grad log g_e h_e + grad h_e); GShard's loss reaches the gate through the mean gates alone."""
    torch = module("torch")
    torch.manual_seed(0)
    x, gate = torch.randn(5, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    heads = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    g = (x @ gate.T).softmax(1)
    h = x @ heads.T
    by_gate, by_heads = torch.autograd.grad((g * h).sum(), (gate, heads), retain_graph=True)
    log_slopes = torch.stack(
        [
            torch.autograd.grad((g.log()[:, e] * (g * h)[:, e].detach()).sum(), gate, retain_graph=True)[0]
            for e in range(4)
        ]
    )
    assert torch.allclose(by_gate, log_slopes.sum(0))
    assert torch.allclose(by_heads, g.T @ x)
    first = torch.bincount(g.argmax(1), minlength=4)
    loss = (first / 5 * g.mean(0)).sum() / 4
    (slope,) = torch.autograd.grad(loss, gate)
    share = (first / 5).double()
    by_score = g / (5 * 4) * (share - (g @ share)[:, None])
    assert torch.allclose(slope, by_score.T @ x)
