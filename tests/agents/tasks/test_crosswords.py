"""Mini crosswords: boards read out of answers, the paper's games, and the marks that the authors' run notes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.tasks.base import BadData, Item
from agents.tasks.board_text import read_board
from agents.tasks.crosswords import Crosswords
from agents.tasks.grids import NAMES, Board, clues_of, rendered
from agents.thoughts.crosswords import board_of

TASK = Crosswords()
GOLD = Board("AGENDMOTORARTSYSALLESLEER")
ITEM = Item(id="0", question="?", gold=GOLD)

FORMS = [
    "A G E N D\nM O T O R\nA R T S Y\nS A L L E\nS L E E R",
    "Thinking of words.\nagend\nmotor\nartsy\nsalle\nsleer\n",
    "The answer is AGEND MOTOR ARTSY SALLE SLEER.",
    "AGEND, MOTOR, ARTSY, SALLE, SLEER",
    "h1. agend\nh2. motor\nh3. artsy\nh4. salle\nh5. sleer",
    "1) agend\n2) motor\n3) artsy\n4) salle\n5) sleer",
    "| A | G | E | N | D |\n| M | O | T | O | R |\n| A | R | T | S | Y |\n| S | A | L | L | E |\n| S | L | E | E | R |",
    "Ａ Ｇ Ｅ Ｎ Ｄ\nM O T O R\nA R T S Y\nS A L L E\nS L E E R",
    "wrong first:\n" + "m o t o r\n" * 5 + "\nA G E N D\nM O T O R\nA R T S Y\nS A L L E\nS L E E R",
]


@pytest.mark.parametrize("answer", FORMS)
def test_a_board_is_read_in_every_usual_form(answer):
    assert read_board(answer) == GOLD
    verdict = TASK.check(ITEM, answer)
    assert (verdict.score, verdict.details["letter"], verdict.details["word"]) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(
    "answer",
    ["", "no idea", "AGEND MOTOR", "A G E N D\nM O T O R", "12345\n12345\n12345\n12345\n12345", "答案是不知道。",
     "AGENDMOTORARTSYSALLESLEER", "__import__('os').system('true')", "A" * 100_000, "\n".join(["Board()"] * 5)],
)  # fmt: skip
def test_what_is_no_board_is_worth_nothing_and_says_so(answer):
    verdict = TASK.check(ITEM, answer)
    assert (verdict.score, verdict.details["letter"], verdict.details["word"]) == (0.0, 0.0, 0.0)
    assert "no board" in verdict.reason


def test_open_letters_and_single_words_count_for_what_they_are():
    verdict = TASK.check(ITEM, "_ _ _ _ _\nM O T O R\n. . . . .\n_ _ _ _ _\n_ _ _ _ _")
    assert (verdict.score, verdict.details) == (0.0, {"letter": 0.2, "word": 0.1})


def test_of_the_visited_states_the_first_with_most_words_is_the_best():
    empty, row = rendered(Board()), rendered(Board().filled("h2", "motor"))
    verdict = TASK.check(ITEM, empty, [empty, empty, row, rendered(GOLD)])
    assert verdict.score == 0.0
    assert (verdict.details["best_word"], verdict.details["best_game"]) == (1.0, 1.0)


@given(st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ_", min_size=25, max_size=25))
def test_a_rendered_board_is_read_back(letters):
    assert read_board(rendered(Board(letters))) == Board(letters)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.text("abc", min_size=5, max_size=5)), max_size=10))
def test_a_word_that_fits_changes_no_letter(words):
    board = Board()
    for name, word in words:
        if not board.takes(name, word):
            assert any(old not in ("_", new) for old, new in zip(board.word(name), word.upper(), strict=True))
            continue
        after = board.filled(name, word)
        assert after.word(name) == word.upper()
        assert all(old in ("_", new) for old, new in zip(board.letters, after.letters, strict=True))
        board = after


def test_the_papers_twenty_are_the_items(data_dir, tmp_path):
    items = TASK.items(data_dir / "crosswords")
    assert ([items[0].id, items[1].id, items[-1].id], len(items)) == (["0", "5", "95"], 20)
    assert items[0].gold == GOLD
    assert clues_of(items[0].question)["h2"] == "An engine"
    assert set(clues_of(items[0].question)) == set(NAMES)
    with pytest.raises(BadData, match=r"mini0505_0_100_5\.json"):
        TASK.items(tmp_path)
    whole = json.loads((data_dir / "crosswords" / "mini0505_0_100_5.json").read_text())
    (tmp_path / "mini0505.json").write_text(json.dumps([whole[0]] * 5 + [whole[1]]))
    assert [(item.id, item.gold) for item in TASK.items(tmp_path)] == [("0", items[0].gold), ("5", items[1].gold)]
    (tmp_path / "mini0505.json").write_text(json.dumps([[["one clue"], ["A"]]]))
    with pytest.raises(BadData, match="1 clues"):
        TASK.items(tmp_path)


def test_our_marks_are_those_of_the_recorded_run(data_dir):
    games = json.loads((data_dir / "crosswords" / "infoss_dfs_prune.json").read_text())
    visits = 0
    for item, game in zip(TASK.items(data_dir / "crosswords"), games, strict=True):
        for visit in game:
            marks = TASK.check(item, rendered(board_of("\n".join(visit["actions"])))).details
            assert marks == {"letter": visit["info"]["r_letter"], "word": visit["info"]["r_word"]}
            visits += 1
    assert visits == 1856
