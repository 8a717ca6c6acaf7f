"""A strategy as plain fields, to and from a link: a preset (or a group to unfreeze from), its start, its pull, its settings.

No Streamlit in here. The field `settings` holds what was changed, by path: `{"scope.rank": 16}`; a link says each by its path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlcore.errors import SpecError
from tlcore.groups import Group
from tlcore.strategies import STRATEGIES, Strategy, preset
from tlcore.strategies.pull import PULLS
from tlcore.strategies.scope import FromGroup
from tlcore.strategies.settings import AXES, NONE, Value, changes_from, still_meant, value_of, with_settings
from tlcore.strategies.start import FromRun, Pretrained, Random

CUSTOM = "custom"
AS_PRESET = "as the strategy says"
Fields = dict[str, Any]
# As links said them before every setting had a control.
_ONCE = {
    "batchnorm": "scope.batchnorm",
    "schedule": "rates.schedule",
    "body_lr_mult": "rates.body_lr_mult",
    "pull_strength": "pull.strength",
}


def base_of(fields: Mapping[str, Any], groups: Sequence[Group] = ()) -> Strategy:
    """The strategy before its settings are changed: the preset, or a scope from a group upwards, with the start and the pull
    that were chosen in place of its own."""
    if fields["strategy"] == CUSTOM:
        names = [group.name for group in groups[:-1]]
        base = Strategy(name=CUSTOM, scope=FromGroup(group=fields["unfreeze"] or (names[-1] if names else "top")))
    else:
        base = preset(fields["strategy"])
    changes: dict[str, Any] = {}
    if fields["start"] != AS_PRESET:
        changes["start"] = _start_of(fields)
    if fields["pull"] not in (AS_PRESET, base.pull.kind):
        changes["pull"] = PULLS[fields["pull"]]()
    return base.model_copy(update=changes)


def strategy_of(fields: Mapping[str, Any], groups: Sequence[Group] = ()) -> Strategy:
    """The strategy chosen: a preset as it is, or with something changed (then its name is custom).

    Raises `SpecError` for a setting that it has not, or whose value is not allowed.
    """
    changed = with_settings(base_of(fields, groups), fields["settings"])
    untouched = fields["strategy"] != CUSTOM and changed == preset(fields["strategy"])
    return changed if untouched else changed.model_copy(update={"name": CUSTOM})


def fields_of_strategy(strategy: Strategy, groups: Sequence[Group] = ()) -> Fields:
    """The fields that make this strategy: of those with the fewest changes the one that has its name, or comes first.

    Raises `SpecError` where no preset is made of the same kinds of choices.
    """
    own = {"start": AS_PRESET, "start_head": "auto", "pull": AS_PRESET, "settings": {}}
    names = [group.name for group in groups[:-1]]
    candidates = [own | {"strategy": name, "unfreeze": ""} for name in STRATEGIES]
    candidates += [own | {"strategy": CUSTOM, "unfreeze": name} for name in names]
    found = [made for made in (_made(fields, strategy, groups) for fields in candidates) if made is not None]
    if not found:
        raise SpecError(
            "This run's strategy has no controls on this page.", next_step="Repeat it on the command line with its spec.json."
        )
    return min(found, key=lambda fields: (fields["strategy"] != strategy.name, _weight(fields)))


def _weight(fields: Fields) -> int:
    return len(fields["settings"]) + sum(fields[name] != AS_PRESET for name in ("start", "pull"))


def _made(fields: Fields, strategy: Strategy, groups: Sequence[Group]) -> Fields | None:
    """The fields with the start, the pull and the settings that make them this strategy; None where nothing does."""
    base = base_of(fields, groups)
    if base.start != strategy.start:
        fields = fields | _fields_of_start(strategy.start)
    if base.pull.kind != strategy.pull.kind:
        fields = fields | {"pull": strategy.pull.kind}
    settings = changes_from(base_of(fields, groups), strategy)
    if settings is None or (fields["strategy"] == CUSTOM and "scope.group" in settings):  # its group has its own field
        return None
    return fields | {"settings": settings}


def _start_of(fields: Mapping[str, Any]) -> Pretrained | Random | FromRun:
    match fields["start"]:
        case "pretrained":
            return Pretrained()
        case "random":
            return Random()
        case run_id:
            return FromRun(run_id=run_id, head=fields["start_head"])


def _fields_of_start(start: Pretrained | Random | FromRun) -> Fields:
    return {"start": start.run_id, "start_head": start.head} if isinstance(start, FromRun) else {"start": start.kind}


def carried_over(fields: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Value]:
    """Those of the changed settings that mean the same with the fields `after`: there they stay."""
    return still_meant(fields["settings"], base_of(fields), base_of(after))


# --- in a link


def is_setting(name: str) -> bool:
    """Whether a link's word may be that of a setting."""
    return name in _ONCE or (name.partition(".")[0] in AXES and "." in name)


def settings_from_link(query: Mapping[str, str], fields: Mapping[str, Any]) -> tuple[dict[str, Value], list[str]]:
    """The settings that a link asks for beside these fields, and a sentence for each that can't be used."""
    base, found, problems = base_of(fields), {}, []
    for word, text in query.items():
        if not is_setting(word):
            continue
        path = _ONCE.get(word, word)
        try:
            value = value_of(with_settings(base, {path: text}), path)
        except SpecError as error:
            asks = f"The link asks for {word[:40]} {text[:60]!r}, which cannot be used."
            problems.append(f"{asks} {error.message if len(text) < 60 else ''} The default is used.".replace("  ", " "))
            continue
        if value != value_of(base, path):
            found[path] = value
    return found, problems


def settings_to_link(settings: Mapping[str, Value]) -> dict[str, str]:
    return {path: NONE if value is None else str(value) for path, value in settings.items()}
