"""Lone surrogates: a Python string can hold them (JSON's escapes make them), no tokenizer takes them."""


def without_surrogates(text: str) -> str:
    """Put a question mark in the place of each; other texts come back as they are."""
    return text.encode("utf-8", "replace").decode()
