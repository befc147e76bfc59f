"""What a training has come to, as a table."""

from __future__ import annotations

from typing import Any

from server.cli.output import stdout_console

WAYS = {
    "untuned": "before", "tuned": "after", "bm25": "BM25", "hybrid_untuned": "hybrid, before", "hybrid": "hybrid, after"
}  # fmt: skip
MEASURES = {"mrr": "MRR@10", "recall": "recall@10", "recall_at_1": "recall@1", "average_rank": "average rank"}


def show(job: dict[str, Any]) -> None:
    from rich.table import Table

    console, ours = stdout_console(), job["sandtable"]
    console.print(f"Embedder {job['fine_tuned_model']}", soft_wrap=True)
    training, questions = ours["training"], ours["questions"]
    console.print(
        f"{questions['train']} questions, epochs: {training['epochs']:g}, {ours['seconds']:.0f} s on "
        f"{training['device']}; best at step {training['best_step']}, "
        f"share of the trained weights {training['blend']:g}",
        soft_wrap=True,
    )
    if (measured := ours["measured"]) is not None:
        table = Table("", *MEASURES.values(), box=None, pad_edge=False)
        for way, name in WAYS.items():
            table.add_row(name, *(f"{measured['means'][way][one]['mean']:.3f}" for one in MEASURES))
        gain = measured["gain"]
        table.add_row("gain", *(f"{gain[one]['mean']:+.3f}" for one in MEASURES))
        table.add_row("p", *(f"{gain[one]['p_value']:.4f}" for one in MEASURES))
        held = f"{measured['n_queries']} questions that were held back, {measured['n_passages']} passages:"
        console.print(held, soft_wrap=True)
        console.print(table)
    console.print(
        f"To search with it: sandtable swap COLLECTION auto --embedder {job['fine_tuned_model']} --activate",
        soft_wrap=True,
    )
