"""The benchmark as people read it: a table of ratios, and under it what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def render(found: Mapping[str, Any]) -> str:
    """Everything that `benchmark` returns, as text. Lines are Markdown, so that the README can quote them."""
    peers = list(dict.fromkeys(name for cell in found["cells"] for name in cell["peers"]))
    cells, growth = found["cells"], found["growth"]
    parts = [
        "How many times longer each trainer takes than this engine, the first time (and asked again).",
        _table(("backbone", "scope", "views", "images", *peers, "test accuracy"), [_row(cell, peers) for cell in cells]),
        "The same with the peers' images decoded beforehand and held in memory as tensors.",
        _table(("backbone", "scope", "views", "this engine", *peers), [_memory_row(cell, peers) for cell in cells]),
        "\n".join(f"- {line}" for line in _lines(found)),
    ]
    if growth:
        rows = [(f"{row['images']:,}", f"{row['seconds_first']:.1f} s", f"{row['seconds_again']:.1f} s") for row in growth]
        parts.append(f"What this engine takes against the number of images ({found['growth_of']}).")
        parts.append(_table(("images", "first", "again"), rows))
    return "\n\n".join(parts)


def in_a_line(cell: Mapping[str, Any]) -> str:
    """One cell as soon as it is measured, for those who watch."""
    peers = ", ".join(f"{name} {_ratios(peer)}" for name, peer in cell["peers"].items())
    accuracy = f"; test accuracy {told}" if (told := _accuracy(cell["accuracy"])) else ""
    return f"{cell['seconds_first']:.1f} s ({cell['seconds_again']:.1f} s); times longer: {peers}{accuracy}"


def _row(cell: Mapping[str, Any], peers: Sequence[str]) -> tuple[str, ...]:
    return (
        cell["backbone"],
        cell["scope"],
        str(cell["views"] or "none"),
        "/".join(f"{count:,}" for count in cell["images"].values()),
        *(_ratios(cell["peers"].get(name)) for name in peers),
        _accuracy(cell["accuracy"]),
    )


def _memory_row(cell: Mapping[str, Any], peers: Sequence[str]) -> tuple[str, ...]:
    return (
        cell["backbone"],
        cell["scope"],
        str(cell["views"] or "none"),
        f"{cell['seconds_first']:.1f} s ({cell['seconds_again']:.1f} s)",
        *(_ratios(cell["peers"][name]["in_memory"] if name in cell["peers"] else None) for name in peers),
    )


def _ratios(peer: Mapping[str, Any] | None) -> str:
    return "" if peer is None else f"{_figure(peer['ratio_first'])} ({_figure(peer['ratio_again'])})"


def _figure(ratio: float) -> str:
    return f"{ratio:.0f}" if ratio >= 100 else f"{ratio:.1f}"


def _accuracy(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    ours, plain = found["ours"]["value"], found["plain"]["value"]
    verdict = "intervals overlap" if found["overlap"] else "HIGHER" if ours > plain else "LOWER"
    return f"{ours:.3f}, plain loop {plain:.3f} ({verdict})"


def _lines(found: Mapping[str, Any]) -> list[str]:
    limits = found["ceilings"]
    lines = [
        f"Times are {found['clock']} on {found['machine']['processor']}; ratios are medians over interleaved rounds.",
        "Peers read their images from files in the first table, as their users do. Their whole runs are extrapolated from "
        "real steps; what they spend on setting up and between epochs is left out, in their favour. This engine's runs are "
        "timed whole, decoding included the first time.",
        "images: training/validation/test. views: augmented pictures kept of each image, where peers draw fresh ones.",
        f"Ceilings with {limits['threads']} thread{'s' if limits['threads'] > 1 else ''}: "
        f"{limits['float32_gflops']:.0f} GFLOP/s in float32, {limits['bfloat16_gflops']:.0f} GFLOP/s in bfloat16, "
        f"copies at {limits['copy_gb_per_s']:.1f} GB/s read and written.",
    ]
    for name, near in found["prefix"].items():
        lines.append(
            f"{name}: the frozen prefix runs at {near['gflops']:.0f} GFLOP/s in {near['format']}, "
            f"{near['share']:.0%} of what products of matrices reach beside it."
        )
    lines += [_memory(cell) for cell in found["cells"] if cell.get("memory")]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    return [*lines, f"Versions: {versions}.", *(f"Left out or otherwise than asked: {line}." for line in found["left_out"])]


def _memory(cell: Mapping[str, Any]) -> str:
    ours, plain = (f"{cell['memory'][f'{who}_bytes'] / 1e9:.2f} GB" for who in ("ours", "plain"))
    what = f"{cell['backbone']}, {cell['scope']}, {cell['views'] or 'no'} views"
    return f"{what}: at most {ours} resident, the plain loop {plain} ({cell['memory']['ratio']:.2f} times)."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    rule = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in (lines[0], rule, *lines[1:]))
