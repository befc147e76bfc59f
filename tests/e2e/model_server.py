"""A model server of the OpenAI form beside a real service: in a thread of the test, with answers the test chooses."""

import asyncio
import json
import threading
from contextlib import contextmanager

from tests.fake_upstream import FakeUpstream


@contextmanager
def model_server(**answers):
    """The server, with its requests, and the environment that makes it the service's backend profile `fake`."""
    loop, upstream = asyncio.new_event_loop(), FakeUpstream(answers)
    thread = threading.Thread(target=loop.run_forever, name="model server")
    thread.start()
    try:
        url = asyncio.run_coroutine_threadsafe(upstream.start(), loop).result(10)
        flags = {"images": True, "tool_choice": "full", "tools": True, "json_form": "schema", "logprobs": True}
        profile = {"base_url": url, "retries": 0, "flags": flags}
        upstream.environment = {"SANDTABLE_BACKENDS": json.dumps({"fake": profile}), "SANDTABLE_BACKEND": "fake:echo"}
        yield upstream
    finally:
        asyncio.run_coroutine_threadsafe(upstream.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
