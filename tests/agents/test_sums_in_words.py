"""Sums read by rules: whole and right, or not at all."""

import ast
from collections import Counter

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from agents.number_words import VALUES, NoNumber, of_han, of_words
from agents.sums_in_words import expression_in
from tools.arithmetic import FUNCTIONS

READ = {
    "What is 15 percent of three hundred and twenty?": "15/100*320",
    "How much is (17 + 4) × 23?": "(17+4)*23",
    "What is the square root of 2025 divided by nine?": "sqrt(2025)/9",
    "Subtract 12 from ninety-one.": "91-12",
    "1,250 minus 300": "1250-300",
    "what is 24/7?": "24/7",
    "What is 9/11": "9/11",
    "what is two point five times four?": "2.5*4",
    "What's point five times 3.5 million, please?": "0.5*3500000",
    "the square of 7 plus 1": "7**2+1",
    "The cube root of 27 times 2": "27**(1/3)*2",
    "subtract 5 from 12 and multiply by 2": "(12-5)*2",
    "3 plus 5 then times 2": "(3+5)*2",
    "negative five plus three": "-5+3",
    "half of 10 plus one third": "1/2*10+1/3",
    "two and a half times 4": "(2+1/2)*4",
    "1/4 of 80 plus 1": "1/4*80+1",
    "100 divided by 5 squared": "100/5**2",
    "the average of 2, 4 and 9": "mean(2,4,9)",
    "the difference between 5 and 12": "abs(5-12)",
    "max(1,200) - $5": "max(1,200)-5",
    "50% + 25%": "50/100+25/100",
    "what is 17 % 5": "17%5",
    "(-5)^2 + 2³": "(-5)**2+2**3",
    "What does 2 plus 3 equal?": "2+3",
    "三百二十的百分之十五是多少？": "15/100*320",
    "计算 48 乘以 25 再减去 17 等于几？": "48*25-17",
    "三加五再乘以二": "(3+5)*2",
    "两万加三百": "20000+300",
    "两百五加一千零五": "250+1005",
    "２的10次方": "2**10",
    "一点五乘以四": "1.5*4",
    "负五加三": "-5+3",
    "三分之一加二分之一": "1/3+1/2",
    "一又二分之一加一": "3/2+1",
    "二〇二四减一九九九等于多少": "2024-1999",
    "百分之二十的一百": "20/100*100",
    "100的一半": "1/2*100",
    "25的1/5加1": "1/5*25+1",
    "100、200和300的平均数": "mean(100,200,300)",
    "三加五的和": "3+5",
    "48万除以2": "480000/2",
    "根号81加5的3倍": "sqrt(81)+5*3",
}
NOT_READ = (
    "How tall is the tower?", "What happened on 2020-01-02?", "小明有五个苹果。", "__import__('os').system('x')", "",
    "Who rebuilt the harbour bridge in 2019-2020?", "2019-2020年港口大桥由谁重建？", "What is 2024-01-05?",
    "Who won the 2024/25 football season?", "Whose number is 555-1234?", "Is the help desk open 24/7?",
    "What happened on 9/11?", "Is 24/7 a rational number?", "What is open 24/7?", "9/11是什么时候？",
    "Call +49 30 1234",
    "twenty twenty four minus nineteen ninety nine", "negative five squared", "2/3 squared", "2/3的3倍",
    "12-11-2020", "100 minus 10 percent", "seven plus",
    "2 plus 3, times 4", "twenty third plus 1", "2.5.3 + 1", "100 dollars plus 50 euros", "8点30减7点15", "两三万加一",
    "一百二十元打八折", "12 minus what", "5 plus 3 is 9?", "What is 5! plus 2?", "what is pi?", "030-1234", "百分之五",
    "What is 2+3 in binary?", "the sum of the squares of 3 and 4", "(" * 300 + "1+1" + ")" * 300, "-" * 999 + "1",
)  # fmt: skip


@pytest.mark.parametrize(("question", "expression"), READ.items())
def test_a_sum_is_read_whole(question, expression):
    assert expression_in(question) == expression


@pytest.mark.parametrize("question", NOT_READ)
def test_what_is_not_understood_to_the_last_word_is_not_read(question):
    assert expression_in(question) == ""


# What each word puts into the formula: figures and signs. `minus` may stand between numbers or before one.
WORDS = {
    "seven": ([7], []), "13": ([13], []), "two hundred and five": ([205], []), "1,900": ([1900], []),
    "二十三": ([23], []), "四点二": ([4.2], []), "2 point 5": ([2.5], []), "三分之八": ([8, 3], ["/"]),
    "plus": ([], ["+"]), "减去": ([], ["-"]), "times": ([], ["*"]), "除以": ([], ["/"]), "**": ([], ["**"]),
    "负": ([], ["-"]), "percent": ([100], ["/"]), "squared": ([2], ["**"]), "half of": ([1, 2], ["/", "*"]),
    "double": ([2], ["*"]), "square root of": ([], ["sqrt"]), "的阶乘": ([], ["factorial"]), "subtract": ([], ["-"]),
    "subtracted from": ([], ["-"]),
    "multiply": ([], ["*"]), "by": ([], []), "from": ([], []), "and": ([], []), "then": ([], []), "(": ([], []),
    ")": ([], []), ",": ([], []),
}  # fmt: skip
SIGNS = {ast.Add: "+", ast.Sub: "-", ast.USub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
SIGNED = ["plus", "减去", "times", "除以", "then times"]
PHRASES = st.lists(st.tuples(st.sampled_from(SIGNED), st.sampled_from([*WORDS][:8])), max_size=4)


def used(expression):
    numbers, signs = Counter(), Counter()
    for node in ast.walk(ast.parse(expression)):
        if isinstance(node, ast.Constant):
            numbers[node.value] += 1
        elif isinstance(node, ast.BinOp | ast.UnaryOp):
            signs[SIGNS[type(node.op)]] += 1
        elif isinstance(node, ast.Call):
            signs[node.func.id] += 1
    return numbers, signs


@for_all(
    st.one_of(
        st.lists(st.sampled_from([*WORDS]), max_size=7),
        st.tuples(PHRASES, st.sampled_from([*WORDS]), st.integers(0, 8)).map(
            lambda drawn: spoilt(["13", *(word for pair in drawn[0] for word in pair)], drawn[1], drawn[2])
        ),
    )
)
def test_whatever_is_read_has_every_number_and_every_sign_of_the_question(words):
    expression = expression_in(f"What is {' '.join(words)}?")
    if expression:
        words = [part for word in words for part in (word.split() if word.startswith("then ") else [word])]
        numbers = Counter(number for word in words for number in WORDS[word][0])
        signs = Counter(sign for word in words for sign in WORDS[word][1])
        assert used(expression) == (numbers, signs)


def spoilt(words, extra, place):
    return [*words[:place], extra, *words[place:]]


SAID = {"+": ("plus", "加"), "-": ("minus", "减"), "*": ("times", "乘以"), "/": ("divided by", "除以")}


@for_all(
    st.lists(st.tuples(st.sampled_from([*SAID]), st.integers(1, 9999)), min_size=1, max_size=4),
    st.integers(1, 9999), st.integers(0, 1),
)  # fmt: skip
def test_a_sum_that_is_said_is_the_sum_that_is_meant(rest, first, language):
    say = (in_english, in_chinese)[language]
    question = say(first) + "".join(f" {SAID[sign][language]} {say(number)}" for sign, number in rest)
    meant = str(first) + "".join(sign + str(number) for sign, number in rest)
    assert expression_in(question) == meant


def in_english(number):
    names = {value: word for word, value in VALUES.items()}
    if number in names:
        return names[number]
    if number < 100:
        return f"{names[number // 10 * 10]}-{names[number % 10]}"
    size, word = (100, "hundred") if number < 1000 else (1000, "thousand")
    rest = number % size
    joint = " and " if rest < 100 else " "
    return f"{in_english(number // size)} {word}" + (joint + in_english(rest) if rest else "")


def in_chinese(number):
    said, gap = "", False
    for scale, sign in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // scale % 10
        if digit:
            said += ("零" if gap and said else "") + "零一二三四五六七八九"[digit] + sign
        gap = not digit
    return said


@for_all(st.integers(1, 9999), st.integers(0, 9999))
def test_numbers_are_read_as_they_are_said(number, small):
    assert of_han(in_chinese(number)) == number
    assert of_words(in_english(number).replace("-", " ")) == number
    thousands = f"{in_english(number)} million" + (f" {in_english(small)}" if small else "")
    if number < 1000:
        assert of_words(thousands) == number * 10**6 + small
    between = "零" if 0 < small < 1000 else ""
    assert of_han(f"{in_chinese(number)}万{between}{in_chinese(small)}") == number * 10_000 + small


@pytest.mark.parametrize("text", ["twenty twenty", "nineteen ninety", "two three", "hundred million hundred hundred"])
def test_words_that_make_no_number_are_none(text):
    with pytest.raises(NoNumber):
        of_words(text)


@pytest.mark.parametrize("text", ["百百", "三四十", "十万万", "二十零五", "一万零", "零百"])
def test_characters_that_make_no_number_are_none(text):
    with pytest.raises(NoNumber):
        of_han(text)


def test_every_function_of_the_calculator_may_be_written():
    assert all(expression_in(f"{name}(7)") == f"{name}(7)" for name in FUNCTIONS)
