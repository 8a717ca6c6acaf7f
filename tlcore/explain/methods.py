"""The methods that explain an answer by a map, each with what it shows and what it does not. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tlcore.errors import UnknownName

At = Literal["group", "pixels"]  # the map lies at the places of a layer group, or at the image's pixels
Needs = Literal["any", "relu", "tokens"]  # networks that it works on: all; with ReLU or ReLU6; with attention over patches


@dataclass(frozen=True)
class Method:
    """One way to explain an answer."""

    name: str
    title: str
    sentence: str  # what it shows and what it does not
    source: str  # the paper
    at: At
    needs: Needs = "any"
    by_group: bool = False  # the layer group that is looked at changes the map
    by_class: bool = True  # the class that is asked about changes the map
    signed: bool = False  # values below zero are evidence against the class
    passes: int = 1  # through the network for each image, forward and back where there is a way back


_METHODS = (
    Method(
        "gradcam",
        "Grad-CAM",
        "Shows where channels that raise the class respond, as coarsely as the layer group's own map; a channel has one weight "
        "wherever it responds, and evidence against the class is left out.",
        "Selvaraju et al. 2017, arXiv 1610.02391",
        at="group",
        by_group=True,
    ),
    Method(
        "gradcam++",
        "Grad-CAM++",
        "Weighs the places within a channel by their own gradients, so that several or small findings share the map more "
        "evenly; it was derived for maps after a ReLU, and elsewhere single weights can become extreme.",
        "Chattopadhyay et al. 2018, arXiv 1710.11063",
        at="group",
        by_group=True,
    ),
    Method(
        "integrated-gradients",
        "Integrated gradients",
        "Shares out over the pixels how far the answer to this image is from the answer to a black one; the map is noisy, and "
        "a pixel that is black already gets nothing, however much it matters.",
        "Sundararajan et al. 2017, arXiv 1703.01365",
        at="pixels",
        signed=True,
        passes=32,
    ),
    Method(
        "guided-gradcam",
        "Guided Grad-CAM",
        "Draws the edges within the places of Grad-CAM; networks with random weights give much the same edges, so they outline "
        "the image and are no reason for the answer.",
        "Selvaraju et al. 2017, arXiv 1610.02391; Springenberg et al. 2015, arXiv 1412.6806",
        at="pixels",
        needs="relu",
        by_group=True,
        signed=True,
        passes=2,
    ),
    Method(
        "occlusion",
        "Occlusion",
        "Measures how far the answer falls when a grey square covers each place; the network never met such squares in "
        "training, and evidence that stands in two places at once is missed.",
        "Zeiler & Fergus 2014, arXiv 1311.2901",
        at="pixels",
        signed=True,
        passes=197,
    ),
    Method(
        "attention-rollout",
        "Attention rollout",
        "Follows attention from block to block back to the patches; it shows what was mixed into the answer and not what for, "
        "so it is the same for every class.",
        "Abnar & Zuidema 2020, arXiv 2005.00928",
        at="group",
        needs="tokens",
        by_group=True,
        by_class=False,
    ),
)

METHODS: dict[str, Method] = {method.name: method for method in _METHODS}


def method_named(name: str) -> Method:
    """The method of that name. Raises `UnknownName`."""
    if name not in METHODS:
        raise UnknownName("method of explanation", name, METHODS)
    return METHODS[name]
