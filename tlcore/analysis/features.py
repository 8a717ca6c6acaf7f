"""What each layer group makes of pictures: one pass through a network, watched by a hook at the top of every group.

A map is averaged over its places at once, so that a pass keeps a row for each picture and place to look, and no map. What is
kept at the top of the last group is what the head sees.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tlcore.analysis.maps import evaluating, pictures
from tlcore.errors import SpecError
from tlcore.models.backward import in_place
from tlcore.models.memory import by_batches
from tlcore.models.network import Network
from tlcore.models.sites import find_sites
from tlcore.progress import Progress, silent
from tlcore.training.machine import Machine

LOGITS = "logits"  # of the classifier that came with the weights; no group has this name
BATCH = 32


@dataclass(frozen=True)
class Site:
    """A place to look: the top of a group, or of a block within it."""

    name: str  # the group's own ("stage 3"), or the block's name in the module ("layer3.0")
    group: str


def sites(network: Network, *, blocks: bool = False, image_size: int = 224) -> tuple[Site, ...]:
    """The top of each group from bottom to top, the head left out; with `blocks` also those of the blocks within.

    A block with which its group ends is left out: its top is the group's. Blocks are found with shapes alone, for square
    pictures of `image_size`.
    """
    groups = [group.name for group in network.groups[:-1]]
    if not blocks:
        return tuple(Site(name, name) for name in groups)
    placed = network.partition.modules
    found = [name for name in find_sites(network.module, placed, image_size).blocks if not _ends_group(network, name)]
    return tuple(
        site
        for group in groups
        for site in (*(Site(name, group) for name in found if placed[name] == group), Site(group, group))
    )


def features(
    network: Network,
    machine: Machine,
    images: np.ndarray,
    *,
    sites: Sequence[Site],
    progress: Progress = silent,
    what: str = "Looking at the images",
    also: contextlib.AbstractContextManager[object] | None = None,
) -> dict[str, np.ndarray]:
    """Float32 (N, D) for each site: what stands there for each picture of `images`, uint8 (N, S, S, 3), in one pass.

    A map is averaged over height and width, wherever its channels are, and tokens over those that stand for patches. Under
    `LOGITS` is what `network.source_head` answers, where there is one. The network is in float32 and in eval mode for the
    pass; no hook stays behind and every mode is put back, whatever happens. `also` is entered for the pass itself, so that
    others can watch it (`maps.watching`). Raises `SpecError` where a site shows nothing, and `OutOfMemory`.
    """
    rows: dict[str, np.ndarray] = {}
    with evaluating(network.module), in_place(network.module), contextlib.ExitStack() as stack:
        tops = _tops(network, machine, sites, images.shape[1])
        stack.enter_context(also or contextlib.nullcontext())
        for part, seen in by_batches(len(images), BATCH, machine, lambda part, _: _look(network, machine, images[part], tops)):
            for name, values in seen.items():
                if name not in rows:
                    rows[name] = np.empty((len(images), values.shape[1]), np.float32)
                rows[name][part] = values.cpu().numpy()
            progress(what, part.stop, len(images), "images")
    return rows


def _look(network: Network, machine: Machine, images: np.ndarray, tops: Mapping[str, nn.Module]) -> dict[str, Tensor]:
    """One batch: what stands at each top, and what the old classifier answers, by name."""
    seen: dict[str, Tensor] = {}

    def note(name: str, output: object) -> None:
        seen[name] = _pooled(output, network.module)  # at once: what comes next may work in place

    def answer(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen[LOGITS] = network.source_head(inputs[0]).flatten(1)

    with _watched(tops, note), contextlib.ExitStack() as stack:
        if network.source_head is not None:
            network.source_head.to(machine.device)
            stack.callback(network.head.register_forward_pre_hook(answer).remove)
        network.module(pictures(network, machine, torch.from_numpy(np.array(images))))
    return seen


def _tops(network: Network, machine: Machine, sites: Sequence[Site], image_size: int) -> dict[str, nn.Module]:
    """The module whose output stands at each site: a block itself, and of a group the outermost module that runs last.

    Which one that is, one black picture tells: some that a network has, such as an empty norm, it never calls.
    """
    modules = dict(network.module.named_modules())
    ran: list[str] = []

    def note(name: str, output: object) -> None:
        if isinstance(output, Tensor) and 2 <= output.ndim <= 4:
            ran.append(name)

    outermost = {site.name: _outermost(network, site.name) for site in sites if site.name == site.group}
    watched = {name: modules[name] for names in outermost.values() for name in names}
    black = torch.zeros(1, image_size, image_size, 3, dtype=torch.uint8)
    with _watched(watched, note):
        network.module(pictures(network, machine, black))
    order = {name: place for place, name in enumerate(ran)}  # of its last call, where there are several
    tops = {}
    for site in sites:
        names = [name for name in outermost.get(site.name, ()) if name in order]
        if site.name == site.group and not names:
            raise SpecError(
                f"{type(network.module).__name__} does not show what {site.name} makes of a picture.",
                next_step="Choose a backbone from the catalogue.",
            )
        tops[site.name] = modules[max(names, key=order.__getitem__)] if names else modules[site.name]
    return tops


def _outermost(network: Network, group: str) -> list[str]:
    """The names of the modules that are wholly in `group`, within none that is."""
    placed = network.partition.modules
    return [name for name, own in placed.items() if own == group and placed.get(name.rpartition(".")[0]) != group]


def _ends_group(network: Network, block: str) -> bool:
    """Whether no layer with weights or statistics follows `block` in its group."""
    placed = network.partition.modules
    inside = [name for name in placed if placed[name] == placed[block]]
    later = [name for name in inside[inside.index(block) :] if name != block and not name.startswith(f"{block}.")]
    modules = dict(network.module.named_modules())
    return not any(modules[name]._parameters or modules[name]._buffers for name in later)


def _pooled(output: object, module: nn.Module) -> Tensor:
    """(B, D) of what a module gives out: the mean over places, of tokens over those after the prefix (class, registers)."""
    if not isinstance(output, Tensor) or not 2 <= output.ndim <= 4:
        raise SpecError(
            f"A layer of {type(module).__name__} gives out what is neither a vector, tokens nor a map.",
            next_step="Ask for groups and not for blocks, or choose a backbone from the catalogue.",
        )
    if output.ndim == 2:
        return output.float()
    if output.ndim == 3:
        return output[:, getattr(module, "num_prefix_tokens", 0) :].float().mean(1)
    return output.float().mean((1, 2) if _channels_last(output, module) else (2, 3))


def _channels_last(output: Tensor, module: nn.Module) -> bool:
    """Whether a map is (B, H, W, C): pictures are square, so the two sides that are equal are height and width."""
    _, second, third, fourth = output.shape
    if second == fourth:  # and so all three, or a single channel: timm's own word decides
        return getattr(module, "output_fmt", "NCHW") == "NHWC"
    return third != fourth


@contextlib.contextmanager
def _watched(modules: Mapping[str, nn.Module], note: Callable[[str, object], None]) -> Iterator[None]:
    """Within it `note` is called with a module's name and its output whenever it runs."""
    with contextlib.ExitStack() as stack:
        for name, module in modules.items():
            hook = module.register_forward_hook(lambda _module, _inputs, output, name=name: note(name, output))
            stack.callback(hook.remove)
        yield
