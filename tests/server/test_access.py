import pytest

from server.settings import BadSettings, check_exposure, load_settings
from tests.server.conftest import make_store, serving, upload


async def test_without_a_key_only_local_names_are_served(client):
    assert (await client.get("/v1/models")).status_code == 200
    reply = await client.get("/v1/models", headers={"host": "evil.example"})
    assert (reply.status_code, reply.json()["error"]["type"]) == (403, "permission_error")
    nameless = await client.get("/v1/models", headers={"host": ""})
    assert (nameless.status_code, nameless.json()["error"]["code"]) == (400, "missing_host")


async def test_a_key_opens_and_nothing_else_does(tmp_path):
    async with serving(tmp_path, api_key="secret-钥匙") as client:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"authorization": "Basic secret"}, {"x-api-key": "no"}):
            reply = await client.get("/v1/models", headers=headers)
            assert (reply.status_code, reply.json()["error"]["type"]) == (401, "authentication_error")
        assert (await client.get("/healthz")).status_code == 200


async def test_a_tenant_sees_only_its_own(tmp_path):
    keys = [{"key": "key-a", "tenant": "a"}, {"key": "key-b", "tenant": "b"}]
    async with serving(tmp_path, keys=keys) as client:
        client.headers["authorization"] = "Bearer key-a"
        store, file_id = await make_store(client), await upload(client, "a.txt", "Mine.")
        client.headers["authorization"] = "Bearer key-b"
        for path in (f"/v1/files/{file_id}", f"/v1/files/{file_id}/content", f"/v1/vector_stores/{store}"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/v1/files")).json()["data"] == []
        assert (await client.get("/v1/vector_stores")).json()["data"] == []
        own = await make_store(client)
        reply = await client.post(f"/v1/vector_stores/{own}/files", json={"file_id": file_id})
        assert (reply.status_code, reply.json()["error"]["param"]) == (404, "file_id")
        assert (await client.delete(f"/v1/vector_stores/{store}")).status_code == 404
        client.headers.pop("authorization")
        client.headers["x-api-key"] = "key-a"
        assert (await client.get(f"/v1/vector_stores/{store}")).status_code == 200


def test_listening_beyond_this_machine_needs_a_key(tmp_path):
    with pytest.raises(BadSettings, match="without an API key"):
        check_exposure(load_settings(host="0.0.0.0"))
    check_exposure(load_settings(host="0.0.0.0", api_key="k"))
    check_exposure(load_settings(host="127.0.0.1"))


def test_settings_come_from_file_then_environment_then_flags(tmp_path, monkeypatch):
    config = tmp_path / "sandtable.toml"
    config.write_text('port = 1111\nbackend = "chat-file"\n[backends.mine]\nbase_url = "http://127.0.0.1:9/v1"\n')
    monkeypatch.setenv("SANDTABLE_PORT", "2222")
    settings = load_settings(config)
    assert (settings.port, settings.backend) == (2222, "chat-file")
    assert load_settings(config, port=3333).port == 3333
    assert settings.backends["mine"].base_url == "http://127.0.0.1:9/v1"
    config.write_text("prot = 5\n")
    with pytest.raises(BadSettings, match="prot"):
        load_settings(config)
    config.write_text("port = = 5\n")
    with pytest.raises(BadSettings, match="TOML"):
        load_settings(config)
    with pytest.raises(BadSettings, match="no configuration file"):
        load_settings(tmp_path / "none.toml")
