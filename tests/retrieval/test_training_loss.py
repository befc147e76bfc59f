"""The loss we train with against one worked by hand, on three questions, their passages and a hard negative of each."""

import math

import pytest

S = [  # score of question i for passages j: the three right ones, then each question's hard negative
    [2.0, 0.5, -1.0, 1.0, 0.0, 0.25],
    [0.0, 1.0, 0.5, -0.5, 1.5, 0.0],
    [1.0, -1.0, 0.0, 0.5, 0.25, 2.0],
]


def by_hand(scale):
    """The loss, and its gradient by every score: (softmax - 1 at the right passage) * scale / 3."""
    loss, gradient = 0.0, []
    for i, row in enumerate(S):
        powers = [math.exp(scale * score) for score in row]
        shares = [power / sum(powers) for power in powers]
        loss -= math.log(shares[i]) / 3
        gradient.append([(share - (i == j)) * scale / 3 for j, share in enumerate(shares)])
    return loss, gradient


@pytest.mark.parametrize("scale", [1.0, 20.0])
def test_loss_and_gradients_are_those_worked_by_hand(scale):
    """With the unit vectors as questions, passage j's vector is column j of the scores."""
    import torch

    from retrieval.training.loss import contrastive

    questions = torch.eye(3, dtype=torch.float64, requires_grad=True)
    passages = torch.tensor(S, dtype=torch.float64).T.contiguous().requires_grad_()
    columns = [{"sentence_embedding": vectors} for vectors in (questions, passages[:3], passages[3:])]
    loss = contrastive(torch.nn.Identity(), scale)(columns, torch.empty(0))
    loss.backward()
    expected, gradient = by_hand(scale)
    assert loss.item() == pytest.approx(expected, abs=1e-12)
    by_score = torch.tensor(gradient, dtype=torch.float64)
    assert torch.allclose(passages.grad, by_score.T, atol=1e-12)
    assert torch.allclose(questions.grad, by_score @ passages.detach(), atol=1e-12)


def test_the_hard_negative_of_another_question_pulls_too():
    loss, gradient = by_hand(1.0)
    assert loss == pytest.approx(1.5913, abs=5e-5)
    assert gradient[0] == pytest.approx([-0.1624, 0.0381, 0.0085, 0.0629, 0.0231, 0.0297], abs=5e-5)
    assert all(gradient[i][3 + j] > 0 for i in range(3) for j in range(3))
