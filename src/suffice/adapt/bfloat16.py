"""Whether a device computes in bfloat16 natively."""

from typing import Any


def has_bfloat16(torch: Any, device: str) -> bool:
    """Says whether the device multiplies bfloat16 natively; elsewhere it would be slower than single."""
    if device == "cpu":
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001 - torch has no public name
    return bool(torch.cuda.is_bf16_supported())
