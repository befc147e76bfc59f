"""What the model is asked about a mini crossword."""

from __future__ import annotations

PROPOSE = """\
Let us fill a mini crossword of 5 rows and 5 columns; every word has exactly 5 letters. h1 to h5 are the rows, v1 to v5
the columns. `_` is a letter that is not known yet.

Board:
{board}

Unfilled:
{unfilled}

Filled:
{filled}

Write all words that you can think of for the unfilled clues and that fit the letters on the board, one a line, with how
sure you are (certain, high, medium or low), in this form and nothing else:
h1. apple (medium)
"""
JUDGE = """\
Is there a word of five letters that has the given meaning and fits the letters? `_` is a letter that is not known.
Think in short lines. The last line is one word: sure (a word fits), maybe (no word comes to mind, but one may exist) or
impossible (no word can have these letters).

A large fruit with a hard stone: m _ n g o
mango has these letters, and is one
sure

To throw out: e j _ _ t
eject has e j e c t, it fits
sure

A tree with needles: q x _ _ _
no word begins with q x
impossible

A kind of metal work: _ i l _ _
tiled, filed, gilts: none is sure, some word may fit
maybe

{clue}: {letters}
"""
VOTE = """\
These are states of one mini crossword. Which is most promising? Think, then end with a line "The best choice is N".

{clues}

{choices}
"""
