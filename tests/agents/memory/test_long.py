"""Facts: merged, superseded, forgotten, recalled as they stand or as they stood; through the functions alone."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from agents.memory.archive import Archive
from agents.memory.recalling import forget, forget_ids, recall
from agents.memory.record import Draft, Owner, Record
from agents.memory.remembering import remember
from agents.memory.scoring import Weights, scored
from agents.memory.store import InMemory, Kept
from tests.agents.memory.words import Words

NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)
ADA, BOB = Owner("t", "user", "ada"), Owner("t", "user", "bob")


@pytest.fixture(params=["words", "terms alone"])
def archive(request):
    return Archive(InMemory(), Words if request.param == "words" else None)


def fact(text, subject="", days=0, **named):
    return Draft(**{"text": text, "subject": subject, "created_at": NOON + timedelta(days=days)} | named)


async def texts(archive, query, owner=ADA, kind="long", **named):
    return [one.record.text for one in await recall(archive, owner, kind, query, **named)]


async def test_a_newer_fact_supersedes_and_the_older_is_history(archive):
    (rome,) = await remember(archive, ADA, [fact("Ada lives in Rome.", "where Ada lives")])
    (paris,) = await remember(archive, ADA, [fact("Ada lives in Paris.", "Where Ada lives", days=30)])
    assert (paris.how, paris.superseded) == ("added", (rome.id,))
    assert await texts(archive, "Where does Ada live?") == ["Ada lives in Paris."]
    then = NOON + timedelta(days=5)
    assert await texts(archive, "Where does Ada live?", at=then) == ["Ada lives in Rome."]
    assert await texts(archive, "Where does Ada live?", kind="stream", at=then) == ["Ada lives in Rome."]
    assert await texts(archive, "Where does Ada live?", at=NOON - timedelta(days=1)) == []
    await remember(archive, ADA, [fact("Ada lives in Rome.", "where Ada lives", days=60)])
    assert await texts(archive, "Where does Ada live?") == ["Ada lives in Rome."]


async def test_a_fact_that_comes_late_goes_into_the_past(archive):
    await remember(archive, ADA, [fact("Ada lives in Paris.", "home", days=30)])
    await remember(archive, ADA, [fact("Ada lives in Rome.", "home")])
    assert await texts(archive, "Ada home") == ["Ada lives in Paris."]


async def test_in_one_batch_it_is_as_one_after_the_other(archive):
    told = await remember(
        archive,
        ADA,
        [fact("I own a dog.", "pet"), fact("I own a dog", "pet"), fact("I own two cats.", "pet", days=1)],
    )
    assert [one.how for one in told] == ["added", "merged", "added"]
    assert told[2].superseded == (told[0].id,) == (told[1].id,)
    assert await texts(archive, "own pet") == ["I own two cats."]


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        ("My sister is called Mia.", "my sister is called  MIA", True),
        ("我住在北京。", "我住在北京", True),
        ("My flight leaves at 9.", "My flight leaves at 10.", False),
        ("I do like very old cheese.", "I do not like very old cheese.", False),
        ("我吃花生", "我不吃花生", False),
        ("I have a bike.", "The weather is fine.", False),
        ("I'm not an early bird", "I am not early bird!", True),
        ("I prefer tea to coffee.", "I prefer coffee to tea.", False),
        ("Ann owes Tom 5 euros.", "Tom owes Ann 5 euros.", False),
        ("Tom is older than Ann.", "Ann is older than Tom.", False),
        ("The letter is to Ann by Tom.", "The letter is by Ann to Tom.", False),
        ("从上海到北京的票我买了。", "从北京到上海的票我买了。", False),
        ("It is -5 degrees.", "It is 5 degrees.", False),
        (
            "My sister and I fly to Berlin on Monday morning.",
            "My sister and I fly to Berlin on Tuesday morning.",
            False,
        ),
    ],
)
async def test_only_what_says_the_same_is_merged(archive, one, other, merged):
    first, second = await remember(archive, ADA, [fact(one), fact(other)])
    assert (second.how == "merged") is merged is (first.id == second.id)
    (third,) = await remember(archive, ADA, [fact(other)])
    assert (third.how, third.id) == ("merged", second.id)


async def test_what_a_fact_replaces_wins_over_how_near_it_is(archive):
    tea, coffee = "The user prefers tea to coffee.", "The user prefers coffee to tea."
    drink = "user's favourite drink"
    await remember(archive, ADA, [fact(tea, drink), fact("The user lives in Rome.", "home of the user")])
    (told,) = await remember(archive, ADA, [fact(coffee, drink, days=1, replaces=(1,))])
    assert (told.how, told.superseded) == ("added", (1,))
    (told,) = await remember(archive, ADA, [fact(tea, drink, days=2)])
    assert (told.how, told.superseded) == ("added", (3,))
    (told,) = await remember(archive, ADA, [fact(tea, days=3, replaces=(2,))])  # Known, and another holds no more.
    assert (told.how, told.superseded) == ("added", (2, 4))
    assert await texts(archive, "user prefers tea coffee Rome") == [tea]
    then = NOON + timedelta(days=1, hours=1)
    assert set(await texts(archive, "user prefers tea coffee Rome", at=then)) == {coffee, "The user lives in Rome."}
    (told,) = await remember(archive, ADA, [fact(tea, drink, days=4, replaces=(5,))])
    assert (told.how, told.id) == ("merged", 5)


async def test_subjects_are_the_same_whether_of_or_s_says_whose(archive):
    await remember(archive, ADA, [fact("Rome", "home city of the user"), fact("5 euros", "Ann's debt to Tom")])
    told = await remember(archive, ADA, [fact("Oslo", "user's home city"), fact("9 euros", "Tom's debt to Ann")])
    assert [one.superseded for one in told] == [(1,), ()]


async def test_the_same_call_a_second_time_remembers_nothing(archive):
    drafts = [fact("I own a dog."), fact("I own a cat.")]
    first = await remember(archive, ADA, drafts, key="run:call")
    again = await remember(archive, ADA, drafts, key="run:call")
    fresh = await remember(Archive(archive.store, archive._embedder), ADA, drafts, key="run:call")
    assert [one.id for one in first] == [one.id for one in again] == [one.id for one in fresh] == [1, 2]
    assert len(await archive.store.load(ADA)) == 2


async def test_what_is_forgotten_is_gone_with_its_history_and_what_rests_on_it(archive):
    await remember(archive, ADA, [fact("Ada lives in Rome.", "home"), fact("Ada owns a dog.")])
    await remember(archive, ADA, [fact("Ada lives in Paris.", "home", days=1)])
    await remember(archive, ADA, [fact("Ada loves big cities.", kind="reflection", sources=(3,))])
    gone = await forget(archive, ADA, "Ada lives in Paris")
    assert sorted(one.id for one in gone) == [1, 3, 4]
    for at in (None, NOON + timedelta(hours=1), NOON + timedelta(days=2)):
        assert await texts(archive, "Ada lives Rome Paris cities dog", at=at) == ["Ada owns a dog."]
    kept = await archive.store.load(ADA)
    assert [one.record.text for one in kept] == ["", "Ada owns a dog.", "", ""]
    assert not any(one.vector for one in kept if one.record.forgotten)
    (new,) = await remember(archive, ADA, [fact("Ada plays chess.")])
    assert new.id == 5
    assert [one.text for one in await forget_ids(archive, ADA, [5, 5, 77])] == ["Ada plays chess."]


STAY = ("I work in Rome.", "My sister is in Rome.", "I live in Paris.", "The user works in Rome.", "我在北京工作。")


@pytest.mark.parametrize(
    ("request_", "gone"),
    [
        ("I live in Rome", {"I live in Rome."}),
        ("I live in Rome now", set()),
        ("my dog", {"My dog is called Rex.", "The dog of the user is old."}),
        ("我住在北京", {"用户住在北京。"}),
        ("what", set()),
    ],
)
async def test_nothing_else_is_forgotten(archive, request_, gone):
    texts_ = [*STAY, "I live in Rome.", "My dog is called Rex.", "The dog of the user is old.", "用户住在北京。"]
    await remember(archive, ADA, [fact(text) for text in texts_])
    assert {record.text for record in await forget(archive, ADA, request_)} == gone


async def test_owners_never_see_each_other(archive):
    await remember(archive, ADA, [fact("The code of the safe is 1234.")])
    for kind in ("short", "long", "hybrid", "stream"):
        assert await texts(archive, "code of the safe", BOB, kind) == []
        assert await texts(archive, "code of the safe", ADA, kind) == ["The code of the safe is 1234."]
    assert await forget(archive, BOB, "the code of the safe") == []
    await archive.erase(BOB)
    assert await texts(archive, "code of the safe") == ["The code of the safe is 1234."]
    await archive.erase(ADA)
    assert await texts(archive, "code of the safe") == []


async def test_recall_refreshes_what_is_recalled_and_nothing_else(archive):
    await remember(archive, ADA, [fact("red apples"), fact("blue whales")])
    later = NOON + timedelta(hours=3)
    await recall(archive, ADA, "long", "apples", k=1, now=later)
    assert [one.record.last_access for one in await archive.store.load(ADA)] == [later, NOON]
    await recall(archive, ADA, "long", "apples", k=1, now=NOON)
    assert (await archive.store.load(ADA))[0].record.last_access == later  # A clock set back takes no use away.


async def test_the_latest_come_first_for_short(archive):
    await remember(archive, ADA, [fact("first"), fact("third", days=2), fact("second", days=1)])
    assert await texts(archive, "anything", kind="short", k=2) == ["third", "second"]


HOURS, IMPORTANCE, NEAR = [0, 10, 100, 0, 50], [1, 10, 4, 7, 4], [0.2, 0.1, 0.6, 0.4, 0.0]
BY_HAND = [1 + 0 + 1 / 3, 0.875986 + 1 + 1 / 6, 0 + 1 / 3 + 1, 1 + 2 / 3 + 2 / 3, 0.437671 + 1 / 3 + 0]
"""Recency of the five: 1, 0.995^10 = 0.951110, 0.995^100 = 0.605770, 1, 0.995^50 = 0.778313; scaled by (x - 0.605770) /
0.394230: 1, 0.875986, 0, 1, 0.437671. Importance by (x - 1) / 9, nearness by x / 0.6."""


class FixedNearness(Words):
    """Its texts are the numbers of axes; the query has the cosine NEAR[n] with the n-th."""

    dimension = 6

    def embed(self, texts, *, kind):
        rest = (1 - sum(x * x for x in NEAR)) ** 0.5
        asked = [*NEAR, rest]
        axes = np.eye(6, dtype=np.float32)
        return np.array([asked if text == "query" else axes[int(text)] for text in texts], np.float32)


def five(more_hours=0):
    return [
        Record(
            id=n + 1, text=str(n), kind="observation", importance=IMPORTANCE[n], created_at=NOON - timedelta(days=9),
            last_access=NOON - timedelta(hours=HOURS[n] + (more_hours if n == 3 else 0)),
        )
        for n in range(5)
    ]  # fmt: skip


async def test_five_records_of_the_stream_score_as_computed_by_hand():
    store = InMemory()
    await store.write(ADA, [Kept(record) for record in five()])
    found = await recall(Archive(store, FixedNearness), ADA, "stream", "query", now=NOON)
    assert {int(one.record.text): one.score for one in found} == pytest.approx(dict(enumerate(BY_HAND)), abs=1e-5)
    assert [one.record.text for one in found][:2] == ["3", "1"]
    refreshed = await recall(Archive(store, FixedNearness), ADA, "stream", "query", now=NOON + timedelta(hours=1))
    assert {one.recency for one in refreshed} == {0.0}  # All were used at the same time, now.


def test_longer_since_the_last_access_lowers_the_score():
    for hours in (1, 5, 24):
        before, after = (
            {one.record.id: one.score for one in scored(records, NEAR, NOON, Weights())}
            for records in (five(), five(hours))
        )
        assert after[4] < before[4]


async def test_another_embedder_makes_the_vectors_anew_once():
    store = InMemory()
    await remember(Archive(store, lambda: Words("words/1")), ADA, [fact("red apples"), fact("blue whales")])
    two = Words("words/2")
    assert await texts(Archive(store, lambda: two), "apples", k=1) == ["red apples"]
    assert two.embedded == ["red apples", "blue whales", "apples"]
    again = Words("words/2")
    assert await texts(Archive(store, lambda: again), "apples", k=1) == ["red apples"]
    assert again.embedded == ["apples"]


async def test_the_owners_in_memory_are_bounded(archive):
    import agents.memory.archive as module

    assert module.MOST_OWNERS == 1_000
    for number in range(module.MOST_OWNERS + 3):
        await archive.shelf(Owner("t", "user", str(number)))
    assert len(archive._ready) == module.MOST_OWNERS
