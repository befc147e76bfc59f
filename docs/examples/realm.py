"""Train REALM on a wiki made here, with a fresh and with a stale index: `python docs/examples/realm.py`.

A page has a title, two facts (relation, value), and mentions of other titles. A question is a sentence about a fact,
with another title in it, and one token masked: its value, which is salient, or any token, most of which need no page.
Nobody tells which page is right: the retriever learns it from the answers alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parent))
from plotting import figure
from realm_model import Realm, log_marginal, utility

PAGES, RELATIONS, VALUES, MENTIONS, BATCH, K = 1000, 6, 40, 3, 64, 7
THE, OF, NEAR, IS, MASK, NOTHING, FIRST = range(7)
TITLES = FIRST + RELATIONS + VALUES
VOCABULARY = TITLES + PAGES
EVALUATE = 25


@dataclass
class Wiki:
    pages: Tensor
    """(P, 8): title, relation, value, relation, value, three mentions."""
    asked: Tensor
    """(Q, 8): the R of TITLE near OTHER is VALUE."""
    gold: Tensor
    """(Q,): the page that each is about."""


def wiki(count: int, chance: torch.Generator) -> Wiki:
    """Of `count` pages with titles drawn from all there are, each at most once."""

    def draw(most: int, *shape: int) -> Tensor:
        return torch.randint(most, shape, generator=chance)

    title = TITLES + torch.randperm(PAGES, generator=chance)[:count]
    first = draw(RELATIONS, count)
    relation = torch.stack([first, (first + 1 + draw(RELATIONS - 1, count)) % RELATIONS], dim=1) + FIRST
    value = draw(VALUES, count, 2) + FIRST + RELATIONS
    facts = torch.stack([relation, value], dim=2).flatten(1)
    pages = torch.cat([title[:, None], facts, TITLES + draw(PAGES, count, MENTIONS)], dim=1)
    said = [[THE, relation[:, n], OF, title, NEAR, TITLES + draw(PAGES, count), IS, value[:, n]] for n in range(2)]
    rows = [torch.stack([torch.as_tensor(word).expand(count) for word in words], dim=1) for words in said]
    return Wiki(pages, torch.cat(rows), torch.arange(count).repeat(2))


def masked(sentences: Tensor, masks: str, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """The sentences with one token masked, and what it was."""
    last = torch.full((len(sentences),), sentences.shape[1] - 1)
    place = last if masks == "salient" else torch.randint(sentences.shape[1], (len(sentences),), generator=chance)
    rows = torch.arange(len(sentences))
    answers = sentences[rows, place].clone()
    hidden = sentences.clone()
    hidden[rows, place] = MASK
    return hidden, answers


def warm(world: Wiki, masks: str, chance: torch.Generator, rate: float, steps: int = 300) -> Realm:
    """A model that can read, as BERT can before REALM: its reader has seen right pages of other wikis. Its towers heed
    a token by its rarity in this one, and know nothing else."""
    longest = world.pages.shape[1]
    model = Realm(VOCABULARY, longest, torch.full((longest,), NOTHING))
    counts = torch.bincount(world.pages.flatten(), minlength=VOCABULARY)
    for tower in (model.ask, model.document):
        tower.heed.weight.data[:, 0] = (PAGES / counts.clamp(min=1)).log()
        tower.heed.weight.data[:FIRST] = 0
    optimiser = torch.optim.Adam(model.reader.parameters(), lr=rate)
    for _ in range(steps):
        other = wiki(BATCH, chance)
        asked, answers = masked(other.asked, masks, chance)
        pages = other.pages[other.gold][:, None]
        read = model.reader(asked, pages)[:, 0].gather(1, answers[:, None])
        optimiser.zero_grad()
        (-read.mean()).backward()
        optimiser.step()
    return model


def train(
    steps: int, refresh: int, *, masks: str = "salient", seed: int = 0, rate: float = 0.01
) -> tuple[Realm, Wiki, list[dict[str, float]]]:
    """`refresh`: steps from one index to the next. Figures are of held-back sentences, with an index made for them."""
    chance = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    world = wiki(PAGES, chance)
    model = warm(world, masks, chance, rate)
    optimiser = torch.optim.Adam(model.parameters(), lr=rate)
    order = torch.randperm(len(world.asked), generator=chance)
    held, used = order[: len(order) // 5], order[len(order) // 5 :]
    told, index = [measured(0, model, world, held)], Tensor()
    for step in range(steps):
        if step % refresh == 0:
            index = model.document(world.pages).detach()
        rows = used[torch.randint(len(used), (BATCH,), generator=chance)]
        asked, answers = masked(world.asked[rows], masks, chance)
        # The search is by the index as it was last made; the gradient goes through vectors made now, into both towers.
        found = (model.ask(asked).detach() @ index.T).topk(K).indices
        fit, read = model.parts(asked, world.pages[found], answers)
        loss = -log_marginal(fit, read).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if (step + 1) % EVALUATE == 0:
            told.append(measured(step + 1, model, world, held))
    return model, world, told


@torch.no_grad()
def measured(step: int, model: Realm, world: Wiki, held: Tensor) -> dict[str, float]:
    asked, answers = masked(world.asked[held], "salient", torch.Generator())
    gold = world.gold[held]
    near = (model.ask(asked) @ model.document(world.pages).T).topk(K).indices
    fit, read = model.parts(asked, world.pages[near], answers)
    _, of_gold = model.parts(asked, world.pages[gold][:, None], answers)
    _, of_other = model.parts(asked, world.pages[(gold + 1) % PAGES][:, None], answers)
    return {
        "step": step,
        "recall_at_1": (near[:, 0] == gold).float().mean().item(),
        "recall_at_5": (near[:, :5] == gold[:, None]).any(1).float().mean().item(),
        "log_p": log_marginal(fit, read).mean().item(),
        "utility_gold": utility(of_gold).mean().item(),
        "utility_other": utility(of_other).mean().item(),
    }


def mean(runs: list[list[dict[str, float]]]) -> list[dict[str, float]]:
    """Of several seeds, evaluation by evaluation."""
    return [{key: sum(row[key] for row in rows) / len(rows) for key in rows[0]} for rows in zip(*runs, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument(
        "--refresh", type=int, default=10, help="steps between two indexes; the stale one has 30 times as many"
    )
    parser.add_argument("--seeds", type=int, default=1, help="figures are means over so many")
    parser.add_argument("--plot", type=Path, help="picture, .svg or .png")
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    settings = {
        "fresh": {"refresh": given.refresh},
        "stale": {"refresh": 30 * given.refresh},
        "random masks": {"refresh": given.refresh, "masks": "random"},
    }
    runs = {
        name: mean([train(given.steps, seed=seed, **named)[2] for seed in range(given.seeds)])
        for name, named in settings.items()
    }
    report = {name: {key: round(value, 3) for key, value in told[-1].items()} for name, told in runs.items()}
    report["before"] = {key: round(value, 3) for key, value in runs["fresh"][0].items()}
    print(json.dumps({**report, "seconds": round(time.perf_counter() - began, 1)}, indent=1))
    if given.plot:
        with figure(given.plot, "step", "recall@1 of the right page, held-back questions") as axes:
            for name, told in runs.items():
                axes.plot([row["step"] for row in told], [row["recall_at_1"] for row in told], label=name)
            axes.set_ylim(0, 1.02)
            axes.legend()


if __name__ == "__main__":
    main()
