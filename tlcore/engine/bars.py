"""A run's events as progress bars: on stderr in a terminal, as widgets in a notebook."""

from __future__ import annotations

import sys

from tqdm.auto import tqdm

from tlcore.runs import Event


class ProgressBars:
    """One bar for the training's steps, one that comes and goes for all else; a line for each epoch and notice."""

    def __init__(self) -> None:
        self._training: tqdm | None = None
        self._other: tqdm | None = None
        self._what = ""  # the other bar is about

    def show(self, event: Event) -> None:
        kind = event["type"]
        if kind == "progress":
            self.progress(event["what"], event["done"], event["total"], event["unit"])
        elif kind == "step":
            self._step(event)
        elif kind == "epoch":
            if self._training is not None:  # not every step is told
                self._training.update(event["step"] - self._training.n)
            tqdm.write(_epoch_line(event), file=sys.stderr)
        elif kind == "notice":
            tqdm.write(f"{event['level']}: {event['text']}", file=sys.stderr)

    def progress(self, what: str, done: int, total: int, unit: str) -> None:
        """Show how far a preparation is; has the form of `tlcore.progress.Progress`."""
        if self._other is None or self._what != what:
            self._close_other()
            self._what = what
            scaled = unit == "bytes"  # shown as kB and MB
            units = "B" if scaled else f" {unit}"
            self._other = tqdm(desc=what, total=total or None, leave=False, unit=units, unit_scale=scaled)
        self._other.total = total or None  # it may be known only later
        self._other.update(done - self._other.n)
        if total and done >= total:
            self._close_other()

    def close(self) -> None:
        self._close_other()
        if self._training is not None:
            self._training.close()
            self._training = None

    def _step(self, event: Event) -> None:
        self._close_other()
        if self._training is None:
            self._training = tqdm(desc="Training", total=event["steps"], initial=event["step"] - 1, unit=" steps")
        if event["loss"] is not None:
            self._training.set_postfix_str(f"loss {event['loss']:.3f}", refresh=False)
        self._training.update(event["step"] - self._training.n)

    def _close_other(self) -> None:
        if self._other is not None:
            self._other.close()
            self._other = None


def _epoch_line(event: Event) -> str:
    named = (("loss", "loss"), ("accuracy", "accuracy"), ("auroc", "AUROC"))
    shown = [f"{words} {event['val'][name]:.3f}" for name, words in named if event["val"].get(name) is not None]
    best = " (the best so far)" if event["best"] else ""
    return f"Epoch {event['epoch'] + 1}: validation {', '.join(shown)}{best}"
