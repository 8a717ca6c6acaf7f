"""The stack, alive: slabs that thaw from the head down and freeze again. For those who want less motion it stands still."""

from __future__ import annotations

from tlcore.figures.palette import ICE, WARM, rgba

_SLABS = ("head", "stage 5", "stage 4", "stage 3", "stage 2", "stage 1", "stem")
_CYCLE_SECONDS = 16.0
_THAW_EVERY = 9.0  # percent of the cycle between one slab's thaw and the next


def living_stack() -> str:
    """HTML of the picture. Everything in it is ours; it holds nothing that a person wrote."""
    rules, rows = [], []
    for i, name in enumerate(_SLABS):
        begins = 2 + i * _THAW_EVERY
        warm = rgba(WARM, max(0.30, 0.80 - 0.085 * i))
        ice = rgba(ICE, 0.30)
        rules.append(
            f"@keyframes thaw{i} {{ 0%, {begins:.0f}% {{ background: {ice}; border-color: {ICE}; }}"
            f" {begins + 6:.0f}%, 90% {{ background: {warm}; border-color: {WARM}; }}"
            f" 98%, 100% {{ background: {ice}; border-color: {ICE}; }} }}"
        )
        still = (warm, WARM) if i < 2 else (ice, ICE)
        rules.append(
            f".thaw-slab.s{i} {{ background: {still[0]}; border-color: {still[1]};"
            f" animation: thaw{i} {_CYCLE_SECONDS:g}s ease-in-out infinite; }}"
        )
        rows.append(f'<div class="thaw-row"><span>{name}</span><div class="thaw-slab s{i}"></div></div>')
    style = (
        ".thaw-alive { max-width: 360px; margin: .4rem auto 0; font-size: .82rem; }"
        ".thaw-row { display: flex; align-items: center; gap: .7rem; margin-bottom: 5px; }"
        ".thaw-row span { width: 3.6rem; text-align: right; opacity: .65; }"
        ".thaw-slab { flex: 1; height: 26px; border-radius: 6px; border-left: 4px solid; }"
        ".thaw-key { display: flex; gap: 1.2rem; padding: .3rem 0 0 4.4rem; opacity: .75; }"
        ".thaw-key i { display: inline-block; width: .8em; height: .8em; border-radius: 3px; margin-right: .4em; }"
        "@media (prefers-reduced-motion: reduce) { .thaw-slab { animation: none !important; } }"
    )
    key = (
        f'<div class="thaw-key"><span><i style="background:{ICE}"></i>frozen</span>'
        f'<span><i style="background:{WARM}"></i>thawed: it trains</span></div>'
    )
    label = "A network as a stack of layer groups, the head on top. The groups thaw from the head down, one after the other."
    return (
        f"<style>{style}{''.join(rules)}</style>"
        f'<div class="thaw-alive" role="img" aria-label="{label}">{"".join(rows)}{key}</div>'
    )
