"""Weights kept in 4 bits, NF4 (Dettmers et al. 2023, QLoRA, section 3), through bitsandbytes, which is no part of Thaw.

A weight becomes 4-bit codes and a float32 scale for each block of 64, and is unpacked each time that its layer is called.
The paper's second step, to compress the scales too, is left out: here they are an eighth of what the codes take.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from types import ModuleType

import torch
from torch import Tensor, nn

from tlcore.models.adapter_layers import Adapted, mix_in
from tlcore.strategies.packages import require

BLOCK = 64


class _InNF4(Adapted):
    """A layer whose `weight` is unpacked from `nf4_codes` and `nf4_scales`, in the format that the rest of the network has."""

    @property
    def weight(self) -> Tensor:
        functional = _bitsandbytes()
        state = functional.QuantState(
            absmax=self.nf4_scales.view(torch.float32),
            shape=self.nf4_shape,
            code=functional.get_4bit_type("nf4", device=self.nf4_codes.device),
            blocksize=BLOCK,
            quant_type="nf4",
            dtype=torch.float32,
        )
        with _eager():
            return functional.dequantize_4bit(self.nf4_codes, state).to(self.nf4_like.dtype)


def keep_in_nf4(layers: Sequence[nn.Linear | nn.Conv2d]) -> None:
    """Put the weights of `layers` into NF4, in place. Raises `SpecError` where bitsandbytes is not installed."""
    functional = _bitsandbytes()
    for layer in layers:
        weight = layer.weight.detach().contiguous().float()
        with _eager():
            codes, state = functional.quantize_4bit(weight, blocksize=BLOCK, quant_type="nf4")
        del layer.weight
        layer.register_buffer("nf4_codes", codes)
        # As bytes: a network that goes to bfloat16 must not take the scales along.
        layer.register_buffer("nf4_scales", state.absmax.view(torch.uint8))
        layer.register_buffer("nf4_like", weight.new_empty(0))
        layer.nf4_shape = weight.shape
        mix_in(layer, _InNF4)


def in_nf4(module: nn.Module) -> bool:
    """Whether any weight of `module` is kept in 4 bits."""
    return any(isinstance(child, _InNF4) for child in module.modules())


def _eager() -> AbstractContextManager[None]:
    """On a CPU bitsandbytes compiles for each shape of a weight, which takes longer than a run; a GPU has its own kernel."""
    return torch.compiler.set_stance("force_eager")


def _bitsandbytes() -> ModuleType:
    require(("bitsandbytes",), "QLoRA")
    import bitsandbytes.functional  # only here: it is asked for by one scope alone

    return bitsandbytes.functional
