"""The networks of a transferability experiment that have been trained so far, kept in the run's folder: a lost run goes on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_model, save

from tlcore.analysis.small_network import SmallNetwork
from tlcore.analysis.transferability_plan import Cell
from tlcore.errors import ThawError
from tlcore.files import sweep_temporaries, write_atomically, write_json


class SoFar:
    """What `network` events say of each network, and the weights of the base networks that others take layers from."""

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Read what `folder` holds. Raises `ThawError` where that is of something else than `identity` says."""
        self._folder, self._identity = folder, dict(identity)
        self.networks: list[dict[str, Any]] = []
        self._done: set[Cell] = set()
        if not self._file.exists():
            return
        sweep_temporaries(folder, older_than_seconds=0.0)
        held = json.loads(self._file.read_bytes())
        if held["identity"] != self._identity:
            raise ThawError(
                "This experiment was begun with another spec, other images or another version of the program.",
                next_step="Start it again: going on would mix two experiments.",
            )
        self.networks = held["networks"]
        self._done = {_cell(network) for network in self.networks}

    @property
    def _file(self) -> Path:
        return self._folder / "networks.json"

    @property
    def seconds(self) -> float:
        """What training and judging all of them took."""
        return sum(network["seconds"] for network in self.networks)

    def took(self) -> dict[int, list[float]]:
        """{frozen layers: seconds of each network}."""
        found: dict[int, list[float]] = defaultdict(list)
        for network in self.networks:
            found[_cell(network).frozen].append(network["seconds"])
        return found

    def __contains__(self, cell: Cell) -> bool:
        return cell in self._done

    def add(self, network: dict[str, Any]) -> None:
        """Keep the record of a network."""
        self.networks.append(network)
        self._done.add(_cell(network))
        write_json(self._file, {"identity": self._identity, "networks": self.networks})

    def keep_weights(self, cell: Cell, network: SmallNetwork) -> None:
        """Keep a base network itself; call it before `add`."""
        tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()}
        write_atomically(self._weights(cell), save(tensors))

    def fill(self, network: SmallNetwork, cell: Cell) -> None:
        """Give `network` the weights of a base network that was kept."""
        load_model(network, self._weights(cell))

    def _weights(self, cell: Cell) -> Path:
        return self._folder / f"{cell.form}-{cell.seed}.safetensors"


def _cell(network: Mapping[str, Any]) -> Cell:
    return Cell(network["seed"], network["form"], network["cut"])
