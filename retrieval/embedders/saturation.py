"""Whether this processor can multiply u8 x s8 without loss: measured, not looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrieval.embedders.graph import CONTRIB, IR_VERSION, OPSET
from retrieval.embedders.session import session

if TYPE_CHECKING:
    from onnx import ModelProto

INPUTS: Final = 64
OUTPUTS: Final = 32


def products_saturate() -> bool:
    """True where pairs of products are added in saturating 16 bits (x86 without VNNI); takes a few milliseconds."""
    import numpy as np

    run = session(_largest_product().SerializeToString())
    got = run.run(["y"], {"x": np.ones((16, INPUTS), np.float32)})[0]
    return not np.allclose(got, INPUTS * 127, rtol=1e-3)


def _largest_product() -> ModelProto:
    """Ones, which become 255 as u8, times 127."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    constants = [
        numpy_helper.from_array(np.full((INPUTS, OUTPUTS), 127, np.int8), "w"),
        numpy_helper.from_array(np.ones(OUTPUTS, np.float32), "s"),
    ]
    node = helper.make_node("DynamicQuantizeMatMul", ["x", "w", "s"], ["y"], domain=CONTRIB)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", INPUTS])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", OUTPUTS])
    sets = [helper.make_opsetid("", OPSET), helper.make_opsetid(CONTRIB, 1)]
    graph = helper.make_graph([node], "largest-product", [x], [y], constants)
    return helper.make_model(graph, opset_imports=sets, ir_version=IR_VERSION)
