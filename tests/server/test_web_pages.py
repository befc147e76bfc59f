"""Web pages of other origins: pages of this machine may call a service without keys, others where a setting says so."""

import pytest

from tests.server.conftest import serving

ASKS = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-api-key"}


async def allowed(client, origin):
    """What a browser is told that asks before a request, and by the request itself."""
    asked = await client.options("/threads/search", headers={"origin": origin, **ASKS})
    sent = await client.post("/threads/search", json={}, headers={"origin": origin})
    told = sent.headers.get("access-control-allow-origin")
    assert asked.headers.get("access-control-allow-origin") == told
    assert (asked.status_code == 200) == (told is not None)
    return told, sent.status_code


@pytest.mark.parametrize(
    ("origin", "told", "status"),
    [
        ("http://localhost:3000", "http://localhost:3000", 200),
        ("http://127.0.0.1:5173", "http://127.0.0.1:5173", 200),
        ("https://chat.example.org", "https://chat.example.org", 200),
        ("https://evil.example.org", None, 403),
        ("http://localhost.evil.example.org", None, 403),
        ("null", None, 403),
    ],
)
async def test_without_keys(tmp_path, origin, told, status):
    async with serving(tmp_path, allowed_origins=["https://chat.example.org"]) as client:
        assert await allowed(client, origin) == (told, status)


@pytest.mark.parametrize(
    ("origin", "told"), [("http://localhost:3000", None), ("https://chat.example.org", "https://chat.example.org")]
)
async def test_with_a_key(tmp_path, origin, told):
    async with serving(tmp_path, api_key="secret", allowed_origins=["https://chat.example.org"]) as client:
        client.headers["x-api-key"] = "secret"
        assert await allowed(client, origin) == (told, 200)
        del client.headers["x-api-key"]
        assert (await allowed(client, origin))[1] == 401


async def test_a_page_sees_the_headers_that_clients_read(tmp_path):
    async with serving(tmp_path) as client:
        reply = await client.post("/threads/search", json={}, headers={"origin": "http://localhost:3000"})
        assert "content-location" in reply.headers["access-control-expose-headers"]
