"""What a message asks to be forgotten, wherever it says so, and what else it says."""

import pytest

from agents.memory.requests import remaining, to_forget


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
        ("I never forget my keys.", "", "I never forget my keys."),
        ("Don't forget my birthday", "", "Don't forget my birthday"),
        ("别忘了我的生日", "", "别忘了我的生日"),
    ],
)
def test_what_is_asked_for_and_what_is_left(message, what, rest):
    assert (to_forget(message), remaining(message)) == (what, rest)
