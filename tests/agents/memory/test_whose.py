"""Whose a thing is that a request to forget names: only the user's own is erased."""

from datetime import UTC, datetime

import pytest

from agents.memory.archive import Archive
from agents.memory.drafting import stated
from agents.memory.recalling import forget
from agents.memory.record import Draft, Owner
from agents.memory.remembering import remember
from agents.memory.store import InMemory

NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)
ADA = Owner("t", "user", "ada")

CASES = [
    (
        "my name",
        ["I am called Ann.", "The user's name is Ann.", "The name of the user is Ann.", "My first name is Ann."],
        ["My cat has the name Tom.", "The name of my doctor is Dr Roe.", "My cat is called Tom.", "His name is Bo.",
         "I like the name Tom.", "I know the name of my doctor."],
    ),
    (
        "my dog",
        ["My dog is called Rex.", "The dog of the user is old.", "I have a dog.", "My old dog is ill.",
         "Ada's dog is called Rex.", "My dog's vet is Dr Roe.", "The dog is old."],
        ["My sister's dog is ill.", "Ann's dog is ill.", "My sister has a dog.", "I know a man who has a dog."],
    ),
    ("my password", ["The password is hunter2.", "My wifi password is x1."], ["The password of Ann is x."]),
    (
        "that I live in Rome",
        ["I live in Rome.", "The user lives in Rome.", "Ada lives in Rome."],
        ["My sister lives in Rome.", "Tom lives in Rome.", "The user's sister lives in Rome."],
    ),
    (
        "my trip",
        ["The user is planning a trip to Japan.", "I booked the trip."],
        ["I love Ann's trip.", "I met a trip guide."],
    ),
    ("Rome", ["I live in Rome.", "My sister lives in Rome."], []),
    (
        "我的名字",
        ["我的名字叫李雷。", "我叫李雷。", "用户的名字是李雷。"],
        ["我的猫的名字叫咪咪。", "我的猫叫咪咪。", "我的医生的名字是王医生。", "他的名字是王五。"],
    ),
    ("我的狗", ["我的狗叫旺财。", "我养了一只狗。", "我的小狗病了。"], ["我姐姐的狗病了。", "我的姐姐有一只狗。"]),
    ("我住在北京", ["我现在住在北京。", "用户住在北京。"], ["我姐姐住在北京。", "我的姐姐住在北京。"]),
]  # fmt: skip


@pytest.mark.parametrize(("what", "gone", "stay"), CASES, ids=[case[0] for case in CASES])
async def test_only_what_is_the_users_own_is_forgotten(what, gone, stay):
    for text in (*gone, *stay):
        archive = Archive(InMemory())
        (draft,) = stated(text, NOON)
        await remember(archive, ADA, [draft])
        assert [record.text for record in await forget(archive, ADA, what)] == ([text] if text in gone else []), text


async def test_a_user_is_known_by_the_name_that_was_said():
    archive, owner = Archive(InMemory()), Owner("t", "thread", "7")
    texts = ("Ida's cat is old.", "The user's name is Ida.", "Bo's cat is old.")
    await remember(archive, owner, [Draft(text=text, created_at=NOON) for text in texts])
    assert [record.text for record in await forget(archive, owner, "my cat")] == ["Ida's cat is old."]
