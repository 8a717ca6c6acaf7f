"""How much an explanation looks at, and about how long that takes: judged by the last one of the same backbone and size."""

from __future__ import annotations

from pages.parts.explain_known import result_of
from pages.parts.summary import summaries
from tlcore.explain.faithful import ORDERS, STEPS
from tlcore.explain.inside import AREAS
from tlcore.explain.methods import METHODS
from tlcore.figures.words import count, duration, times
from tlcore.models.catalogue import BACKBONES
from tlcore.runs import Run
from tlcore.spec import ExplainSpec, RunSpec

GALLERIES = 4
CHANGES = 5  # maps of each image that the test of small changes makes
MASKED = 299  # films at most
PROBED_ON = {"train": 1000, "val": 300, "test": 10**6}  # images at most, as `analysis/start_probe.py` takes them
KNOWN_GROUPS = 7  # of a backbone that is not catalogued


def cost_words(spec: ExplainSpec, run: Run, about: RunSpec) -> str:
    """'At most 24 images in 2 networks. About 40 s, judged by ...'; or that nobody knows yet."""
    what = f"At most {times(images_of(spec), 'image')} in {times(networks(spec, run), 'network')}"
    if (layers := layers_of(spec, about)) > 1:
        what += f", at {count(layers)} layer groups"
    if spec.belief:
        what = f"Measured on {times(spec.belief_images, 'image')}"
        what += f" in {times(networks(spec, run), 'network')}" if "inside" in spec.belief else ""
    seconds = estimate(spec, run, about)
    if seconds is None:
        return f"{what}. How long that takes is not known here yet; it shows how far it is, and can be cancelled."
    return f"{what}. About {duration(seconds)}, judged by the last time that this backbone was asked here at this size."


def estimate(spec: ExplainSpec, run: Run, about: RunSpec) -> float | None:
    """Seconds, by the newest explanation of the same backbone and size; None before there is any."""
    for job in summaries("explain"):
        asked = job.run.subject()
        if job.state != "done" or not isinstance(job.spec, ExplainSpec) or not isinstance(asked, RunSpec):
            continue
        if (asked.backbone, asked.image_size) == (about.backbone, about.image_size) and job.spec.picture is None:
            before = work(job.spec, Run(job.run.path.with_name(job.spec.run_id)), asked)
            return (job.seconds or 0.0) * work(spec, run, about) / before
    return None


def work(spec: ExplainSpec, run: Run, about: RunSpec) -> int:
    """Passes of an image through a network, there and back, as far as they can be counted beforehand."""
    passes = METHODS[spec.method].passes
    total = images_of(spec) * networks(spec, run) * layers_of(spec, about) * passes
    groups = len(BACKBONES[about.backbone].groups) if about.backbone in BACKBONES else KNOWN_GROUPS
    each = {
        "deletion": (2 + 2 * len(ORDERS) * (STEPS - 1)) // 2 + passes,  # half: there is no way back
        "randomization": (groups + 2) * passes,
        "stability": CHANGES * passes,
    }
    total += sum(spec.belief_images * each[name] for name in spec.belief if name in each)
    if "inside" in spec.belief:
        total += networks(spec, run) * (
            (0 if spec.region else MASKED) * passes + spec.belief_images * (passes + (len(AREAS) + 1) // 2)
        )
    return max(1, total + (_probe(run) // 2 if spec.start else 0))


def images_of(spec: ExplainSpec) -> int:
    """Images of which there will be maps, at most: one may stand in two galleries."""
    return len(spec.ids) or GALLERIES * spec.each


def networks(spec: ExplainSpec, run: Run) -> int:
    """How many are laid side by side."""
    return 1 + spec.start + len(spec.beside) + (len(run.kept_epochs()) if spec.epochs else 0)


def layers_of(spec: ExplainSpec, about: RunSpec) -> int:
    """Layer groups that are looked at in each."""
    if spec.layer != "all" or not METHODS[spec.method].by_group:
        return 1
    return len(BACKBONES[about.backbone].groups) if about.backbone in BACKBONES else KNOWN_GROUPS


def _probe(run: Run) -> int:
    """Images that the probe of the run's start looks at."""
    images = ((result_of(run) or {}).get("data") or {}).get("images") or {}
    return sum(min(images.get(split, 0), most) for split, most in PROBED_ON.items())
