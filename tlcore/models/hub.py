"""timm's pretrained weights from the Hugging Face hub, in safetensors files only."""

from __future__ import annotations

import io
import os
import urllib.error
import urllib.request
from pathlib import Path

import timm
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError
from safetensors.torch import load_file
from torch import Tensor
from tqdm import tqdm

from tlcore.errors import AssetError
from tlcore.models.cards import BackboneCard, WeightSource
from tlcore.progress import Progress
from tlcore.settings import offline

FILE = "model.safetensors"
_TIMEOUT_SECONDS = 5.0


def download(source: WeightSource, progress: Progress) -> Path:
    """The hub's file, from its cache or from the network. Raises `AssetError` within seconds where there is no network."""
    try:
        return Path(hf_hub_download(source.hub_id, FILE, local_files_only=True))
    except LocalEntryNotFoundError:
        pass  # not fetched before
    if offline() or constants.is_offline_mode():
        raise AssetError(f"{source.hub_id} was not fetched before, and the network is switched off.")
    _check_reachable()
    bar = _bar(f"Fetching {source.hub_id} from the Hugging Face hub", progress)
    try:
        return Path(hf_hub_download(source.hub_id, FILE, etag_timeout=_TIMEOUT_SECONDS, tqdm_class=bar))
    except (HfHubHTTPError, EntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()
        raise AssetError(f"{source.hub_id} could not be fetched: {reason[0] if reason else type(error).__name__}") from error


def read(card: BackboneCard, source: WeightSource, file: Path) -> dict[str, Tensor]:
    """The tensors of `file` in the names of the installed timm, which knows how its older files differ."""
    overlay = {"state_dict": load_file(file), "custom_load": False}
    arguments = {"dynamic_img_size": True} if card.sizing == "dynamic" else {}
    try:
        module = timm.create_model(source.tag, pretrained=True, pretrained_cfg_overlay=overlay, **arguments)
    except (RuntimeError, KeyError) as error:
        raise AssetError(f"{source.hub_id} does not fit timm {timm.__version__}: {str(error).splitlines()[0]}") from error
    return module.state_dict()


def _bar(what: str, progress: Progress) -> type[tqdm]:
    """A progress bar that draws nothing and tells `progress`, as the hub's client wants it: a class."""

    class Bar(tqdm):
        monitor_interval = 0  # no thread that watches the bar

        def __init__(self, *arguments: object, **settings: object) -> None:
            super().__init__(*arguments, **settings | {"file": io.StringIO()})

        def update(self, n: float | None = 1) -> bool | None:
            shown = super().update(n)
            progress(what, int(self.n), int(self.total or 0), "bytes")
            return shown

    return Bar


def _check_reachable() -> None:
    """One short request: the hub's own client would try again and again for half a minute."""
    request = urllib.request.Request(os.environ.get("HF_ENDPOINT") or "https://huggingface.co", method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS).close()
    except urllib.error.HTTPError as error:
        error.close()  # it answered
    except OSError as error:  # URLError, a time-out and a reset are OSErrors
        raise AssetError(f"the Hugging Face hub could not be reached ({getattr(error, 'reason', None) or error}).") from error
