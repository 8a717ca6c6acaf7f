"""A pull as a measurement needs it: as costly as the run's, of noise, with nothing fetched."""

from __future__ import annotations

import copy
import time
from collections.abc import Generator
from dataclasses import replace
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from tlcore.models.describe import describe
from tlcore.models.freezing import apply_phase
from tlcore.models.network import Network
from tlcore.models.partition import head_inputs
from tlcore.spec import RunSpec
from tlcore.training.pull.make import make_term
from tlcore.training.pull.replay import in_a_step
from tlcore.training.pull.source import PHOTOS_AT_HAND, Source
from tlcore.training.setup import Setup
from tlcore.training.state import State

T = TypeVar("T")
FEW = 8  # source images that the work before the first step is timed on
CLASSES = 1000  # of the old classifier, where the catalogue does not say: ImageNet's


def with_timed_pull(state: State, setup: Setup, spec: RunSpec) -> tuple[Setup, float]:
    """The setup with the term of the spec's pull, and the seconds that what it computes beside the steps would take in the run.

    The network, whose weights are random, gets an old classifier of the size that the pretrained one has.
    """
    pull = spec.strategy.pull
    setup = replace(setup, pull=pull)
    if not pull.active:
        return setup, 0.0
    images, term = 0, setup.term
    if "answers" in pull.needs and state.network.source_head is None:
        state.network.source_head = _as_large_as_the_old_one(state.network, spec)
    if "images" in pull.needs:
        images = max(FEW, in_a_step(pull.share, setup.batch_size) if pull.kind == "replay" else 0)
        noise = np.resize(setup.train.images, (images, *setup.train.images.shape[1:]))
        labels = np.zeros(images, np.int64) if spec.strategy.start.kind == "run" else None
        setup = replace(setup, source=Source(noise, labels, "pictures of noise"))
    seconds = 0.0
    for _ in range(2):  # the first one warms up
        began = time.perf_counter()
        term = _ended(make_term(state, setup))
        seconds = time.perf_counter() - began
    for place, phase in enumerate(setup.plan.phases):
        if not setup.solves(place):
            state.phase = place
            apply_phase(state.network, phase)
            began = time.perf_counter()
            _ended(term.ready(state, setup.route(state)))
            seconds += time.perf_counter() - began
    state.phase = 0
    setup = replace(setup, term=term)
    if not images:
        return setup, seconds
    most = min(pull.images, PHOTOS_AT_HAND) if spec.strategy.start.kind == "pretrained" else pull.images
    return setup, seconds * most / images


def _ended(work: Generator[object, None, T]) -> T:
    """What a generator comes to, its progress untold."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            return end.value


def _as_large_as_the_old_one(network: Network, spec: RunSpec) -> nn.Module:
    classes = next((source.classes for source in describe(spec.backbone).weights if source.classes), CLASSES)
    inputs = head_inputs(network.module)
    if network.kept_head or network.head_kind == "attention":  # the latter only after a run whose head was of that kind
        return copy.deepcopy(network.head).requires_grad_(False)
    with torch.random.fork_rng(devices=[]):
        head = nn.Conv2d(inputs, classes, 1) if isinstance(network.head, nn.Conv2d) else nn.Linear(inputs, classes)
    return head.requires_grad_(False)
