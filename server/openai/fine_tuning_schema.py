"""What a request for a training takes, and what becomes of it: a recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from retrieval.training.recipe import LEARNING_RATE, Recipe
from server.errors import bad_request
from server.openai.schema import UNICODE, Body, Metadata, Text
from server.trained_models import SUFFIX

Auto = Literal["auto"]


class Hyperparameters(Body):
    n_epochs: Auto | Annotated[int, Field(ge=1, le=200)] = "auto"
    batch_size: Auto | Annotated[int, Field(ge=2, le=512)] = "auto"
    learning_rate_multiplier: Auto | Annotated[float, Field(ge=1e-6, le=200)] = "auto"


class Supervised(Body):
    hyperparameters: Hyperparameters | None = None


class Method(Body):
    type: Literal["supervised", "dpo", "reinforcement"]
    supervised: Supervised | None = None
    dpo: dict[str, Any] | None = None
    reinforcement: dict[str, Any] | None = None


class CreateJob(Body):
    model: Annotated[str, StringConstraints(min_length=1, max_length=1024), UNICODE]
    training_file: Text
    validation_file: Text | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    suffix: Annotated[str, StringConstraints(min_length=1, max_length=64), UNICODE] | None = None
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None
    integrations: list[dict[str, Any]] | None = None
    metadata: Metadata | None = None
    sandtable: Recipe | None = None


def recipe_of(body: CreateJob) -> Recipe:
    """Raises ApiError for what cannot be honoured."""
    if body.integrations:
        raise bad_request("'integrations' are not supported: there are none.", "integrations", "unsupported_parameter")
    if body.suffix is not None and SUFFIX.fullmatch(body.suffix) is None:
        message = f"'suffix' is {body.suffix!r}; it becomes part of a name: letters, digits, '.', '_' and '-'."
        raise bad_request(message, "suffix", "invalid_value")
    method = body.method
    if method is not None and (method.type != "supervised" or method.dpo or method.reinforcement):
        message = f"'method.type' is {method.type!r}; a retriever is trained by 'supervised' alone."
        raise bad_request(message, "method", "unsupported_parameter")
    nested = method.supervised.hyperparameters if method is not None and method.supervised is not None else None
    if nested is not None and body.hyperparameters is not None:
        message = "Give the hyperparameters once: 'hyperparameters' is the older place of those in 'method'."
        raise bad_request(message, "hyperparameters", "invalid_value")
    given = body.sandtable.model_dump(exclude_unset=True) if body.sandtable is not None else {}
    for name, value in _from_openai(nested or body.hyperparameters or Hyperparameters(), body.seed).items():
        if name in given:
            raise bad_request(f"'sandtable.{name}' is given twice, by OpenAI's name too.", f"sandtable.{name}")
        given[name] = value
    return Recipe.model_validate(given)


def _from_openai(given: Hyperparameters, seed: int | None) -> dict[str, Any]:
    rate = given.learning_rate_multiplier
    found = {
        "epochs": given.n_epochs,
        "batch_size": given.batch_size,
        "learning_rate": rate if rate == "auto" else min(rate * LEARNING_RATE, 0.01),
        "seed": "auto" if seed is None else seed,
    }
    return {name: value for name, value in found.items() if value != "auto"}


def hyperparameters(recipe: Recipe) -> dict[str, Any]:
    """As OpenAI's job object shows them."""
    return {
        "n_epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "learning_rate_multiplier": round(recipe.learning_rate / LEARNING_RATE, 6),
    }
