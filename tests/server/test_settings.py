"""What of a configuration is refused, and how."""

import pytest

from server.settings import BadSettings, load_settings


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SANDTABLE_BAKEND", "SANDTABLE_BACKEND"),
        ("SANDTABLE_DATADIR", "SANDTABLE_DATA_DIR"),
        ("sandtable_prot", "SANDTABLE_PORT"),
        ("SANDTABLE_PORT__X", "SANDTABLE_PORT"),
    ],
)
def test_a_variable_that_sets_nothing_is_refused_with_the_nearest(monkeypatch, name, nearest):
    monkeypatch.setenv(name, "1")
    with pytest.raises(BadSettings, match=f"'{name}'.*nearest there is: {nearest}$"):
        load_settings()


def test_variables_that_set_something_and_those_beside_them_pass(monkeypatch):
    monkeypatch.setenv("SANDTABLE_TEST_DATA", "/somewhere")
    monkeypatch.setenv("SANDTABLE_URL", "http://127.0.0.1:8321")
    monkeypatch.setenv("SANDTABLE_BACKENDS__MINE__BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("sandtable_port", "2222")
    settings = load_settings()
    assert (settings.port, settings.backends["mine"].base_url) == (2222, "http://127.0.0.1:9/v1")


@pytest.mark.parametrize(("key", "words"), [("  ", "is empty"), (" hidden", "blank"), ("hidden\n", "blank")])
def test_a_key_that_no_client_could_send_is_refused_and_not_shown(key, words):
    for given in ({"api_key": key}, {"keys": [{"key": key}]}):
        with pytest.raises(BadSettings, match=words) as caught:
            load_settings(**given)
        assert "key: the API key" in str(caught.value)
        assert "hidden" not in str(caught.value)
