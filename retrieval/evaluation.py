"""How good rankings are by judgments, and whether one is better than another by more than chance.

The measures are those of trec_eval (pytrec_eval), the tests scipy's. Means come with 95 % intervals of 2,000 bootstrap
samples of the queries; differences with a paired permutation test, which flips the sign of queries' differences. Of one
query the interval is the value itself, and its difference proves nothing: either sign is as likely, p is 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrieval.base import Value

if TYPE_CHECKING:
    from retrieval.judgments import Rankings

RESAMPLES = 2_000
SEED = 0


class Estimate(Value):
    mean: float
    low: float
    high: float
    """The interval in which 95 % of the bootstrap samples lie."""


class Difference(Estimate):
    p_value: float
    """The chance of a difference as large, either way, if the two were alike."""


def scores(rankings: Rankings, grades: Mapping[str, Mapping[str, int]], k: int) -> dict[str, list[float]]:
    """`ndcg`, `mrr` and `recall` at k, each a value for every query in the order of `rankings`.

    Grades of 1 and more are relevant; nDCG weighs by grade. A query without a relevant item scores 0.
    """
    import pytrec_eval

    cut = {query: {item: float(k - place) for place, item in enumerate(items[:k])} for query, items in rankings.items()}
    names = {"ndcg": f"ndcg_cut_{k}", "mrr": "recip_rank", "recall": f"recall_{k}"}
    measures = {f"ndcg_cut.{k}", "recip_rank", f"recall.{k}"}
    found = pytrec_eval.RelevanceEvaluator({q: dict(g) for q, g in grades.items()}, measures).evaluate(cut)
    return {name: [found.get(query, {}).get(key, 0.0) for query in rankings] for name, key in names.items()}


def estimate(values: Sequence[float]) -> Estimate:
    """Raises ValueError if there are no values, or one is no finite number."""
    import numpy as np

    sample = np.asarray(values, np.float64)
    low, high = _interval(sample)
    return Estimate(mean=round(float(sample.mean()), 4), low=low, high=high)


def compare(values: Sequence[float], baseline: Sequence[float]) -> Difference:
    """`values` minus `baseline`, of the same queries in the same order. Raises as `estimate`."""
    import numpy as np
    from scipy.stats import permutation_test

    differences = np.asarray(values, np.float64) - np.asarray(baseline, np.float64)
    low, high = _interval(differences)
    p_value = 1.0
    # Of one difference scipy tests nothing, and flipping its sign could not tell it from chance either.
    if len(differences) > 1 and differences.any():
        tested = permutation_test(
            (differences,),
            np.mean,
            permutation_type="samples",
            vectorized=True,
            n_resamples=9_999,
            batch=500,
            rng=np.random.default_rng(SEED),
        )
        p_value = float(tested.pvalue)
    return Difference(mean=round(float(differences.mean()), 4), low=low, high=high, p_value=round(p_value, 4))


def _interval(sample: object) -> tuple[float, float]:
    import numpy as np

    held = np.asarray(sample)
    if not len(held) or not np.isfinite(held).all():
        raise ValueError(f"a mean needs finite values, got {held.tolist()[:10]}")
    chosen = np.random.default_rng(SEED).integers(0, len(held), (RESAMPLES, len(held)))
    low, high = np.percentile(held[chosen].mean(axis=1), [2.5, 97.5])
    return round(float(low), 4), round(float(high), 4)
