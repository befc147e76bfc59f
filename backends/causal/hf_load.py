"""From a spec `hf:MODEL_OR_PATH` to a loaded model, with everything that can be known beforehand checked beforehand.

The weights come from this machine's disk: a folder, or a model of the Hugging Face cache. Nothing is downloaded, no
code of a model is run, and weights are read from safetensors only, which cannot hold code.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from backends.errors import BadSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from backends.causal.hf import HfModel

Device = Literal["auto", "cpu", "cuda", "mps"]
HEADROOM = 1.2
"""Times the weights: activations, the cache of keys and values, and copies while loading."""
PLAIN = "The sea is wide, 7 miles."
"""A text that every tokenizer has tokens for, be they its own for what it does not know."""


def load_hf(name: str, wanted: str) -> HfModel:
    """`wanted`: a Device, or one of several cards as `cuda:1`. Takes as long as reading the weights does.

    Raises BadSpec if the model is not on this machine, is damaged or cannot be loaded, or does not fit into memory.
    """
    from transformers.utils import logging

    from backends.causal.hf import HfModel

    folder = folder_of(name)
    device = device_of(wanted)
    check_memory(name, weight_bytes(name, folder), free_bytes(device), device)
    check_whole(name, folder)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = _tokenizer(name, folder)
        model, info = _weights(folder)
        model.to(device)  # type: ignore[arg-type]
    except BadSpec:
        raise
    except Exception as error:  # What a damaged file makes of a library is any exception at all.
        raise BadSpec(f"the model {name!r} cannot be loaded from {str(folder)!r}: {_first_line(error)}") from error
    check_fits(name, folder, info)
    model.train(False)
    return HfModel(model, tokenizer, f"hf:{name}")


def _tokenizer(name: str, folder: Path) -> PreTrainedTokenizerBase:
    """Raises BadSpec if the folder lacks the tokenizer's files; of some classes that makes one without a vocabulary."""
    from transformers import AutoTokenizer

    why = "it makes no tokens of a plain text"
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        if tokenizer.encode(PLAIN, add_special_tokens=False):
            return tokenizer
    except Exception as error:  # As of the weights.
        why = _first_line(error)
    raise BadSpec(
        f"the model {name!r} cannot be loaded from {str(folder)!r}: its tokenizer is damaged, or its files are missing "
        f"({why}); save it there with save_pretrained, which writes tokenizer.json"
    )


def _weights(folder: Path) -> tuple[PreTrainedModel, Mapping[str, Any]]:
    """The model, and what did not fit: `mismatched_keys`, `missing_keys`, which transformers fills by chance."""
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        dtype="auto",
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    model, info = loaded
    return model, info


def check_whole(name: str, folder: Path) -> None:
    """Raises BadSpec for a file of weights that was cut short, or is none. Reads their headers alone."""
    from safetensors import SafetensorError, safe_open

    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="pt") as file:
                file.keys()
        except (SafetensorError, OSError, ValueError) as error:
            raise BadSpec(
                f"the model {name!r} is damaged: {str(path)!r} cannot be read ({_first_line(error)}); get it again"
            ) from None


def check_fits(name: str, folder: Path, info: Mapping[str, Any]) -> None:
    """Raises BadSpec for weights that are not those of the config. `info`: of transformers' loading."""
    config = str(folder / "config.json")
    for key, stored, wanted in sorted(info["mismatched_keys"]):
        raise BadSpec(
            f"the model {name!r} does not fit together: {config!r} asks for {key} of {tuple(wanted)}, and the weights "
            f"have {tuple(stored)}; get the model again"
        )
    for key in sorted(info["missing_keys"]):
        raise BadSpec(
            f"the model {name!r} does not fit together: {config!r} asks for {key}, which the weights lack; get the "
            "model again, or name one that was trained to write text"
        )


def folder_of(name: str) -> Path:
    """The folder with the model's files. Raises BadSpec, which says how to get them."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError):
        raise BadSpec(
            f"there is no model {name!r} on this machine: it is no folder, and not in the Hugging Face cache. Nothing "
            f"is downloaded by itself; get it with `hf download {name}`, or name a folder"
        ) from None


def device_of(wanted: str) -> str:
    """`auto`: a GPU if there is one. Raises BadSpec for one that there is not."""
    import torch

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return "cuda" if there["cuda"] else "mps" if there["mps"] else "cpu"
    kind, _, number = wanted.partition(":")
    if kind not in there or (number and not (kind == "cuda" and number.isdecimal())):
        raise BadSpec(f"device is {wanted!r}; it must be 'auto', 'cpu', 'cuda', 'cuda:N' or 'mps'")
    if not there[kind] or (number and int(number) >= torch.cuda.device_count()):
        found = ", ".join(name for name, is_there in there.items() if is_there)
        raise BadSpec(f"device is {wanted!r}, and this machine has no such device that torch can use; it has: {found}")
    return wanted


def weight_bytes(name: str, folder: Path) -> int:
    """Of the weights on disk, which is what they take in memory: their own number format is kept. Raises BadSpec."""
    files = list(folder.glob("*.safetensors"))
    if not files:
        raise BadSpec(
            f"the folder {str(folder)!r} of the model {name!r} holds no .safetensors file: other forms of weights can "
            "hold code and are not read; save the model again with save_pretrained"
        )
    return sum(path.stat().st_size for path in files)


def free_bytes(device: str) -> int | None:
    """None: nobody says."""
    import torch

    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(torch.device(device))[0])
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    room = [*found, *_container_room()]
    return min(room, default=None)


def check_memory(name: str, weights: int, free: int | None, device: str) -> None:
    """Raises BadSpec before the system would end the process, or the GPU refuse."""
    if free is None or weights * HEADROOM <= free:
        return
    raise BadSpec(
        f"the model {name!r} needs about {_gib(weights * HEADROOM)} of memory ({_gib(weights)} of weights), and "
        f"{device!r} has {_gib(free)} free: use a smaller or quantised model, free memory, or serve it elsewhere and "
        "name that server, as in 'vllm:MODEL' or 'llamacpp:MODEL'"
    )


def _container_room() -> list[int]:
    """What the limit of a container (cgroup 2) leaves, if there is one."""
    try:
        limit, used = (Path(f"/sys/fs/cgroup/memory.{name}").read_text().strip() for name in ("max", "current"))
    except OSError:
        return []
    return [max(0, int(limit) - int(used))] if limit.isdecimal() else []


def _gib(size: float) -> str:
    return f"{size / 2**30:.1f} GiB"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).strip().splitlines()[0][:300]
