import pytest_asyncio
from langgraph_sdk import get_client

from agents import catalog
from tests.fake_upstream import ROLE, Canned, chunk, event
from tests.server.conftest import listening, upstream
from tests.server.langgraph.pipelines import PIPELINES

ENDLESS = Canned((event(chunk(ROLE)), event(chunk({"content": "Once"}))), then="stall")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(tmp_path_factory):
    async with upstream(endless=ENDLESS) as fake:
        folder = tmp_path_factory.mktemp("langgraph")
        settings = {"backend": "fake:echo", "backends": fake.profiles, "pipelines": PIPELINES}
        try:
            async with listening(folder, **settings) as client:
                yield client
        finally:
            for name in PIPELINES:
                catalog.PIPELINES.pop(name, None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sdk(service):
    """langgraph-sdk, as it is."""
    async with get_client(url=str(service.base_url), api_key=None) as client:
        yield client


async def collect(stream):
    return [part async for part in stream]
