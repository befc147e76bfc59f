"""What a message asks to be forgotten, wherever it says so, and what else it says."""

import pytest

from agents.memory.requests import remaining, to_forget

TOLD = (
    "Forget my dog? No, I love him.", "Forget it?", "You forget my name.", "Did you forget my name?",
    "Would you forget my birthday?", "你忘了我的名字吗？", "你忘了我的名字吗", "你忘记我的名字了", "忘了我的生日没有",
    "忘了带伞，淋了一身雨。", "忘记带伞了", "忘记我的密码了", "忘了我的密码怎么办",
    "我忘了我的密码", "忘了关于考试的事",
)  # fmt: skip


@pytest.mark.parametrize("message", TOLD)
def test_a_question_and_what_somebody_forgot_ask_for_nothing(message):
    assert (to_forget(message), remaining(message)) == ("", message)


@pytest.mark.parametrize(
    ("message", "what", "rest"),
    [
        ("Hello! Forget that I live in Rome.", "I live in Rome", "Hello!"),
        ("I want you to forget that I live in Rome", "I live in Rome", ""),
        ("你好，忘记我住在罗马。", "我住在罗马", ""),
        ("請忘記我住在罗马", "我住在罗马", ""),
        ("Please forget my password", "my password", ""),
        ("forget about Rome, and remember that my cat is Tom.", "Rome", "my cat is Tom"),
        ("请忘记我住在罗马，请记住我的猫叫豆豆。", "我住在罗马", "我的猫叫豆豆"),
        ("Forget that I live in Rome. Where do I live?", "I live in Rome", "Where do I live?"),
        ("forget everything", "", ""),
        ("Forget it.", "", ""),
        ("忘了我吧", "", ""),
        ("忘了我的名字吧", "我的名字", ""),
        ("请忘了我的名字", "我的名字", ""),
        ("你能忘掉我的名字吗？", "我的名字", ""),
        ("Can you forget my name?", "my name", ""),
        ("I never forget my keys.", "", "I never forget my keys."),
        ("Don't forget my birthday", "", "Don't forget my birthday"),
        ("别忘了我的生日", "", "别忘了我的生日"),
    ],
)
def test_what_is_asked_for_and_what_is_left(message, what, rest):
    assert (to_forget(message), remaining(message)) == (what, rest)
