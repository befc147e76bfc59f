"""A page becomes readable text, whatever its encoding and format, and is read on from where it was cut."""

import asyncio
import json
from dataclasses import replace

import pytest

from retrieval.loaders.load import load
from tests.retrieval import made_files
from tools.base import Context
from tools.fetch_url import ROOM, fetch_url
from tools.perform import perform
from tools.web import Page

URL = "https://example.org/page"


class Loader:
    async def load(self, path, filename):
        return await asyncio.to_thread(load, path, filename)


class Web:
    """One page, whatever is asked for."""

    def __init__(self, body, kind="text/html", url=URL, status=200):
        self.page = Page(
            url, status, {"content-type": kind} if kind else {}, body.encode() if isinstance(body, str) else body
        )

    async def send(self, method, url, headers=None, body=b""):
        return self.page


async def fetch(web, **more):
    arguments = json.dumps({"url": URL, **more})
    return await perform(fetch_url, arguments, Context(web=web, loader=Loader()))


async def test_a_page_is_its_text():
    page = "<title>The  tower</title><script>x()</script><h1>Height</h1><p>330 <b>metres</b></p><p hidden>Hidden</p>"
    outcome = await fetch(Web(page, url="https://example.org/moved-here"))
    assert outcome.text == "https://example.org/moved-here\nTitle: The tower\n\n# Height\n\n330 metres"


CHINESE, JAPANESE, KOREAN = (
    "<p>铁塔高三百三十米，在巴黎。</p>",
    "<p>塔の高さは三百三十メートルです。</p>",
    "<p>탑의 높이는 삼백삼십 미터입니다.</p>",
)


@pytest.mark.parametrize(
    ("html", "codec", "kind"),
    [
        (CHINESE, "utf-8", "text/html"), (CHINESE, "utf-8", "text/html; charset=UTF-8"),
        (CHINESE, "gb18030", "text/html; charset=gb2312"), (CHINESE, "gb18030", 'text/html;charset="GBK"'),
        ("<meta charset=gbk>" + CHINESE, "gb18030", "text/html"), (CHINESE, "gb18030", "text/html"),
        (CHINESE.replace("铁", "鐵"), "big5", "text/html; charset=Big5"),
        (JAPANESE, "shift_jis", "text/html; charset=Shift_JIS"), (JAPANESE, "euc_jp", "text/html; charset=EUC-JP"),
        (KOREAN, "cp949", "text/html; charset=euc-kr"),
        ("<meta charset=utf-8>" + JAPANESE, "shift_jis", "text/html; charset=shift_jis"),
        (CHINESE, "utf-8", "text/html; charset=punycode"), (CHINESE, "utf-8", "text/html; charset=nonsense"),
        (CHINESE, "utf-16", "text/html; charset=utf-16"),
    ],
)  # fmt: skip
async def test_encodings(html, codec, kind):
    outcome = await fetch(Web(html.encode(codec), kind))
    assert outcome.fault is None
    assert outcome.text.split("\n\n")[1] == html.partition("<p>")[2].removesuffix("</p>")


@pytest.mark.parametrize(
    ("body", "kind", "url", "says"),
    [
        ("a < b & c", "text/plain", URL, "a < b & c"),
        ('{"塔": 330}', "application/json", URL, "330"),
        ("name,m\ntower,330\nbridge,12\n", "text/csv", URL, "| tower | 330 |"),
        ("# Height\n", "text/markdown", URL, "# Height"),
        ("<p>no type</p>", "", "https://example.org/a.html", "no type"),
        ("just text", "", URL, "just text"),
        ("<rss><title>News</title></rss>", "application/rss+xml", URL, "News"),
    ],
)
async def test_formats(body, kind, url, says):
    outcome = await fetch(Web(body, kind, url))
    assert outcome.fault is None
    assert says in outcome.text


@pytest.mark.parametrize("kind", ["application/pdf", "application/octet-stream", ""])
async def test_a_pdf(kind):
    outcome = await fetch(Web(made_files.pdf(["The tower is 330 metres tall."]), kind))
    assert "The tower is 330 metres tall." in outcome.text


@pytest.mark.parametrize(
    ("web", "why"),
    [
        (Web("gone", status=404), "answered 404"),
        (Web("", "text/html"), "is empty"),
        (Web(b"\x89PNG\r\n\x1a\n", "image/png"), "is image/png, which has no text to read"),
        (Web(b"\x89PNG\r\n\x1a\n", "application/octet-stream"), "is a PNG image"),
        (Web("no pdf", "application/pdf"), "claims to be a PDF"),
        (Web("<script>x</script>"), "shows no text without scripts"),
    ],
)
async def test_what_cannot_be_read_says_why(web, why):
    outcome = await fetch(web)
    assert outcome.fault == "refused"
    assert why in outcome.text


async def test_a_long_page_is_read_on():
    text = " ".join(f"{n:07}" for n in range(5000))
    first = await fetch(Web(text, "text/plain"))
    assert f"Characters 0 to {ROOM:,} of 39,999; go on with start={ROOM}" in first.text
    last = await fetch(Web(text, "text/plain"), start=2 * ROOM)
    assert "Characters 38,000 to 39,999 of 39,999\n" in last.text
    assert last.text.endswith("0004999")
    assert "start before it" in (await fetch(Web(text, "text/plain"), start=40_000)).text
    assert "[cut:" not in first.text


async def test_without_a_web_it_says_so():
    outcome = await perform(replace(fetch_url), json.dumps({"url": URL}), Context())
    assert outcome.text == "nothing is fetched from the web here"
