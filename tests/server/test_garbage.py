"""The search for garbage is made rarer while a service runs, and as it was afterwards."""

import gc

import pytest

from server.garbage import YOUNG
from tests.server.conftest import serving


@pytest.mark.slow
async def test_it_is_rarer_while_the_service_runs_and_no_longer(tmp_path):
    before = gc.get_threshold(), gc.get_freeze_count()
    async with serving(tmp_path / "data"):
        assert gc.get_threshold()[0] == YOUNG
        assert gc.get_freeze_count() > before[1]
    assert gc.get_threshold() == before[0]
