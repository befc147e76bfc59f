"""What llama.cpp's server answered once, answered again: its real bytes, and the same claims as against itself.

Recorded by `python -m tests.peers.recording`; the requests must be the very ones that were recorded.
"""

import pytest

from tests.peers.recording import Replay, kept
from tests.peers.scenes import EMBEDDING_SCENES, SCENES

ALL = SCENES | EMBEDDING_SCENES


@pytest.mark.parametrize("scene", ALL)
async def test_scene(scene):
    replay = Replay(kept(scene))
    url = await replay.start()
    try:
        await ALL[scene](url)
    finally:
        await replay.stop()
    assert replay.left == []
