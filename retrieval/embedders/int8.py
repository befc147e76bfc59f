"""Eight-bit products: weights int8 per output column, activations uint8 with their range taken as they come.

A few input channels of this model are 5 to 20 times larger than the rest (the first token's above all) and would set
the range for all. Two known cures, each exact in real numbers, lower the distance to float32 (1 - cosine over the
checking texts: .028 at worst and .008 on average when simply rounded; .004 and .001 so) at no measurable cost:
- large channels are divided by a constant and the weights multiplied by it (SmoothQuant, Xiao et al. 2023, section 4);
- the four largest of the 1536 channels after GELU are multiplied in float32 (LLM.int8(), Dettmers et al. 2022,
  section 3.2): division cannot cure them, for it would make their weights the outliers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval.embedders.graph import CONTRIB, Net
from retrieval.embedders.weights import HEADS, Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.embedders.weights import Array

PERCENTILE: Final = 98
"""Channels above this percentile of the ranges are divided down to it."""
EXACT: Final = 4


@dataclass(frozen=True)
class Rounded:
    """A matrix as int8 with one float32 scale a column."""

    values: NDArray[np.int8]
    scales: Array


def rounded(matrix: Array, levels: int) -> Rounded:
    """Round (inputs, outputs) to -levels..levels, symmetric, so that the zero points are 0."""
    import numpy as np

    largest = np.abs(matrix).max(axis=0)
    scales = np.where(largest > 0, largest / np.float32(levels), np.float32(1)).astype(np.float32)
    return Rounded(np.rint(matrix / scales).astype(np.int8), scales)


@dataclass(frozen=True)
class Int8:
    """An `Arithmetic`. `ranges`: by product, the largest magnitude seen in each input channel (inputs,)."""

    ranges: Mapping[str, Array]
    levels: int = 127
    """63 where u8 x s8 products saturate in 16 bits (x86 without VNNI)."""

    def dense(self, net: Net, name: str, x: str, layer: Linear) -> str:
        import numpy as np

        if layer.matrix.shape[0] > layer.matrix.shape[1]:
            return self._with_exact_channels(net, name, x, layer)
        divisors = self._divisors(name)
        return self._multiply(net, x, Linear(layer.matrix * divisors[:, None], layer.bias), np.reciprocal(divisors))

    def attention(self, net: Net, name: str, x: str, layer: Linear) -> str:
        import numpy as np

        divisors = self._divisors(name)
        matrix = rounded(layer.matrix * divisors[:, None], self.levels)
        x8, scale, zero = net.several(
            "DynamicQuantizeLinear", [net.op("Mul", x, net.constant(np.reciprocal(divisors)))], 3
        )
        values, scales = net.constant(matrix.values), net.constant(matrix.scales)
        bias = net.constant(layer.bias)
        return net.op("QAttention", x8, values, bias, scale, scales, "", zero, domain=CONTRIB, num_heads=HEADS)

    def _with_exact_channels(self, net: Net, name: str, x: str, layer: Linear) -> str:
        import numpy as np

        largest = np.sort(np.argsort(self.ranges[name])[-EXACT:])
        divisors = self._divisors(name)
        shrink, rest = np.reciprocal(divisors), layer.matrix * divisors[:, None]
        shrink[largest] = rest[largest] = 0
        most = self._multiply(net, x, Linear(rest, layer.bias), shrink)
        few = net.op("Gather", x, net.constant(largest), axis=2)
        return net.op("Add", most, net.op("MatMul", few, net.constant(layer.matrix[largest])))

    def _multiply(self, net: Net, x: str, layer: Linear, shrink: Array) -> str:
        matrix = rounded(layer.matrix, self.levels)
        smaller = net.op("Mul", x, net.constant(shrink))
        values, scales = net.constant(matrix.values), net.constant(matrix.scales)
        return net.op("DynamicQuantizeMatMul", smaller, values, scales, "", net.constant(layer.bias), domain=CONTRIB)

    def _divisors(self, name: str) -> Array:
        import numpy as np

        seen = self.ranges[name]
        divisors: Array = np.maximum(1, seen / np.percentile(seen, PERCENTILE)).astype(np.float32)
        return divisors
