"""llama.cpp's server itself, with a model whose probabilities are known. Needs LLAMA_SERVER_BIN."""

import pytest

from tests.peers.llama_server import VARIABLE, binary, serving
from tests.peers.scenes import EMBEDDING_FLAGS, EMBEDDING_SCENES, LIVE_SCENES, SCENES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(binary() is None, reason=f"{VARIABLE} names no server of llama.cpp (see CONTRIBUTING.md)"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all, so that the model is written once."""
    return tmp_path_factory.mktemp("llama")


@pytest.mark.parametrize("scene", SCENES | LIVE_SCENES)
async def test_scene(scene, folder):
    async with serving(binary(), folder) as url:
        await (SCENES | LIVE_SCENES)[scene](url)


@pytest.mark.parametrize("scene", EMBEDDING_SCENES)
async def test_embedding_scene(scene, folder):
    async with serving(binary(), folder, *EMBEDDING_FLAGS) as url:
        await EMBEDDING_SCENES[scene](url)
