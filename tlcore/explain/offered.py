"""Which methods suit a catalogued backbone, told without building it, so that a form can say so beforehand. No torch.

For any other backbone the job finds out (`needs.py`), and says it then.
"""

from __future__ import annotations

from typing import Final

from tlcore.explain.methods import METHODS, Method
from tlcore.models.catalogue import BACKBONES

OTHER_ACTIVATIONS: Final = {"efficientnet_b0", "mobilenetv3_small_100"}  # SiLU and hard swish beside relatives with ReLU
WITHOUT_RELU: Final = {"ConvNeXt", "Vision transformer", "Swin transformer"}
TOKENS: Final = "Vision transformer"  # plain ones: windows that move have no way from block to block


def unsuited(method: Method, backbone: str) -> str | None:
    """A sentence where `method` does not work on the catalogued backbone, else None."""
    card = BACKBONES.get(backbone)
    if card is None:
        return None
    if method.needs == "relu" and (card.family in WITHOUT_RELU or card.name in OTHER_ACTIVATIONS):
        return f"{method.title} is made for networks whose activations are ReLU or ReLU6, which {card.title} is not."
    if method.needs == "tokens" and card.family != TOKENS:
        return f"{method.title} follows attention between the patches of a plain vision transformer, which {card.title} is not."
    return None


def offered(backbone: str) -> tuple[str, ...]:
    """The names of the methods that work on it, as far as is known."""
    return tuple(name for name, method in METHODS.items() if unsuited(method, backbone) is None)
