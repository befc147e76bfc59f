"""How the runtime graphs are run: ONNX Runtime on the CPU, one thread a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def session(model: bytes | Path) -> Any:
    """An inference session on one thread: callers run in parallel instead, which loses nothing to splitting.

    The fusions of the higher optimisation levels make this graph slower (see graph.py).
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    source = model if isinstance(model, bytes) else str(model)
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
