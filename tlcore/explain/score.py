"""What is explained: one number for each picture, and what a method is given to explain it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tlcore.explain.places import Place
from tlcore.models.network import Network


class Score(nn.Module):
    """Pictures (B, 3, S, S) -> the logit of each one's target class, less that of the class it is held against: (B,).

    Without targets a picture's own predicted class is meant.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self.logits: Tensor | None = None  # (B, classes) of the latest pass

    def forward(self, pictures: Tensor, targets: Tensor | None = None, against: Tensor | None = None) -> Tensor:
        logits = self.module(pictures).float()
        self.logits = logits.detach()
        targets = self.logits.argmax(1) if targets is None else targets
        score = logits.gather(1, targets[:, None])
        if against is not None:
            score = score - logits.gather(1, against[:, None])
        return score[:, 0]


@dataclass(frozen=True)
class Asked:
    """A batch to explain. The network is in eval mode and no weight takes gradients."""

    network: Network
    pictures: Tensor  # float32 (B, 3, S, S), as the network wants them
    targets: Tensor | None  # int64 (B,)
    against: Tensor | None
    place: Place | None  # None where the method looks at no layer group
    at_once: int  # pictures that the network is given at a time, at least B

    @property
    def classes(self) -> tuple[Tensor | None, Tensor | None]:
        """What `Score` is given beside pictures."""
        return self.targets, self.against

    def settled(self, score: Score) -> tuple[Tensor, Tensor | None]:
        """The same with the predicted classes for targets that were left open; `score.logits` is the answer to the pictures."""
        with torch.no_grad():
            score(self.pictures)
        return (score.logits.argmax(1) if self.targets is None else self.targets), self.against


Explained = tuple[Tensor, Tensor]  # a batch's maps (B, h, w) and logits (B, classes)
