"""What memories get wrong as things change: forgotten, overwritten, contradicted, timed and repeated facts, scored.

Each scenario is played for every topic, in English and Chinese, among other facts, without a model: statements are kept
word for word, and their subjects found by patterns. Beside it the same is played to a plain vector store, which only
adds. Stale: a value that holds no more (or not at the time asked for) is told. Duplicate: a record is told that says
what another one says.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from agents.memory.archive import Archive
from agents.memory.drafting import stated
from agents.memory.recalling import forget, recall
from agents.memory.record import Draft, Owner
from agents.memory.remembering import remember
from agents.memory.store import InMemory

if TYPE_CHECKING:
    from retrieval.base import Embedder

K = 5
START = datetime(2024, 3, 1, 9, tzinfo=UTC)
STORES = ("long", "vectors")
"""`vectors`: the plain vector store."""


class Topic(NamedTuple):
    fact: str
    """With a place for its value."""
    question: str
    old: str
    new: str
    about: str = "the user"
    """`things`: facts whose subject the patterns without a model do not know."""


TOPICS = (
    Topic("My favourite colour is {}.", "What is my favourite colour?", "crimson", "teal"),
    Topic("My dentist is {}.", "Who is my dentist?", "Dr Okafor", "Dr Lindqvist"),
    Topic("My flight is on {}.", "When is my flight?", "May 4", "May 19"),
    Topic("My door code is {}.", "What is my door code?", "4471", "9082"),
    Topic("I live in {}.", "Where do I live?", "Porto", "Tampere"),
    Topic("My sister's dog is called {}.", "What is my sister's dog called?", "Biscuit", "Waffles"),
    Topic("我的生日是{}。", "我的生日是哪天？", "五月四日", "六月九日"),
    Topic("我的牙医是{}。", "我的牙医是谁？", "王医生", "陈医生"),
    Topic("我住在{}。", "我住在哪里？", "成都", "哈尔滨"),
    Topic("我的猫叫{}。", "我的猫叫什么？", "豆豆", "芝麻"),
    Topic("The team meets in room {}.", "In which room does the team meet?", "B204", "D117", "things"),
    Topic("Invoices go to {} now.", "Whom do invoices go to?", "Marta", "Henrik", "things"),
    Topic("The backup starts at {}.", "When does the backup start?", "02:15", "04:45", "things"),
    Topic("周会改到{}开。", "周会什么时候开？", "星期二", "星期五", "things"),
)
OTHERS = (
    "I bought a second-hand piano from a neighbour.", "My brother plays the oboe in an orchestra.",
    "The library closes at six on Fridays.", "I am allergic to peanuts.", "We repainted the kitchen in spring.",
    "My bicycle has eight gears.", "Our street has a bakery.", "I read novels in the evening.",
    "我周末常去游泳。", "公司的食堂十二点开门。", "我不吃辣椒。", "昨天下了一场大雨。",
)  # fmt: skip


class Outcome(NamedTuple):
    """Of one scenario for one topic: each a share of one, 0 or 1 but for `duplicate`."""

    right: float
    """The value that holds is told; of `forget`: nothing of it is."""
    stale: float
    duplicate: float


class Life:
    """One owner's memory, to which things are said at hours after a start."""

    def __init__(self, embedder: Embedder, store: str) -> None:
        self.archive, self.adds = Archive(InMemory(), lambda: embedder), store == "vectors"
        self.owner = Owner("eval", "user", store)

    async def say(self, text: str, hour: int) -> None:
        drafts: Sequence[Draft] = stated(text, START + timedelta(hours=hour))
        if self.adds:
            drafts = [Draft(text=one.text, kind="observation", created_at=one.created_at) for one in drafts]
        await remember(self.archive, self.owner, drafts)

    async def forget(self, what: str) -> None:
        if not self.adds:
            await forget(self.archive, self.owner, what)

    async def told(self, question: str, at_hour: int | None = None) -> list[str]:
        at = None if at_hour is None or self.adds else START + timedelta(hours=at_hour)
        by = "vectors" if self.adds else "hybrid"
        found = await recall(self.archive, self.owner, "long", question, K, at, by=by, now=START, touch=False)  # type: ignore[arg-type]
        return [one.record.text for one in found]


def outcome(told: Sequence[str], right: str, stale: str) -> Outcome:
    """`right`: the value that should be told; "" for none."""
    about = [text for text in told if (right and right in text) or stale in text]
    repeated = len(about) - len({right if right and right in text else stale for text in about})
    return Outcome(
        float(any(right in text for text in told) if right else not about),
        float(any(stale in text for text in told)),
        repeated / len(told) if told else 0.0,
    )


async def overwrite(life: Life, topic: Topic) -> Outcome:
    await life.say(topic.fact.format(topic.old), 0)
    await life.say(topic.fact.format(topic.new), 500)
    return outcome(await life.told(topic.question), topic.new, topic.old)


async def conflict(life: Life, topic: Topic) -> Outcome:
    """The older statement arrives last, as when an older conversation is read in later."""
    await life.say(topic.fact.format(topic.new), 500)
    await life.say(topic.fact.format(topic.old), 0)
    return outcome(await life.told(topic.question), topic.new, topic.old)


async def time(life: Life, topic: Topic) -> Outcome:
    """Asked for the time before it changed."""
    await life.say(topic.fact.format(topic.old), 0)
    await life.say(topic.fact.format(topic.new), 500)
    return outcome(await life.told(topic.question, 400), topic.old, topic.new)


async def forgotten(life: Life, topic: Topic) -> Outcome:
    await life.say(topic.fact.format(topic.old), 0)
    await life.forget(topic.fact.format(topic.old))
    return outcome(await life.told(topic.question), "", topic.old)


async def repeated(life: Life, topic: Topic) -> Outcome:
    """Said three times, in other letters and with other marks."""
    text = topic.fact.format(topic.old)
    for hour, same in enumerate((text, text.rstrip(".。") + "!", text.upper())):
        await life.say(same, 100 * hour)
    return outcome([one.casefold() for one in await life.told(topic.question)], topic.old.casefold(), "\0")


Play = Callable[[Life, Topic], Coroutine[Any, Any, Outcome]]
SCENARIOS: dict[str, Play] = {
    "overwrite": overwrite,
    "conflict": conflict,
    "time": time,
    "forget": forgotten,
    "near-duplicate": repeated,
}


async def measured(embedder: Embedder) -> dict[str, Any]:
    rows = []
    for store in STORES:
        for name, play in SCENARIOS.items():
            for about in dict.fromkeys(topic.about for topic in TOPICS):
                found: list[Outcome] = []
                for topic in (one for one in TOPICS if one.about == about):
                    life = Life(embedder, store)
                    for hour, other in enumerate(OTHERS):
                        await life.say(other, hour)
                    found.append(await play(life, topic))
                means = {field: sum(getattr(one, field) for one in found) / len(found) for field in Outcome._fields}
                rows.append({"store": store, "scenario": name, "about": about, "topics": len(found), **means})
    return {"embedder": embedder.name, "k": K, "rows": rows}
