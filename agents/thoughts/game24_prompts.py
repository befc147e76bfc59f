"""What the model is asked about a Game of 24. The examples are our own, in the form of the paper's."""

from __future__ import annotations

PROPOSE = """\
The numbers left are given. Each next step joins two of them with + - * or / and leaves one number fewer. Write the
possible next steps, one a line, in this form and nothing else.

Numbers: 2 8 8 14
2 + 8 = 10 (left: 8 10 14)
8 / 2 = 4 (left: 4 8 14)
14 + 2 = 16 (left: 8 8 16)
2 * 8 = 16 (left: 8 14 16)
8 - 2 = 6 (left: 6 8 14)
14 - 8 = 6 (left: 2 6 8)
14 / 2 = 7 (left: 7 8 8)
14 - 2 = 12 (left: 8 8 12)

Numbers: {numbers}
"""
EXPRESS = """\
The steps below make 24 of the numbers {puzzle}. Write them as one expression, in one line of this form and nothing
else.

Numbers: 4 4 6 8
4 + 8 = 12 (left: 4 6 12)
6 - 4 = 2 (left: 2 12)
2 * 12 = 24 (left: 24)
Answer: (6 - 4) * (4 + 8) = 24

Numbers: {puzzle}
{steps}"""
JUDGE = """\
Judge whether the given numbers can make 24 with + - * and /, each used once. Try a few ways in short lines. The last
line is one word: sure, likely or impossible.

10 14
10 + 14 = 24
sure

11 12
11 + 12 = 23, 12 - 11 = 1, 11 * 12 = 132, none is 24
impossible

5 7 8
5 + 7 + 8 = 20, (8 - 5) * 7 = 21
no way found, but the numbers are of a fitting size
likely

10 10 11
10 + 10 + 11 = 31, (11 - 10) * 10 = 10, the numbers are too big
impossible

{numbers}
"""
JUDGE_ANSWER = """\
Judge whether the answer makes 24 and uses each number of the input exactly once and no other. The last line is one
word: sure if it does, else impossible.

Input: 4 4 6 8
Answer: (4 + 8) * (6 - 4) = 24
sure

Input: 2 9 10 12
Answer: 2 * 12 * (10 - 9) + 1 = 25
impossible

Input: {puzzle}
Answer: {answer}
"""
VOTE = """\
The numbers {puzzle} are to make 24, each used once. Which choice is most promising? Think, then end with a line
"The best choice is N".

{choices}
"""
