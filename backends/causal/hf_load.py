"""From a spec `hf:MODEL_OR_PATH` to a loaded model, with everything that can be known beforehand checked beforehand.

The weights come from this machine's disk: a folder, or a model of the Hugging Face cache. Nothing is downloaded, no
code of a model is run, and weights are read from safetensors only, which cannot hold code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from backends.errors import BadSpec

if TYPE_CHECKING:
    from backends.causal.hf import HfModel

Device = Literal["auto", "cpu", "cuda", "mps"]
HEADROOM = 1.2
"""Times the weights: activations, the cache of keys and values, and copies while loading."""


def load_hf(name: str, wanted: str) -> HfModel:
    """`wanted`: a Device, or one of several cards as `cuda:1`. Takes as long as reading the weights does.

    Raises BadSpec if the model is not on this machine or cannot be loaded, or does not fit into memory.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from backends.causal.hf import HfModel

    folder = folder_of(name)
    device = device_of(wanted)
    check_memory(name, weight_bytes(name, folder), free_bytes(device), device)
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype="auto", trust_remote_code=False
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise BadSpec(f"the model {name!r} cannot be loaded from {str(folder)!r}: {_first_line(error)}") from error
    model.to(device)  # type: ignore[arg-type]
    model.train(False)
    return HfModel(model, tokenizer, f"hf:{name}")


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
