import pytest

from pages.parts.form import AS_PRESET, CUSTOM, DEFAULTS, fields_of, from_link, spec_of, strategy_of, to_link, usual
from pages.parts.measured import find, measure_spec
from pages.parts.text import plain
from tlcore.data.catalogue import dataset_card
from tlcore.errors import SpecError
from tlcore.groups import Group
from tlcore.runs import create
from tlcore.spec import RunSpec
from tlcore.strategies import STRATEGIES, Strategy, preset
from tlcore.strategies.pull import L2SP, NoPull, Replay
from tlcore.strategies.scope import FromGroup
from tlcore.strategies.settings import settings_of, value_of

GROUPS = (Group("stem", "bottom", 1), Group("stage 1", "middle", 1), Group("stage 2", "top", 1), Group("head", "head", 1))


def test_an_empty_link_is_the_defaults_and_back():
    assert from_link({}) == (DEFAULTS, [])
    assert to_link(DEFAULTS) == {}


def test_a_link_carries_every_field_there_and_back():
    fields = DEFAULTS | {
        "backbone": "resnet18",
        "dataset": "digits",
        "strategy": CUSTOM,
        "unfreeze": "stage 2",
        "pull": "ewc",
        "settings": {
            "scope.batchnorm": "trained",
            "rates.schedule": "one-cycle",
            "rates.body_lr_mult": 0.5,
            "pull.strength": 30.0,
            "pull.images": 7,
        },
        "epochs": 3,
        "image_size": 64,
        "images_per_class": 20,
        "lr": 3e-4,
        "optimizer": "sgd",
        "weight_decay": 0.0,
        "batch_size": 16,
        "augment": False,
        "views": 0,
        "cut": "off",
        "head_solver": "minibatch",
        "class_weights": True,
        "patience": 2,
        "precision": "float32",
        "seed": 7,
        "keep_epochs": True,
        "weights": "weights-0123456789abcdef.safetensors",
    }
    assert from_link(to_link(fields)) == (fields, [])
    assert to_link(fields)["pull.images"] == "7"


def test_a_link_as_it_was_before_settings_had_paths_is_still_read():
    once = {"strategy": "full", "batchnorm": "trained", "schedule": "cosine", "body_lr_mult": "0.3", "pull": "ewc"}
    fields, problems = from_link(once | {"pull_strength": "30"})
    assert not problems
    assert fields["settings"] == {"scope.batchnorm": "trained", "rates.body_lr_mult": 0.3, "pull.strength": 30.0}


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_setting_of_every_preset_goes_through_a_link_and_the_form(name):
    for setting in settings_of(preset(name)):
        value = _another(setting, value_of(preset(name), setting.path))
        fields = usual(name) | {"strategy": name, "settings": {setting.path: value}}
        assert from_link(to_link(fields)) == (fields, [])
        spec = spec_of(fields, GROUPS)
        assert spec.strategy.name == CUSTOM
        again = fields_of(spec, GROUPS)
        assert spec_of(again, GROUPS).strategy.model_copy(update={"name": CUSTOM}) == spec.strategy
        assert len(again["settings"]) <= 1


def _another(setting, value):
    """A value that the setting may have, and has not."""
    match setting.kind:
        case "whole":
            return value + 1
        case "number":
            return value / 2 if value > (setting.low or 0) * 2 else (setting.high or 1) / 2
        case "choice":
            return next(choice for choice in setting.choices if choice != value)
        case _:
            return "stage 2"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", "many"),
        ("epochs", "0"),
        ("image_size", "4000"),
        ("strategy", "magic"),
        ("lr", "-1"),
        ("augment", "perhaps"),
        ("body_lr_mult", "7"),
        ("rates.body_lr_mult", "0"),
        ("scope.count", "none"),
        ("scope.rank", "8"),
        ("pull", "magnet"),
        ("pull_strength", "-1"),
        ("pull_strength", "inf"),
        ("weights", "../../etc/passwd"),
        ("seed", "1e3"),
        ("views", "65"),
        ("cut", "deep"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_and_the_default_taken(name, value):
    fields, problems = from_link({name: value})
    assert fields == DEFAULTS
    assert len(problems) == 1
    assert name in problems[0]
    assert repr(value) in problems[0]


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_preset_goes_through_the_form_unchanged(name):
    spec = RunSpec(dataset="digits", strategy=name, epochs=8, lr=2e-3, seed=3)
    assert spec_of(fields_of(spec, GROUPS), GROUPS) == spec


def test_a_changed_axis_makes_the_strategy_custom_and_comes_back():
    fields = DEFAULTS | {"strategy": "full", "settings": {"scope.batchnorm": "trained", "rates.body_lr_mult": 0.3}}
    spec = spec_of(fields, GROUPS)
    assert spec.strategy.name == CUSTOM
    assert (spec.strategy.scope.kind, spec.strategy.scope.batchnorm, spec.strategy.rates.body_lr_mult) == (
        "all",
        "trained",
        0.3,
    )
    assert fields_of(spec, GROUPS) == fields


@pytest.mark.parametrize(
    ("strategy", "pull", "strength", "expected"),
    [
        ("full", "l2-sp", None, L2SP()),
        ("full", "l2-sp", 3.0, L2SP(strength=3)),
        ("ewc", AS_PRESET, 3.0, preset("ewc").pull.model_copy(update={"strength": 3.0})),
        ("ewc", "none", None, NoPull()),
        ("ewc", "replay", 0.5, Replay(strength=0.5)),
    ],
)
def test_a_pull_comes_back(strategy, pull, strength, expected):
    settings = {} if strength is None else {"pull.strength": strength}
    chosen = strategy_of(DEFAULTS | {"strategy": strategy, "pull": pull, "settings": settings})
    assert (chosen.name, chosen.pull) == ("custom", expected)
    spec = RunSpec(dataset="digits", strategy=chosen)
    assert strategy_of(fields_of(spec)).model_copy(update={"name": "custom"}) == chosen


def test_a_choice_that_changes_nothing_keeps_the_presets_name():
    assert strategy_of(DEFAULTS | {"strategy": "full", "settings": {"scope.batchnorm": "frozen"}}) == preset("full")


def test_custom_unfreezes_from_a_group_upwards():
    strategy = strategy_of(DEFAULTS | {"strategy": CUSTOM, "unfreeze": "stage 1"}, GROUPS)
    assert strategy.scope.trainable(GROUPS) == ("stage 1", "stage 2")


def test_a_strategy_without_controls_is_refused_with_a_way_out():
    spec = RunSpec(dataset="digits", strategy=Strategy(scope=FromGroup(group="no such group")))
    with pytest.raises(SpecError, match="no controls"):
        fields_of(spec, GROUPS)


def test_weights_outside_the_upload_folder_never_come_from_the_form():
    with pytest.raises(SpecError, match="not the name of an uploaded"):
        spec_of(DEFAULTS | {"weights": "/etc/passwd"})


def test_plans_that_cost_the_same_share_a_measurement(tmp_path):
    card = dataset_card("digits")
    spec = RunSpec(dataset="digits")
    wanted = measure_spec(spec, card)
    assert wanted is not None
    assert wanted == measure_spec(spec.model_copy(update={"seed": 5, "patience": 3}), card)
    assert wanted != measure_spec(spec.model_copy(update={"batch_size": 8}), card)
    assert find(tmp_path, wanted) is None
    run = create(tmp_path, wanted)
    found = find(tmp_path, wanted)
    assert found is not None
    assert found.id == run.id
    few = measure_spec(spec.model_copy(update={"images_per_class": 10}), card)
    assert few is not None
    assert few.train_images == 100


def test_text_from_people_is_no_markdown():
    assert plain("![x](http://a.b) $y$ :red[z]\n# <i>") == r"\!\[x\]\(http\://a\.b\) \$y\$ \:red\[z\] \# \<i\>"
