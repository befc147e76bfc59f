from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.embedders.windows import OVERLAP, cut, pool


@given(st.integers(0, 5000), st.integers(1, 300))
def test_windows_cover_every_token_in_order(tokens, room):
    windows = cut(tokens, room)
    assert windows[0][0] == 0
    assert windows[-1][1] == tokens
    assert all(0 <= end - start <= room for start, end in windows)
    assert all(before < after for (before, _), (after, _) in pairwise(windows))
    assert all(start <= end for (_, end), (start, _) in pairwise(windows))


@pytest.mark.slow
@given(st.integers(257, 5000), st.integers(16, 256))
def test_neighbours_share_an_eighth_and_none_is_short(tokens, room):
    windows = cut(tokens, room)
    assert {end - start for start, end in windows} == {room}
    shared = [end - start for (_, end), (start, _) in pairwise(windows)]
    assert min(shared) >= room // OVERLAP - 1


@given(st.integers(0, 300))
def test_one_window_where_one_is_enough(tokens):
    assert cut(tokens, 300) == [(0, tokens)]


def test_pooling_weighs_by_tokens_and_stays_a_unit():
    vectors = np.eye(2, dtype=np.float32)
    np.testing.assert_allclose(pool(vectors, [3, 4]), [0.6, 0.8], atol=1e-6)
    np.testing.assert_allclose(pool(vectors[:1], [7]), vectors[0], atol=1e-6)
    assert pool(vectors, [3, 4]).dtype == np.float32
