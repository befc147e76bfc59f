"""The figures of `sandtable eval`, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from server.cli.output import one_line, print_table, stdout_console


def show(found: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    k, first = found["k"], found["data"][0]
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("index, embedder, reranker", overflow="fold")
    for heading in (f"nDCG@{k}", f"MRR@{k}", f"recall@{k}", "nDCG against the first", "p50 ms", "p99 ms", "q/s"):
        table.add_column(heading, justify="right", overflow="fold")
    for row in found["data"]:
        judged, metrics = row["judged"]["metrics"], row["metrics"]
        versus = row["judged"]["versus_active"]
        table.add_row(
            one_line(", ".join((row["spec"]["index"], row["spec"]["embedder"], *_reranker(row)))),
            *(_interval(judged[name]) for name in ("ndcg", "mrr", "recall")),
            "-"
            if versus is None or row is first
            else f"{_interval(versus['ndcg'], '+')}, p {versus['ndcg']['p_value']:.3f}",
            f"{metrics['p50_ms']:.2f}",
            f"{metrics['p99_ms']:.2f}",
            f"{metrics['qps']:.0f}",
        )
    console = stdout_console()
    console.print(f"{one_line(found['task'])}: {found['documents']} documents, {found['n_queries']} judged queries")
    print_table(table)


def _reranker(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["judged"]["rerank"],) if row["judged"]["rerank"] else ()


def _interval(figure: dict[str, float], sign: str = "") -> str:
    return f"{figure['mean']:{sign}.3f} [{figure['low']:{sign}.3f}, {figure['high']:{sign}.3f}]"


def plotted(found: dict[str, Any], path: Path) -> None:
    """Write recall and nDCG against median latency, a point with its interval for each index. Raises CommandFailed."""
    from server.cli.picture import canvas, intervals

    figure = canvas(11, 4.5)
    sides = figure.subplots(1, 2, sharex=True)
    for axes, (name, shown) in zip(sides, (("recall", "recall"), ("ndcg", "nDCG")), strict=True):
        for row in found["data"]:
            if _reranker(row):
                continue  # its latency is not measured
            judged, latency = row["judged"]["metrics"][name], row["metrics"]["p50_ms"]
            spread = intervals([judged["mean"]], [judged["low"]], [judged["high"]])
            label = f"{row['spec']['index']}, {Path(row['spec']['embedder']).name}"
            axes.errorbar([latency], [judged["mean"]], yerr=spread, fmt="o", capsize=3, label=label)
        axes.set_xlabel("search p50, ms")
        axes.set_ylabel(f"{shown}@{found['k']}")
    sides[0].legend(fontsize="small")
    figure.suptitle(f"{found['task']}: {found['n_queries']} queries, 95 % intervals")
    figure.savefig(path, dpi=150)
