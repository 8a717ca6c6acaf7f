import pytest

from tlcore.figures import words
from tlcore.figures.palette import heat, rgba, slab
from tlcore.figures.plan_words import plan_sentence
from tlcore.groups import Group
from tlcore.spec import RunSpec
from tlcore.strategies import STRATEGIES, Strategy, compile_plan, preset
from tlcore.strategies.scope import FromGroup
from tlcore.strategies.settings import with_settings

GROUPS = (
    Group("stem", "bottom", 1000),
    Group("stage 1", "middle", 2000, 2),
    Group("stage 2", "top", 6500, 2),
    Group("head", "head", 500),
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (words.percent(0.9483), "94.8 %"),
        (words.percent(0.99996), "above 99.9 %"),
        (words.percent(1.0), "100.0 %"),
        (words.percent(0.0001), "below 0.1 %"),
        (words.percent(0.0), "0.0 %"),
        (words.percent(None), "not defined"),
        (words.decimal(0.98712), "0.987"),
        (words.decimal(0.99996), "above 0.999"),
        (words.decimal(1.0), "1.000"),
        (words.measured("accuracy", 0.9483), "94.8 %"),
        (words.measured("auroc", 0.9483), "0.948"),
        (words.measured_interval("auroc", {"value": 0.987, "low": 0.98, "high": 0.9931}), "0.987 (0.980 to 0.993)"),
        (words.measured_interval("auroc", {"value": None, "low": None, "high": None}), "not defined"),
        (words.measured_interval("auroc", {"value": 0.9998, "low": 0.9996, "high": 1.0}), "above 0.999 (0.999 to 1.000)"),
        (words.apart("auroc", -0.0213), "0.021"),
        (words.points(-0.021), "2.1 points"),
        (words.points(0.01), "1.0 point"),
        (words.interval({"value": 0.948, "low": 0.929, "high": 0.965}), "94.8 % (92.9 to 96.5)"),
        (words.interval({"value": None}), "not defined"),
        (words.short_count(3_412_345), "3.41 M"),
        (words.short_count(999_600), "1 M"),
        (words.short_count(2562), "2.56 k"),
        (words.short_count(12), "12"),
        (words.memory(1.24e9), "1.2 GB"),
        (words.memory(345e6), "345 MB"),
        (words.duration(4.04), "4.0 s"),
        (words.duration(59.7), "1 min"),
        (words.duration(75), "1 min 15 s"),
        (words.duration(3700), "1 h 2 min"),
        (words.rate(1e-3), "1e-3"),
        (words.rate(3.8461e-4), "3.8e-4"),
        (words.rate(None), "frozen"),
        (words.listing(["a", "b", "c"]), "a, b and c"),
        (words.times(1, "epoch"), "1 epoch"),
    ],
)
def test_numbers_in_words(said, expected):
    assert said == expected


def test_every_preset_has_its_own_title_and_changes_are_named():
    assert [words.strategy_title(known.strategy) for known in STRATEGIES.values()] == [k.title for k in STRATEGIES.values()]
    full = preset("full")
    trained = full.scope.model_copy(update={"batchnorm": "trained"})
    changed = full.model_copy(update={"name": "custom", "scope": trained})
    assert words.strategy_title(changed) == "Full fine-tuning, BatchNorm trained"
    assert words.strategy_title(Strategy(scope=FromGroup(group="stage 3"))) == "From stage 3 up"


@pytest.mark.parametrize(
    ("name", "changes", "title"),
    [
        ("gradual", {"phases.until": "stalled", "phases.patience": 4}, ", a phase lasts until stalled, patience 4"),
        ("ulmfit", {"rates.factor": 4}, ", factor 4"),
        ("layer-wise-decay", {"rates.decay": 0.5}, ", decay 0.5"),
        ("recipe-b", {"rates.top": 0.2, "rates.schedule": "cosine"}, ", rate of the top groups 0.2, cosine schedule"),
    ],
)
def test_a_changed_setting_is_named_after_the_nearest_preset(name, changes, title):
    assert words.strategy_title(with_settings(preset(name), changes)) == STRATEGIES[name].title + title


@pytest.mark.parametrize(
    ("rate", "expected"), [(None, None), (1e-3, 1.0), (1e-6, 0.0), (1e-9, 0.0), (1e-4, pytest.approx(2 / 3))]
)
def test_heat_is_logarithmic_over_three_decades(rate, expected):
    assert heat(rate, 1e-3) == expected


def test_slabs_are_ice_when_frozen_and_warm_when_not():
    assert slab(None, 1e-3) == "rgba(58,134,200,0.22)"
    assert slab(1e-3, 1e-3) == "rgba(224,103,15,0.62)"
    assert rgba("#ff0080", 0.5) == "rgba(255,0,128,0.50)"


def last_with_trained_batchnorm() -> Strategy:
    known = preset("last-group")
    return known.model_copy(update={"scope": known.scope.model_copy(update={"batchnorm": "trained"})})


def test_a_plan_in_words_counts_what_moves():
    last = compile_plan(preset("last-group"), GROUPS, epochs=3, lr=1e-3)
    assert plan_sentence(last) == (
        "The head and stage 2 train; 2 groups stay frozen. 7,000 of 10,000 parameters move (70.0 %). 3 epochs in 1 phase."
        " BatchNorm keeps its pretrained mean and variance everywhere."
    )
    strategy = last_with_trained_batchnorm()
    assert plan_sentence(compile_plan(strategy, GROUPS, epochs=3, lr=1e-3)).endswith(
        " BatchNorm's mean and variance follow the new images in stage 2, and are fixed elsewhere."
    )
    probe = compile_plan(preset("linear-probe"), GROUPS, epochs=1, lr=1e-3)
    assert plan_sentence(probe).startswith("Only the head trains; all 3 groups of the backbone stay frozen. 500 of 10,000")
    slow = plan_sentence(compile_plan(preset("discriminative"), GROUPS, epochs=1, lr=1e-3))
    assert slow.startswith("Everything trains. All 10,000 parameters move.")
    assert "from 5.7e-5 to 3.8e-4" in slow  # 1e-3 / 2.6³ and 1e-3 / 2.6


def test_settings_say_what_tells_runs_apart():
    assert words.settings(RunSpec(dataset="digits", epochs=1)) == "1 epoch, 128 px, all images, seed 0"
    spec = RunSpec(dataset="digits", images_per_class=1200, image_size=64, seed=3, lr=3e-3, augment=False, precision="float32")
    assert words.settings(spec, " · ") == "5 epochs · 64 px · 1,200 per class · seed 3 · rate 3e-3 · no augmentation · float32"
