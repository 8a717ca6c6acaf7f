"""A run's events as progress bars: on stderr in a terminal, as widgets in a notebook."""

from __future__ import annotations

import sys

from tqdm.auto import tqdm

from tlcore.runs import Event


class ProgressBars:
    """One bar at a time: preparations as they come, then the training's steps; a line for each epoch and notice."""

    def __init__(self) -> None:
        self._bar: tqdm | None = None
        self._what = ""

    def show(self, event: Event) -> None:
        kind = event["type"]
        if kind == "progress":
            self.progress(event["what"], event["done"], event["total"], event["unit"])
        elif kind == "step":
            self.progress("training", event["step"], event["steps"], "step")
            loss = event["loss"]
            self._bar.set_postfix_str("" if loss is None else f"loss {loss:.3f}", refresh=False)
        elif kind == "epoch":
            tqdm.write(_epoch_line(event), file=sys.stderr)
        elif kind == "notice":
            tqdm.write(f"{event['level']}: {event['text']}", file=sys.stderr)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def progress(self, what: str, done: int, total: int, unit: str) -> None:
        """Show how far one thing is; has the form of `tlcore.progress.Progress`."""
        if self._bar is None or what != self._what:
            self.close()
            self._what = what
            scaled = unit in ("B", "bytes")  # shown as kB and MB
            self._bar = tqdm(desc=what, total=total or None, unit="B" if scaled else f" {unit}", unit_scale=scaled)
        self._bar.total = total or None
        self._bar.update(done - self._bar.n)


def _epoch_line(event: Event) -> str:
    val = event["val"]
    shown = [f"{name.replace('_', ' ')} {val[name]:.3f}" for name in ("loss", "accuracy", "auroc") if _is_number(val.get(name))]
    best = " (best)" if event["best"] else ""
    return f"epoch {event['epoch'] + 1}: validation {', '.join(shown)}{best}"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)
