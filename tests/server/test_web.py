"""The guarded web: what is not public is reached by no spelling, and nothing that comes back is without a bound."""

import asyncio
import gzip
import time
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.web import GuardedWeb
from tests.web_server import PUBLIC, reply, trusted, web_server
from tools.addresses import is_public, reachable
from tools.errors import ToolError
from tools.web import Rules, read_url

NAMES = {
    "example.org": [PUBLIC],
    "xn--fsqu00a.xn--0zwm56d": [PUBLIC],
    "inside.example.org": ["10.0.0.5"],
    "loop.example.org": ["127.0.0.1"],
    "six.example.org": ["fe80::1%eth0"],
    "mixed.example.org": [PUBLIC, "192.168.0.1"],
    "localhost": ["127.0.0.1", "::1"],
}
ANYTHING = bytes(range(256)) * 256


async def resolve(host, port):
    if host in NAMES:
        return NAMES[host]
    if host.replace(".", "").isdigit() or ":" in host:
        return [host]
    raise OSError(-2, "Name or service not known")


async def hang(head, writer):
    await asyncio.sleep(60)


async def drip(head, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless(head, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
    while True:
        writer.write(ANYTHING)
        await writer.drain()


async def endless_headers(head, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while True:
        writer.write(b"".join(b"X-%d: %s\r\n" % (number + n, b"y" * 100) for n in range(100)))
        number += 100
        await writer.drain()


ANSWERS = {
    "/": reply("<p>The tower is 330 metres tall.</p>"),
    "/moved": reply(status="302 Found", Location="/"),
    "/to-loopback": reply(status="302 Found", Location="http://127.0.0.1:80/secret"),
    "/to-inside": reply(status="301 Moved Permanently", Location="http://inside.example.org/"),
    "/to-metadata": reply(status="307 Temporary Redirect", Location="http://169.254.169.254/latest/meta-data/"),
    "/to-file": reply(status="302 Found", Location="file:///etc/passwd"),
    "/to-decimal": reply(status="302 Found", Location="http://2130706433/"),
    "/to-chinese": reply(status="302 Found", Location="/塔"),
    "/%E5%A1%94": reply("铁塔"),
    "/round": reply(status="302 Found", Location="/round"),
    "/other": reply(status="302 Found", Location="https://example.org/"),
    "/gigabyte": reply(Content_Length=1 << 30),
    "/endless": endless,
    "/endless-headers": endless_headers,
    "/drip": drip,
    "/hang": hang,
    "/bomb": reply(gzip.compress(b"0" * (64 << 20)), Content_Encoding="gzip"),
    "/bombs": reply(gzip.compress(gzip.compress(b"0" * (64 << 20))), Content_Encoding="gzip, gzip"),
    "/gzip": reply(gzip.compress(b"packed"), Content_Encoding="gzip"),
    "/deflate": reply(zlib.compress(b"packed"), Content_Encoding="deflate"),
    "/raw-deflate": reply(zlib.compress(b"packed", wbits=-15), Content_Encoding="deflate"),
    "/torn": reply(gzip.compress(b"packed" * 99)[:-30], Content_Encoding="gzip"),
    "/damaged": reply(b"no gzip at all", Content_Encoding="gzip"),
    "/br": reply(b"what", Content_Encoding="br"),
    "/short": reply(b"half", Content_Length=100),
    "/nonsense": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
}


@pytest.fixture
async def server():
    async with web_server(ANSWERS) as server:
        yield server


def guarded(server, resolve=resolve, **rules):
    return GuardedWeb(Rules(**{"seconds": 5, "most_bytes": 1 << 20, **rules}), resolve=resolve, connect=server.connect)


async def refused(web, url):
    with pytest.raises(ToolError) as caught:
        await web.send("GET", url)
    return str(caught.value)


async def test_a_page_is_read_by_its_name(server):
    page = await guarded(server).send("GET", "http://example.org/")
    assert (page.url, page.status, page.headers["content-type"]) == ("http://example.org/", 200, "text/html")
    assert page.body == b"<p>The tower is 330 metres tall.</p>"
    assert "Host: example.org\r\n" in server.heads[0]
    assert "cookie" not in server.heads[0].lower()


NOT_PUBLIC = [
    "http://127.0.0.1/", "http://127.8.9.1/", "http://0.0.0.0/", "http://10.1.2.3/", "http://172.16.0.1/",
    "http://172.31.255.255/", "http://192.168.1.1/", "http://169.254.169.254/latest/", "http://100.64.0.1/",
    "http://192.0.0.8/", "http://198.18.0.1/", "http://224.0.0.1/", "http://240.0.0.1/", "http://255.255.255.255/",
    "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[fe80::1]/",
    "http://[fc00::1]/", "http://[fd12::1]/", "http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/", "http://[2001::1]/", "http://[::7f00:1]/",
    "http://[ff02::1]/", "http://[fec0::1]/", "http://[2001:db8::1]/", "http://localhost/",
    "http://loop.example.org/", "http://inside.example.org/", "http://six.example.org/", "http://mixed.example.org/",
    "http://LOCALHOST./", "http://127.0.0.1./",
]  # fmt: skip


@pytest.mark.parametrize("url", NOT_PUBLIC)
async def test_what_is_not_public_is_not_reached(server, url):
    said = await refused(guarded(server), url)
    assert "is not on the public internet" in said or "four decimal numbers" in said
    assert server.heads == []


SPELLINGS = [
    "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://017700000001/",
    "http://127.1/", "http://127.0.1/", "http://0/", "http://1.2.3.4.5/", "http://999.1.1.1/", "http://127.0.0.0x1/",
    "http://１２７.０.０.１/", "http://127。0。0。1/", "http://①②⑦.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", SPELLINGS)
async def test_addresses_in_other_spellings_are_refused(server, url):
    said = await refused(guarded(server), url)
    assert "four decimal numbers" in said or "is not on the public internet" in said or "is no name" in said
    assert server.heads == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "only http:// and https://"), ("gopher://example.org/", "only http:// and https://"),
        ("ftp://example.org/", "only http:// and https://"), ("data:text/html,hello", "only http:// and https://"),
        ("//example.org/", "only http:// and https://"), ("example.org", "only http:// and https://"),
        ("http:example.org", "only http:// and https://"), ("javascript:alert(1)", "only http:// and https://"),
        ("http://user:secret@example.org/", "user name or password"), ("http://example.org@127.0.0.1/", "user name"),
        ("http://example.org:22/", "port 22 is not fetched from, only 80, 443"),
        ("http://example.org:99999/", "is no URL"), ("http://example.org:0/", "port 0"),
        ("http:///path", "has no host"), ("http://[fe80::1%25eth0]/", "with a zone"), ("http://[::1", "is no URL"),
        ("http://exa mple.org/", "blanks"), ("http://example.org\\@127.0.0.1/", "backslashes"),
        ("http://example.org/\r\nHost: other", "control characters"), ("http://-bad-.org/", "is no name of a host"),
        ("http://" + "a" * 5000, "characters, more than"), ("http://nowhere.example.org/", "there is no host"),
        ("http://a..b/", "is no name of a host"),
    ],
)  # fmt: skip
async def test_other_addresses_are_refused_by_reason(server, url, why):
    assert why in await refused(guarded(server), url)
    assert server.heads == []


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/to-loopback", "not on the public internet"), ("/to-inside", "not on the public internet"),
        ("/to-metadata", "not on the public internet"), ("/to-file", "only http:// and https://"),
        ("/to-decimal", "four decimal numbers"), ("/round", "more than 5 redirects"),
    ],
)  # fmt: skip
async def test_redirects_are_held_to_the_same(server, path, why):
    assert why in await refused(guarded(server), f"http://example.org{path}")
    assert all("Host: example.org\r\n" in head for head in server.heads)


async def test_redirects_are_followed(server):
    assert (await guarded(server).send("GET", "http://example.org/moved")).url == "http://example.org/"
    page = await guarded(server).send("GET", "http://example.org/to-chinese")
    assert (page.url, page.body.decode()) == ("http://example.org/%E5%A1%94", "铁塔")


async def test_a_key_does_not_follow_to_another_place(server):
    web = GuardedWeb(Rules(seconds=5), resolve=resolve, connect=server.connect, tls=trusted())
    await web.send("GET", "http://example.org/other", {"Authorization": "Bearer k", "Accept": "text/html"})
    assert ["Bearer k" in head for head in server.heads] == [True, False]
    assert all("text/html" in head for head in server.heads)


async def test_a_name_that_changes_between_check_and_use(server):
    """Every look-up gives another answer; only the one that was checked is connected to."""
    asked, connected = [], []

    async def rebinding(host, port):
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address, port):
        connected.append(address)
        return server.connect(address, port)

    web = GuardedWeb(Rules(seconds=5), resolve=rebinding, connect=connect)
    await web.send("GET", "http://example.org/")
    assert (asked, connected) == (["example.org"], [PUBLIC])
    assert "not on the public internet" in await refused(web, "http://example.org/")
    assert connected == [PUBLIC]


async def test_tls_is_for_the_name_and_not_for_the_address(server):
    web = GuardedWeb(Rules(seconds=5), resolve=resolve, connect=server.connect, tls=trusted())
    assert (await web.send("GET", "https://example.org/")).status == 200
    assert "Host: example.org\r\n" in server.heads[0]
    assert "could not be read" in await refused(web, f"https://{PUBLIC}/")


async def test_a_certificate_of_another_name_is_refused(server):
    async def all_public(host, port):
        return [PUBLIC]

    web = GuardedWeb(Rules(seconds=5), resolve=all_public, connect=server.connect, tls=trusted())
    assert "could not be read" in await refused(web, "https://example.com/")
    strangers = GuardedWeb(Rules(seconds=5), resolve=all_public, connect=server.connect)
    assert "could not be read" in await refused(strangers, "https://example.org/")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/gigabyte", "more than 1,048,576 bytes"), ("/endless", "more than 1,048,576 bytes"),
        ("/bomb", "more than 1,048,576 bytes"), ("/bombs", "which was not asked for"),
        ("/br", "'br', which was not asked for"), ("/damaged", "packing is damaged"), ("/torn", "packing breaks off"),
        ("/endless-headers", "could not be read"), ("/short", "could not be read"),
        ("/nonsense", "could not be read"),
    ],
)  # fmt: skip
async def test_what_has_no_end_or_is_damaged(server, path, why):
    assert why in await refused(guarded(server), f"http://example.org{path}")


@pytest.mark.parametrize("path", ["/drip", "/hang"])
async def test_what_is_slow_ends_in_time(server, path):
    began = time.monotonic()
    assert "was not read within 0.3 seconds" in await refused(guarded(server, seconds=0.3), f"http://example.org{path}")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("path", ["/gzip", "/deflate", "/raw-deflate"])
async def test_what_is_packed_is_unpacked(server, path):
    assert (await guarded(server).send("GET", f"http://example.org{path}")).body == b"packed"


async def test_hosts_may_be_allowed_and_denied(server):
    only = guarded(server, allow=("*.example.org", "例子.测试"))
    assert "not among the hosts" in await refused(only, "http://example.org/")
    allowed = guarded(server, allow=("example.org",))
    assert (await allowed.send("GET", "http://EXAMPLE.org/")).status == 200
    assert "not among the hosts" in await refused(allowed, "http://example.org.evil.test/")
    assert "list of hosts denied" in await refused(guarded(server, deny=("*.example.org",)), "http://loop.example.org/")
    assert "not on the public" in await refused(guarded(server, allow=("localhost",)), "http://localhost/")


async def test_a_network_that_is_named_is_reached(server):
    web = guarded(server, networks=("10.0.0.0/8",), ports=())
    assert (await web.send("GET", "http://inside.example.org:8080/")).status == 200
    assert "not on the public" in await refused(web, "http://loop.example.org/")


@pytest.mark.parametrize(
    "address",
    ["168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "169.254.169.254", "100.100.100.200"],
)  # fmt: skip
def test_what_clouds_tell_their_machines_is_out_of_reach(address):
    assert not reachable(address)
    assert reachable("168.63.129.17")


@given(st.ip_addresses())
def test_public_is_no_more_than_python_calls_global(address):
    if is_public(address):
        assert reachable(str(address))
        assert address.is_global or address.version == 6
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_loopback


@given(st.ip_addresses(v=4))
def test_wrapped_addresses_are_judged_by_what_they_wrap(address):
    for prefix in ("::ffff:", "64:ff9b::"):
        assert reachable(f"{prefix}{address}") == is_public(address)


@pytest.mark.slow
@given(st.text(max_size=40))
def test_any_text_is_a_url_or_a_tool_error(text):
    for url in (text, f"http://{text}", f"http://{text}.org/{text}"):
        try:
            found = read_url(url, Rules())
        except ToolError:
            continue
        assert str(found).isascii()
        assert read_url(str(found), Rules()) == found
