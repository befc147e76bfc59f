import asyncio
import socket

import pytest

from tests.conftest import NetworkRefused


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1", "2001:db8::1"])
def test_other_machines_are_out_of_reach(host):
    with pytest.raises(NetworkRefused, match=host):
        socket.create_connection((host, 80), timeout=1)


async def test_also_for_asyncio():
    with pytest.raises(NetworkRefused):
        await asyncio.open_connection("example.org", 443)


def test_this_machine_is_not():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(("localhost", listener.getsockname()[1]), timeout=1).close()
