import pytest

from tlcore.compare.spec import CompareSpec
from tlcore.errors import SpecError, UnknownName
from tlcore.figures.words import strategy_title
from tlcore.spec import RunSpec
from tlcore.strategies import STRATEGIES, preset
from tlcore.strategies.variant import base_of, sweep, variant


def test_a_name_alone_is_its_preset():
    assert variant("ewc") == preset("ewc")


def test_settings_come_after_the_name_and_make_a_name_of_its_own():
    made = variant("full: rates.body_lr_mult = 0.01 : scope.batchnorm=trained")
    assert made.rates.body_lr_mult == 0.01
    assert made.scope.batchnorm == "trained"
    assert made.name == "full-batchnorm-trained-body-lr-mult-0-01"
    assert made.model_copy(update={"name": "full", "rates": preset("full").rates, "scope": preset("full").scope}) == preset(
        "full"
    )


def test_what_changes_nothing_is_the_preset_itself():
    strength = preset("ewc").pull.strength
    assert variant(f"ewc:pull.strength={strength}") == preset("ewc")


def test_values_that_mean_the_same_have_one_name():
    assert variant("ewc:pull.strength=7") == variant("ewc:pull.strength=7.0")


def test_a_long_name_stays_within_what_a_name_may_be_and_apart_from_others():
    long = [
        variant(f"layer-wise-decay:rates.decay=0.{digit}:scope.batchnorm=trained:rates.schedule=constant") for digit in "56"
    ]
    assert all(len(one.name) <= 41 for one in long)
    assert long[0].name != long[1].name


@pytest.mark.parametrize("text", ["full:", "full:scope.batchnorm", "full:rates.body_lr_mult=7", "full:rates.body_lr_mult=fast"])
def test_a_wrong_value_is_refused_in_words(text):
    with pytest.raises(SpecError) as refusal:
        variant(text)
    assert refusal.value.next_step


@pytest.mark.parametrize("text", ["fool", "full:pull.strength=1"])
def test_an_unknown_name_is_refused_with_those_there_are(text):
    with pytest.raises(UnknownName):
        variant(text)


def test_a_sweep_is_a_variant_for_each_value_in_their_order():
    found = sweep("l2-sp", "pull.strength", ["0.001", "0.1", "0.1"])
    assert [one.pull.strength for one in found] == [0.001, 0.1]


def test_its_base_is_found_again():
    assert all(base_of(entry.strategy) == name for name, entry in STRATEGIES.items())
    assert base_of(variant("full:scope.batchnorm=trained")) == "full"
    assert base_of(preset("recipe-b").model_copy(update={"name": "recipe-b-as-set"})) is None  # nothing of it was changed
    assert base_of(preset("full").model_copy(update={"name": "mine"})) is None


def test_a_comparison_takes_variants_and_runs_them_with_what_their_preset_is_meant_with():
    spec = CompareSpec(
        datasets=["digits"],
        strategies=["linear-probe", "recipe-b", "recipe-b:phases.lr_mult=0.5"],
        run=RunSpec(dataset="digits"),
    )
    assert spec.names == ("linear-probe", "recipe-b", "recipe-b-lr-mult-0-5")
    assert spec.own("recipe-b-lr-mult-0-5") == spec.own("recipe-b") != {}


def test_its_title_says_what_was_changed():
    titles = [strategy_title(one) for one in sweep("ewc", "pull.strength", ["1", "10"])]
    assert len(set(titles)) == 2
    assert all("EWC" in title for title in titles)
