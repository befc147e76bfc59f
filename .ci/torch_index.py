"""Print the pip option that keeps CUDA libraries out, where it is needed and works; else nothing.

On Linux the torch of PyPI brings 3 GB of CUDA libraries; PyTorch's CPU index does not. Pip asks an index that does not
answer again and again, for minutes, so it is tried here first. It is also left out where pip already has wheels of its
own (find-links) or may not use an index at all.
"""

import subprocess
import sys
import threading
import urllib.request

INDEX = "https://download.pytorch.org/whl/cpu"
PATIENCE = 2.0
"""Seconds for the whole try, the name look-up included, which knows no time-out of its own."""


def has_own_wheels() -> bool:
    """Whether pip's files or variables name find-links or forbid indexes."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    names = {line.partition("=")[0].rpartition(".")[2] for line in listed.stdout.splitlines()}
    return not names.isdisjoint({"find-links", "no-index"})


def answers(url: str, seconds: float) -> bool:
    """Whether the URL can be opened within the time."""
    done = threading.Event()

    def attempt() -> None:
        try:
            with urllib.request.urlopen(url, timeout=seconds):
                done.set()
        except OSError:
            return

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(seconds)
    return done.is_set()


def main() -> None:
    if sys.platform != "linux" or has_own_wheels():
        return
    if answers(f"{INDEX}/torch/", PATIENCE):
        sys.stdout.write(f"--extra-index-url {INDEX}\n")
    else:
        sys.stderr.write(f"warning: {INDEX} does not answer; torch comes from pip's own index\n")


if __name__ == "__main__":
    main()
