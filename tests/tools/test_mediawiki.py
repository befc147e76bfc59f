"""The public encyclopedia: answers in the shape of MediaWiki's API from a server on this machine."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from server.settings import BadSettings, load_settings
from server.web import GuardedWeb
from tests.server.conftest import serving
from tests.web_server import reply, web_server
from tools import catalog
from tools.base import Context
from tools.extracts import cleaned
from tools.mediawiki import MediaWiki
from tools.perform import perform
from tools.web import rules_for

PARIS = """\
Paris (French: [paʁi]; ) is the capital of France.[1] It lies on the Seine\u200b.


== History ==
The Seine is a river. Paris has an opera.
  {\\displaystyle x^{2}}
Its tower is tall. The river is 777 km long.
"""
PAGES = {
    "Paris": {"title": "Paris", "extract": PARIS},
    "City of Light": {"title": "Paris", "extract": PARIS},
    "Mercury": {"title": "Mercury", "extract": "Mercury may refer to:", "pageprops": {"disambiguation": ""}},
    "巴黎": {"title": "巴黎", "extract": "巴黎是法国的首都。塞纳河流过巴黎。河上有三十七座桥。"},
    "Empty": {"title": "Empty", "extract": ""},
    "Plain": {"title": "Plain"},
}
HTML = (
    '<div class="mw-parser-output"><table class="infobox"><tr><td>Box</td></tr></table>'
    '<div class="hatnote">See also</div>'
    '<p>A <b>plain</b> is flat&nbsp;land.<sup class="reference">[1]</sup> It is wide &amp; open.</p>'
    '<h2>Heading</h2><p>Grass grows there.<br>Rain falls.</p><script>alert(1)</script><style>p{}</style></div>'
)  # fmt: skip


def answers(asked):
    if asked["action"] == "parse":
        return {"parse": {"title": asked["page"], "text": HTML}}
    if asked.get("list") == "search":
        hits = [{"ns": 0, "title": f"{asked['srsearch']} {n}"} for n in range(9)]
        return {"query": {"search": [] if "nothing" in asked["srsearch"] else hits}}
    return {"query": {"pages": [PAGES.get(asked["titles"], {"title": asked["titles"], "missing": True})]}}


class Wiki:
    """What it was asked, and how it answers: as MediaWiki does, or with the bytes of `instead`."""

    def __init__(self):
        self.asked, self.heads, self.instead = [], [], None

    def get(self, target, default):
        async def answer(head, writer):
            self.heads.append(head)
            self.asked.append({key: value for key, (value,) in parse_qs(urlsplit(target).query).items()})
            if callable(self.instead):
                await self.instead(head, writer)
                return
            body = json.dumps(answers(self.asked[-1]), ensure_ascii=False)
            writer.write(self.instead or reply(body, Content_Type="application/json"))
            await writer.drain()

        return answer


@pytest.fixture
async def wiki():
    made = Wiki()
    async with web_server(made) as server:
        made.url = f"http://127.0.0.1:{server.port}/w/api.php"
        yield made


def read(wiki, arguments, *, seconds=5.0, most_bytes=1 << 20, **named):
    web = GuardedWeb(rules_for(wiki.url, seconds=seconds, most_bytes=most_bytes))
    encyclopedia = wiki.client = getattr(wiki, "client", None) or MediaWiki(web, wiki.url, "sandtable-test", **named)
    context = Context(encyclopedia=encyclopedia)
    return perform(catalog.get("wikipedia"), json.dumps(arguments), context)


async def test_a_page_begins_with_its_first_five_sentences_without_markup(wiki):
    outcome = await read(wiki, {"page": "Paris"})
    assert outcome.fault is None
    assert outcome.text == (
        "Paris (French: [paʁi]; ) is the capital of France. It lies on the Seine. The Seine is a river. "
        "Paris has an opera. Its tower is tall."
    )
    (asked,) = wiki.asked
    assert (asked["titles"], asked["redirects"], asked["explaintext"], asked["formatversion"]) == (
        "Paris",
        "1",
        "1",
        "2",
    )
    assert "User-Agent: sandtable-test\r\n" in wiki.heads[0]


async def test_sentences_are_looked_up_by_the_same_cursor_and_the_page_is_asked_for_once(wiki):
    said = [(await read(wiki, {"page": "Paris", "keyword": "river", "result": n})).text for n in (1, 2, 3)]
    assert said == [
        "(Result 1 / 2) The Seine is a river.", "(Result 2 / 2) The river is 777 km long.", "No more results.",
    ]  # fmt: skip
    assert len(wiki.asked) == 1


async def test_a_redirect_leads_to_the_page(wiki):
    assert (
        await read(wiki, {"page": "City of Light", "keyword": "opera"})
    ).text == "(Result 1 / 1) Paris has an opera."


@pytest.mark.parametrize("title", ["Pari", "Mercury", "x" * 300, "a|b"])
async def test_what_is_no_page_or_many_brings_similar_titles(wiki, title):
    text = (await read(wiki, {"page": title})).text
    shown = title.replace("|", " ")
    assert text == f"Could not find [{title}]. Similar: {[f'{shown} {n}' for n in range(5)]}."


async def test_nothing_similar_is_said_too(wiki):
    assert (await read(wiki, {"page": "nothing at all"})).text == "Could not find [nothing at all]. Similar: []."


async def test_chinese_pages_and_their_script(wiki):
    outcome = await read(wiki, {"page": "巴黎", "keyword": "塞纳河"}, variant="zh-cn")
    assert outcome.text == "(Result 1 / 1) 塞纳河流过巴黎。"
    assert wiki.asked[0]["variant"] == "zh-cn"


async def test_a_wiki_without_extracts_is_read_from_its_html(wiki):
    assert (await read(wiki, {"page": "Plain"})).text == (
        "A plain is flat land. It is wide & open. Grass grows there. Rain falls."
    )
    assert [asked["action"] for asked in wiki.asked] == ["query", "parse"]


async def test_a_page_without_text_says_so(wiki):
    assert "no text" in (await read(wiki, {"page": "Empty"})).text


JUNK = {
    "429": (reply("slow down", "429 Too Many Requests", Retry_After="7"), "too often (429); try again in 7 seconds"),
    "503": (reply("<html>", "503 Service Unavailable"), "a fault of its own (503)"),
    "404": (reply("no", "404 Not Found"), "answered 404"),
    "html": (reply("<html>a login page</html>"), "no JSON object"),
    "list": (reply("[1, 2]"), "no JSON object"),
    "deep": (reply("[" * 100_000), "no JSON object"),
    "empty": (reply(""), "no JSON object"),
    "error": (reply('{"error": {"code": "ratelimited", "info": "You\\nare too fast"}}'), "refuses: You are too fast"),
    "odd error": (reply('{"error": "bad"}'), "refuses: bad"),
    "odd pages": (reply('{"query": {"pages": {"1": 5}}}'), "not of MediaWiki's API"),
    "odd page": (reply('{"query": {"pages": [7]}}'), "not of MediaWiki's API"),
    "odd query": (reply('{"query": []}'), "not of MediaWiki's API"),
    "elsewhere": (reply("", "302 Found", Location="http://169.254.169.254/x"), "not among the hosts"),
    "huge": (reply(b"x" * (2 << 20)), "more than 1,048,576 bytes"),
}


@pytest.mark.parametrize(("given", "told"), JUNK.values(), ids=JUNK)
async def test_whatever_else_comes_back_is_told_in_a_sentence(wiki, given, told):
    wiki.instead = given
    outcome = await read(wiki, {"page": "Paris"})
    assert outcome.fault == "refused"
    assert told in outcome.text


async def test_silence_is_given_up(wiki):
    async def silent(head, writer):
        await asyncio.sleep(30)

    wiki.instead = silent
    outcome = await read(wiki, {"page": "Paris"}, seconds=0.2)
    assert "not read within 0.2 seconds" in outcome.text


async def test_the_setting_lets_the_service_read_it_and_nothing_else_does(wiki, tmp_path):
    body = {"arguments": {"page": "Paris", "keyword": "opera"}}
    async with serving(tmp_path / "off") as client:
        refused = await client.post("/v1/tools/wikipedia/call", json=body)
        assert refused.status_code == 400
        assert "wikipedia.source" in refused.json()["error"]["message"]
    given = {
        "source": "api",
        "url": wiki.url.replace("/w/", "/{language}/"),
        "language": "zh",
        "contact": "a@b.example",
    }
    async with serving(tmp_path / "on", wikipedia=given) as client:
        said = (await client.post("/v1/tools/wikipedia/call", json=body)).json()
        assert (said["output"], said["fault"]) == ("(Result 1 / 1) Paris has an opera.", None)
        (listed,) = [tool for tool in (await client.get("/v1/tools")).json()["data"] if tool["name"] == "wikipedia"]
        assert listed["needs_collection"] is False
    assert wiki.heads[0].startswith("GET /zh/api.php?action=query")
    assert "a@b.example\r\n" in wiki.heads[0]


@pytest.mark.parametrize(
    "given",
    [{"url": "file:///etc/passwd"}, {"url": "https://u:p@wiki.example/api.php"}, {"language": "en.evil.example/"},
     {"contact": "a\r\nHost: b"}, {"source": "web"}, {"host": "x"}],
)  # fmt: skip
def test_a_bad_setting_is_refused(given):
    with pytest.raises(BadSettings, match="wikipedia"):
        load_settings(wikipedia=given)


async def test_without_documents_and_without_the_setting_it_says_what_to_do():
    outcome = await perform(catalog.get("wikipedia"), '{"page": "Paris"}', Context())
    assert outcome.fault == "refused"
    assert "wikipedia.source" in outcome.text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("== A ==\nOne (; ) two.[12][citation needed]", "One two."),
        ("&lt;b&gt; stays text & so does 1 < 2", "<b> stays text & so does 1 < 2"),
        ("<p>never closed <b>bold", "never closed bold"),
        ("<table><tr><td>out</table>in", "in"),
        ("<sup class=\"reference\">[1]</sup>kept<br/>line", "kept\nline"),
        ("巴黎（）是首都。[注 1]", "巴黎是首都。"),
        ("", ""),
    ],
)  # fmt: skip
def test_text_is_cleaned(text, clean):
    assert cleaned(text) == clean
