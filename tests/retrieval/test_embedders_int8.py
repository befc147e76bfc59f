import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from retrieval.embedders.int8 import rounded
from retrieval.embedders.saturation import products_saturate

MATRICES = arrays(
    np.float32,
    st.tuples(st.integers(1, 8), st.integers(1, 8)),
    elements=st.floats(-100, 100, width=32).filter(lambda number: number == 0 or abs(number) > 1e-3),
)


@given(MATRICES, st.sampled_from([63, 127]))
def test_rounding_is_within_half_a_step_and_in_range(matrix, levels):
    small = rounded(matrix, levels)
    assert np.abs(small.values.astype(int)).max() <= levels
    error = np.abs(small.values * small.scales - matrix)
    assert (error <= small.scales * 0.5001).all()


@given(MATRICES)
def test_the_largest_of_a_column_takes_the_last_level(matrix):
    full = np.abs(rounded(matrix, 127).values.astype(int)).max(axis=0)
    assert set(full) <= {0, 127}
    np.testing.assert_array_equal(full == 0, (matrix == 0).all(axis=0))


def test_the_processor_gives_one_answer():
    first = products_saturate()
    assert isinstance(first, bool)
    assert first == products_saturate()


def test_a_column_of_zeros_stays_zero():
    small = rounded(np.zeros((3, 2), np.float32), 127)
    assert small.scales == pytest.approx([1, 1])
    assert not small.values.any()
