import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.citations import check, cite
from agents.markers import markers
from tests.agents.fakes import hit

EN = (
    "Registrations in the region rose sharply. In 2019 the total grew by 44 percent to 564,206 cars. "
    "Norway kept the lead with a share of 55.9 percent. The report was written by Ana Ruiz, who called it “a turning "
    "point for the industry”. Charging points doubled within three years."
)
ZH = (
    "欧洲的电动汽车市场增长很快。2019年销量增长了44％，达到５６４２０６辆。"
    "挪威的份额最高，为55.9％。报告称之为“行业的转折点”。"
)


def quotes(answer: str, *texts: str) -> list[str]:
    hits = [hit(text, chunk_id=n) for n, text in enumerate(texts, start=1)]
    return [citation.quote for citation in cite(answer, hits)]


def codes(answer: str, *texts: str) -> list[str]:
    hits = [hit(text, chunk_id=n) for n, text in enumerate(texts, start=1)]
    return [doubt.code for doubt in check(answer, hits)[1]]


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        # Word for word.
        (
            "Norway kept the lead with a share of 55.9 percent. [1]",
            "Norway kept the lead with a share of 55.9 percent.",
        ),
        (
            "Norway  KEPT the\nlead with a share of 55.9 percent [1].",
            "Norway kept the lead with a share of 55.9 percent",
        ),
        (
            "**Norway kept the lead** with a share of 55.9 percent[1]",
            "Norway kept the lead with a share of 55.9 percent",
        ),
        ('She spoke of "a turning point for the industry" [1].', "a turning point for the industry"),
        ("他们称之为「a turning point for the industry」[1]。", "a turning point for the industry"),
        # In other words.
        ("Norway led with 55.9 percent [1].", "Norway kept the lead with a share of 55.9 percent."),
        ("The total grew to 564206 cars in 2019 [1].", "In 2019 the total grew by 44 percent to 564,206 cars."),
        ("- Charging points have doubled in 3 years [1]", "Charging points doubled within three years."),
        ("According to [1], charging points doubled.", "Charging points doubled within three years."),
        ("[1] says charging points doubled.", "Charging points doubled within three years."),
        # The marker vouches for its own clause.
        ("It sank in 1912 [2] and charging points doubled [1].", "Charging points doubled within three years."),
    ],
)
def test_english_claims_find_their_words(answer: str, quote: str):
    found = [citation.quote for citation in cite(answer, [hit(EN), hit("Nothing.", chunk_id=2)])]
    assert [text.rstrip(".") for text in found] == [quote.rstrip(".")]


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("2019年销量增长了44%，达到564206辆[1]。", "2019年销量增长了44％，达到５６４２０６辆"),
        ("挪威以55.9%的份额居首[1]。", "挪威的份额最高，为55.9％。"),
        ("报告说这是“行业的转折点”【1】。", "行业的转折点"),
        ("欧洲的电动汽车市场增长很快［1］", "欧洲的电动汽车市场增长很快"),
    ],
)
def test_chinese_claims_find_their_words(answer: str, quote: str):
    assert quotes(answer, ZH) == [quote]


@pytest.mark.parametrize(
    "answer",
    [
        "Norway led with 65.9 percent [1].",
        "In 2018 the total grew by 44 percent [1].",
        "Sweden banned diesel engines altogether [1].",
        "挪威的份额为65.9% [1]。",
        "瑞典禁止了所有柴油发动机[1]。",
        "Norway exploded [1].",
        "挪威爆炸了[1]。",
        "The market is changing and nobody knows how [1].",
    ],
)
def test_what_the_source_does_not_say_is_not_cited(answer: str):
    assert quotes(answer, EN) == quotes(answer, ZH) == []
    assert codes(answer, EN) == ["unsupported_citation"]


def test_across_languages_the_figures_decide():
    assert quotes("Norway has a share of 55.9% [1].", ZH) == ["挪威的份额最高，为55.9％。"]
    assert quotes("2019年增长到564206辆[1]。", EN) == ["In 2019 the total grew by 44 percent to 564,206 cars."]
    assert codes("Norway has the largest share [1].", ZH) == ["unsupported_citation"]


def test_places_count_code_points_of_answer_and_document():
    answer = "🚗 达到564206辆[1]。Norway led with 55.9 percent[2]"
    hits = [hit(ZH, chunk_id=7, start=100, filename="zh.txt"), hit(EN, chunk_id=9, start=5)]
    first, second = cite(answer, hits)
    assert (first.index, first.start, first.end) == (answer.index("[1]"), 100 + 14, 100 + 38)
    assert (first.file_id, first.filename, first.chunk_id) == ("file-7", "zh.txt", 7)
    assert second.index == answer.index("[2]")
    assert second.start == 5 + EN.index("Norway")


@pytest.mark.parametrize("marks", ["[1][2]", "[1, 2]", "[1] [2]", "【1】【2】", "[1-2]", "[1，2]", "[sources 1, 2]"])
def test_several_sources_for_one_claim(marks: str):
    assert quotes(f"In 2019 it was 564206 {marks}.", EN, ZH) == [
        "In 2019 the total grew by 44 percent to 564,206 cars.",
        "2019年销量增长了44％，达到５６４２０６辆。",
    ]


@pytest.mark.parametrize(("number", "count"), [(0, 1), (2, 1), (999, 1)])
def test_a_source_that_was_not_there(number: int, count: int):
    assert codes(f"Norway led with 55.9 percent [{number}].", EN) == ["unknown_source"] * count


def test_years_and_words_in_brackets_are_no_markers():
    assert markers("It grew [2019] and [sic] rose [] a lot [citation needed] (1).") == []


def test_a_footnote_copied_from_a_document_is_not_ours():
    wiki = "The bridge was opened in 1932.[2] It is painted every year.[17]"
    hits = [hit(wiki), hit("Some other text.", chunk_id=2)]
    citations, doubts = check(f"{wiki} [1]", hits)
    assert [(citation.chunk_id, citation.index) for citation in citations] == [(1, len(wiki) + 1)]
    assert doubts == []


def test_consecutive_sentences_quoted_before_one_marker_are_one_quote():
    quoted = "Registrations in the region rose sharply. In 2019 the total grew by 44 percent to 564,206 cars."
    assert quotes(f"{quoted} [1]", EN) == [quoted]


def test_the_question_decides_between_equal_sentences():
    text = "Berlin lies on the Spree. The fair was held in Berlin."
    answer = "Berlin [1]"
    assert cite(answer, [hit(text)], "Where was the fair held?")[0].quote == "The fair was held in Berlin."
    assert cite(answer, [hit(text)], "Which city lies on the Spree?")[0].quote == "Berlin lies on the Spree."


@pytest.mark.parametrize("answer", ["", "[1]", "[1][1][1]", "No marker at all.", "\n\n[1]\n\n", "[" * 50, "[1]" * 50])
def test_odd_answers(answer: str):
    assert quotes(answer, EN) == []


@pytest.mark.parametrize("text", ["", " ", "。", "🙂", "[1]"])
def test_odd_sources(text: str):
    assert quotes("Norway led with 55.9 percent [1].", text) == []


LATIN = (
    "Norway",
    "leads",
    "cars",
    "44",
    "1,234.5",
    "grew",
    "in 2019",
    ".",
    "!",
    "“quoted words here”",
    "ﬁne",
    "½",
    "İ",
    "ß",
)
OTHER = ("。", "，", "电动汽车", "市场增长", "２０１９年", "「引用」", "🙂", "é", "e\u0301", "\n", "[1]")
WORDS = st.sampled_from((*LATIN, *OTHER))
TEXTS = st.lists(WORDS, max_size=40).map(" ".join) | st.lists(WORDS, max_size=40).map("".join) | st.text(max_size=80)
MARKS = st.sampled_from(["[1]", "[2]", "[1,2]", "[1-3]", "【2】", "［1］", "[99]", "[0]"])


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    texts=st.lists(TEXTS, max_size=3),
    said=st.lists(st.tuples(TEXTS, MARKS), max_size=5),
    copied=st.booleans(),
    start=st.integers(0, 10_000),
)
def test_a_quote_is_always_a_span_of_its_document(texts, said, copied, start):
    words = [(texts[n % len(texts)], mark) if copied and texts else (text, mark) for n, (text, mark) in enumerate(said)]
    answer = "".join(f"{text} {mark}" for text, mark in words)
    hits = [hit(text, chunk_id=n, start=start) for n, text in enumerate(texts, start=1)]
    citations, doubts = check(answer, hits)
    places = {marker.index for marker in markers(answer)}
    for citation in citations:
        document = "#" * start + texts[citation.chunk_id - 1]
        assert citation.quote == document[citation.start : citation.end] != ""
        assert citation.index in places
    assert {doubt.index for doubt in doubts} <= places
    assert cite(answer, hits) == citations


def test_a_short_sentence_of_stop_words_is_found_when_it_is_repeated_whole():
    assert quotes("He did. [1]", "Did he go? He did. Then he left.") == ["He did."]
    assert quotes("是的。[1]", "他去了吗？是的。然后他走了。") == ["是的。"]
    assert codes("She was. [1]", "Did he go? He did. Then he left.") == ["unsupported_citation"]


SENTENCES = st.lists(st.sampled_from(("abcdefgh", "电动汽车", "12", "Zürich", "ﬁnale")), min_size=10, max_size=20).map(
    " ".join
)


@settings(max_examples=100, deadline=None)
@given(
    before=TEXTS, sentence=SENTENCES, after=TEXTS, upper=st.booleans(), gap=st.sampled_from([" ", "\n", "  ", "\u3000"])
)
def test_what_is_repeated_word_for_word_is_always_found(before, sentence, after, upper, gap):
    source = f"{before}\n\n{sentence}.\n\n{after}"
    said = (sentence.upper() if upper else sentence).replace(" ", gap)
    citations = cite(f"{said} [1]", [hit(source)])
    assert len(citations) == 1
    assert citations[0].quote.rstrip(".").split() == sentence.split()
