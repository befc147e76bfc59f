"""Without a model: what a statement gives a value to, and that true facts do not supersede each other."""

from datetime import UTC, datetime, timedelta

import pytest

from agents.memory.archive import Archive
from agents.memory.drafting import stated
from agents.memory.record import Owner
from agents.memory.remembering import remember
from agents.memory.store import InMemory
from agents.memory.subjects import subject_of

NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)
ADA = Owner("t", "user", "ada")

BOTH = [
    ("My dog is called Rex.", "My dog is ill today."),
    ("My sister is a doctor.", "My sister is called Ida."),
    ("I live in Rome.", "I live with my cat Tom."),
    ("I live in Rome.", "I moved the meeting to Friday."),
    ("I live in Rome.", "I moved to Friday."),
    ("I live in Rome.", "I live in fear."),
    ("I live in Rome with my cat Tom.", "I live in Oslo."),
    ("I work at Siemens.", "I work from home on Mondays."),
    ("My boss is Ann Roe.", "My boss is Irish."),
    ("My door code is 4471.", "My door code is easy to remember."),
    ("My friend is called Tom.", "My friend is called Ida."),
    ("My flight is on May 4.", "My flight is at 9:30."),
    ("My favourite drink is tea.", "My favourite drink is gone."),
    ("我叫李雷。", "我叫了外卖。"),
    ("我叫李雷。", "我叫张三过来。"),
    ("我的女儿叫小红。", "我的女儿是医生。"),
    ("我的猫叫豆豆。", "我的猫叫得很大声。"),
    ("我住在成都。", "我住在三楼。"),
    ("我的名字叫李雷。", "我的名字是爷爷取的。"),
]
NEWER = [
    ("My dog is called Rex.", "My dog's name is Max."),
    ("my dog is called rex", "The name of my dog is Max."),
    ("I live in Rome.", "Now I live in New York City."),
    ("i live in rome", "I've just moved to Oslo."),
    ("I work at Siemens.", "I now work for Bosch."),
    ("My favourite colour is red.", "My favorite color is sea green."),
    ("My dentist is Dr Roe.", "My dentist is called Ann Lindqvist."),
    ("My flight is on May 4.", "My flight has been moved to May 19."),
    ("My phone number is 555-1234.", "My phone number has changed to 555-9876."),
    ("I'm 30.", "I am 31 years old."),
    ("I prefer tea to coffee.", "I prefer coffee to tea."),
    ("My name is Ann.", "I'm called Anna."),
    ("我叫李雷。", "我的名字改成了韩梅。"),
    ("我的女儿叫小红。", "我女儿叫小明。"),
    ("我的猫叫咪咪。", "我的猫的名字叫豆豆。"),
    ("我住在成都。", "我搬到上海了。"),
    ("我的生日是五月四日。", "我的生日是6月9日。"),
    ("我的牙医是王医生。", "我的牙医是陈医生。"),
    ("我最喜欢的颜色是蓝色。", "我最喜欢的颜色是绿色。"),
    ("我今年30岁。", "我31岁了。"),
]


@pytest.mark.parametrize(("older", "newer"), [*BOTH, *NEWER])
async def test_only_a_new_value_of_the_same_attribute_supersedes(older, newer):
    archive = Archive(InMemory())
    await remember(archive, ADA, stated(older, NOON))
    (told,) = await remember(archive, ADA, stated(newer, NOON + timedelta(days=1)))
    assert told.superseded == ((1,) if (older, newer) in NEWER else ())


def test_a_long_statement_is_read_in_no_time():
    for text in ("my " + "big dog is " * 400, "我的" * 900, "and " * 900 + "my dog", "my dog's " * 400 + "name is 5"):
        assert subject_of(text) == ""
