"""Keras's ResNet-50, stored for TensorFlow.js, turned into timm's `resnet50`.

What differs: kernels are height x width x in x out; convolutions have biases; BatchNorm adds 1e-3 to the variance; the
first block of a stage halves the image in its first convolution, not in its second; the stem expects blue, green, red
in 0 to 255 without a division. Biases, colour order and division go into the weights; the rest is `adapt`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from tlcore.errors import AssetError

EPSILON = 1e-3
IMAGENET_STD = (0.229, 0.224, 0.225)  # of the preprocessing that the converted stem expects
_STAGES = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}


def adapt(module: nn.Module) -> None:
    """Make timm's resnet50 compute what Keras's does: its BatchNorm epsilon, and the stride on the first convolution."""
    for child in module.modules():
        if isinstance(child, nn.BatchNorm2d):
            child.eps = EPSILON
    for stage in (module.layer2, module.layer3, module.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)


def read_shards(folder: Path) -> dict[str, np.ndarray]:
    """The arrays of a TensorFlow.js layers model: `model.json` names them, the shards hold them one after the other."""
    arrays = {}
    for group in json.loads((folder / "model.json").read_bytes())["weightsManifest"]:
        content = b"".join((folder / Path(path).name).read_bytes() for path in group["paths"])
        offset = 0
        for weight in group["weights"]:
            if weight["dtype"] != "float32":
                raise AssetError(f"{weight['name']} is stored as {weight['dtype']}, not as float32.")
            count = int(np.prod(weight["shape"], dtype=np.int64))
            arrays[weight["name"]] = np.frombuffer(content, "<f4", count, offset).reshape(weight["shape"])
            offset += 4 * count
        if offset != len(content):
            raise AssetError(f"The shards hold {len(content)} bytes where {offset} were announced.")
    return arrays


def from_keras(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """timm's state dict, for a module that `adapt` has seen."""
    state: dict[str, Tensor] = {}
    _fold(state, arrays, "conv1", "bn_conv1", "conv1", "bn1")
    # Keras: w * (255 x - mean), channels b, g, r. Here: w' * (x - mean / 255) / std, channels r, g, b.
    scale = 255 * torch.tensor(IMAGENET_STD).reshape(1, 3, 1, 1)
    state["conv1.weight"] = (state["conv1.weight"].flip(1) * scale).contiguous()
    for stage, blocks in _STAGES.items():
        for index, block in enumerate(blocks):
            keras, timm = f"{stage}{block}_branch", f"layer{stage - 1}.{index}"
            for number, letter in enumerate("abc", start=1):
                _fold(
                    state, arrays, f"res{keras}2{letter}", f"bn{keras}2{letter}", f"{timm}.conv{number}", f"{timm}.bn{number}"
                )
            if index == 0:
                _fold(state, arrays, f"res{keras}1", f"bn{keras}1", f"{timm}.downsample.0", f"{timm}.downsample.1")
    state["fc.weight"] = torch.tensor(arrays["fc1000/kernel"].T.copy())
    state["fc.bias"] = torch.tensor(arrays["fc1000/bias"].copy())
    return state


def _fold(state: dict[str, Tensor], arrays: Mapping[str, np.ndarray], conv: str, norm: str, to_conv: str, to_norm: str) -> None:
    """One convolution and its BatchNorm; the convolution's bias is taken off the mean that is subtracted after it."""
    state[f"{to_conv}.weight"] = torch.tensor(arrays[f"{conv}/kernel"].transpose(3, 2, 0, 1).copy())
    state[f"{to_norm}.weight"] = torch.tensor(arrays[f"{norm}/gamma"].copy())
    state[f"{to_norm}.bias"] = torch.tensor(arrays[f"{norm}/beta"].copy())
    state[f"{to_norm}.running_mean"] = torch.tensor(arrays[f"{norm}/moving_mean"] - arrays[f"{conv}/bias"])
    state[f"{to_norm}.running_var"] = torch.tensor(arrays[f"{norm}/moving_variance"].copy())
    state[f"{to_norm}.num_batches_tracked"] = torch.tensor(0)
