"""Answers held to a JSON schema, by llguidance: before each token it says which ones the schema still allows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from backends.errors import RequestRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Guides:
    """Of one tokenizer, which takes about a second to prepare."""

    def __init__(self, tokenizer: Any, vocabulary: int, ends: frozenset[int]) -> None:
        from llguidance.hf import from_tokenizer

        self._tokenizer = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=sorted(ends) or None)

    def guide(self, schema: Mapping[str, Any]) -> SchemaGuide:
        """Raises RequestRefused for a schema that it cannot hold an answer to."""
        from llguidance import LLMatcher

        # Compact: a small model can go on with white space for ever where it is allowed.
        grammar = LLMatcher.grammar_from_json_schema(json.dumps(schema), defaults={"whitespace_flexible": False})
        matcher = LLMatcher(self._tokenizer, grammar)
        if matcher.is_error():
            reason = str(matcher.get_error()).splitlines()[0]
            raise RequestRefused(f"an answer cannot be held to this JSON schema: {reason}")
        return SchemaGuide(matcher, self._tokenizer.vocab_size)


class SchemaGuide:
    def __init__(self, matcher: Any, vocabulary: int) -> None:
        self._matcher, self._vocabulary = matcher, vocabulary

    def allowed(self) -> NDArray[np.bool_] | None:
        import numpy as np

        if self._matcher.is_stopped():
            return None
        mask: NDArray[np.bool_] = np.frombuffer(self._matcher.compute_logit_bias(), dtype=np.uint8) > 0
        return mask

    def push(self, token: int) -> None:
        self._matcher.consume_token(token)
