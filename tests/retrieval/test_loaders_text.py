import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import LoadFailed
from retrieval.loaders.decode import decode
from retrieval.loaders.encodings import likely_encoding
from retrieval.loaders.load import load
from retrieval.loaders.markdown import title

SAMPLES = {
    "gb18030": ["你好，世界", "价格：100元", "欧洲的电动车市场", "# 标题\n\n挪威按份额领先。"],
    "big5": ["你好，世界", "歐洲電動車市場正在快速成長。"],
    "cp932": ["こんにちは", "電気自動車の市場は速く成長しています。", "カタカナ"],
    "cp949": ["안녕하세요 저는 한국에서 온 학생입니다.", "유럽의 전기차 시장은 빠르게 성장하고 있다."],
    "cp1252": ["café", "Die Straße ist für Fußgänger.", "“Smart quotes” – it’s", "naïve"],
}


@pytest.mark.parametrize(("encoding", "text"), [(e, text) for e, texts in SAMPLES.items() for text in texts])
def test_older_encodings_are_recognised_in_short_texts(encoding, text):
    assert decode(text.encode(encoding), "a.txt") == text


def test_noise_is_no_text():
    chance = random.Random(3)
    taken = sum(likely_encoding(chance.randbytes(n)) is not None for n in (12, 40, 200, 2000) for _ in range(100))
    assert taken <= 4


def test_bytes_in_cjk_ranges_are_not_enough():
    chance = random.Random(4)
    noise = [bytes(chance.randrange(0xA1, 0xFF) for _ in range(60)) for _ in range(100)]
    assert not any(likely_encoding(data) for data in noise)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_decide(encoding):
    assert decode("hi 你好 😀".encode(encoding), "a.txt") == "hi 你好 😀"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"ok \xff\xfe bad \x80", ["0xff", "offset 3", "UTF-8"]),
        (b"\xff\xfea\0\x00\xd8b\0", ["utf-16", "offset"]),
        (b"\xef\xbb\xbfabc\xff", ["utf-8", "offset 6"]),
        ("hi".encode("utf-16-le"), ["NUL", "byte-order mark"]),
        (b"\x01\x02\x03\x04 text", ["control characters"]),
        ("a\ud800b".encode("utf-8", "surrogatepass"), ["offset 1"]),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(data, said):
    with pytest.raises(LoadFailed) as caught:
        decode(data, "a.txt")
    assert caught.value.code == "invalid_file"
    assert all(word in str(caught.value) for word in ["'a.txt'", *said])


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_utf8_comes_back_as_it_was(text):
    assert decode(text.encode(), "a.txt") == text.removeprefix("\ufeff") or text.startswith("\ufeff")


def test_newlines_are_one_kind_and_nothing_else_changes():
    assert decode("a\r\nb\rc\u2028e\u0301\x0bﬁ\n".encode(), "a.txt") == "a\nb\nc\u2028e\u0301\x0bﬁ\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# One `x` #\n\n# Two", "One `x`"),
        ("intro\n\nSetext\nTitle\n=====\n", "Setext Title"),
        ("```\n# code\n```\n## 标题", "标题"),
        ("no heading", ""),
        ("#hashtag", ""),
    ],
)
def test_the_title_is_the_first_heading(text, found):
    assert title(text) == found


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("---\ntitle: x\n---\n\n# A\n", "# A\n"),
        ("---\n# comment\nkey: [1,\n 2]\n...\nB", "B"),
        ("---\nprose between rules\n---\n", "---\nprose between rules\n---\n"),
        ("text\n---\nkey: v\n---\n", "text\n---\nkey: v\n---\n"),
        ("---\nkey: unclosed\n", "---\nkey: unclosed\n"),
    ],
)
def test_front_matter_goes_and_rules_stay(tmp_path, text, kept):
    path = tmp_path / "x"
    path.write_text(text)
    assert load(path, "a.md").text == kept
