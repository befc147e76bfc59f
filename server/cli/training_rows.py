"""Training data as the service takes it: a file as it is, a folder of the BEIR form as rows."""

from __future__ import annotations

from pathlib import Path

from server.cli.failure import CommandFailed


def rows_of(path: Path, split: str) -> bytes:
    """Raises CommandFailed."""
    from retrieval.training.examples import line
    from server.cli.beir import read

    if not path.is_dir():
        try:
            return path.read_bytes()
        except OSError as error:
            raise CommandFailed(f"{str(path)!r} cannot be read: {error}", wrong_use=True) from None
    task = read(path, split)
    rows = []
    for query, grades in task.grades.items():
        right = [task.corpus[id] for id, grade in grades.items() if grade >= 1]
        wrong = [task.corpus[id] for id, grade in grades.items() if grade < 1]
        if right:
            rows.append(line({"query": task.queries[query], "positives": right, "negatives": wrong}))
    return "\n".join([*rows, *(line({"passage": text}) for text in task.corpus.values())]).encode()
