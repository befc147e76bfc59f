"""Plans told in words, as the examples of LLM+P are: each sentence names an action and some of what it is done with."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from tools.pddl.plans import validate
from tools.pddl.values import Problem, Step

WORDS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "barman": {
        "grasp": ["grasp"],
        "leave": ["leave"],
        "fill": ["fill-shot", "refill-shot"],
        "clean": ["clean-shot", "clean-shaker"],
        "pour .* into clean": ["pour-shot-to-clean-shaker"],
        "pour .* into used": ["pour-shot-to-used-shaker"],
        "shake ": ["shake"],
        "pour .*": ["pour-shaker-to-shot"],
    },
    "blocksworld": {"unstack": ["unstack"], "stack": ["stack"], "putdown": ["putdown"], "pickup": ["pickup"]},
    "floortile": {"robot .* paints": ["paint-up", "paint-down"], "robot .* moves right": ["right"]},
    "grippers": {"robot.* picks": ["pick"], "robot.* moves": ["move"], "robot.* drops": ["drop"]},
    "manipulation": {"go": ["go-to"], "pick": ["pick"], "place": ["place"]},
    "storage": {"go out": ["go-out"], "go in": ["go-in"], "lift": ["lift"], "drop": ["drop"]},
    "termes": {
        "create": ["create-block"],
        "move": ["move", "move-up", "move-down"],
        "place": ["place-block"],
    },
    "tyreworld": {
        "open": ["open"],
        "close": ["close"],
        "fetch": ["fetch"],
        "inflate": ["inflate"],
        "put away": ["put-away"],
        "loosen": ["loosen"],
        "tighten": ["tighten"],
        "jack-up": ["jack-up"],
        "jack-down": ["jack-down"],
        "undo": ["undo"],
        "do-up": ["do-up"],
        "remove wheel": ["remove-wheel"],
        "put on wheel": ["put-on-wheel"],
    },
}
"""How a sentence begins, and the actions that it may mean; the first that fits counts."""
ONE_EACH = frozenset({"fetch", "inflate", "put-away"})
"""What a sentence with several objects does to each of them."""


def plan_of(domain: str, text: str, problem: Problem) -> list[Step] | None:
    """The plan that the words tell; what they leave out is what can be done at that moment. None: there is none."""
    sentences = [part.strip().lower() for part in re.split(r"[,.]\s*\n|\.\s*$|,\s*$", text) if part.strip()]
    told = [one for sentence in sentences for one in _told(domain, sentence, problem)]
    return _filled(problem, told, [])


def _told(domain: str, sentence: str, problem: Problem) -> Iterator[tuple[Sequence[str], frozenset[str]]]:
    """The actions that the sentence may mean, and the objects it names."""
    actions = next(found for words, found in WORDS[domain].items() if re.match(words, sentence))
    named = _named(sentence, problem)
    if actions[0] in ONE_EACH:
        yield from ((actions, frozenset({name})) for name in named)
    else:
        yield actions, frozenset(named)


def _named(sentence: str, problem: Problem) -> list[str]:
    if robot := re.match(r"robot(\d)", sentence):
        sentence = re.sub(r"(left|right) gripper", lambda side: f"{side[1][0]}gripper{robot[1]}", sentence)
    found = []
    for name in sorted(problem.objects, key=len, reverse=True):
        pattern = re.sub(r"(?<=[a-z])(?=\d)", " ?", name.replace("-", "[- ]"))
        sentence, count = re.subn(rf"(?<![\w-]){pattern}(?![\w-])", "_", sentence)
        if count:
            found.append(name)
    return found


def _filled(
    problem: Problem, told: Sequence[tuple[Sequence[str], frozenset[str]]], done: list[Step]
) -> list[Step] | None:
    if not told:
        return done if validate(problem, done).valid else None
    actions, named = told[0]
    for name in actions:
        parameters = problem.domain.actions[name].parameters
        fitting = [
            [o for o, kind in problem.objects.items() if problem.domain.is_a(kind, parameter.types)]
            for parameter in parameters
        ]
        for arguments in product(*fitting):
            tried = [*done, Step(name, arguments)]
            if named <= {*arguments} and validate(problem, tried).step is None:
                found = _filled(problem, told[1:], tried)
                if found is not None:
                    return found
    return None
