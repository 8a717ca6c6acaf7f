"""Gained and lost in words, the curve over the epochs, and what comes back: hedged wherever the interval holds nothing."""

from __future__ import annotations

import pytest

from tests.figures.forgetting_made import agreement, labelled, lost, metric, put_back
from tlcore.figures.forgetting_epochs import curve_reading, line_of, source_curve
from tlcore.figures.forgetting_lost import lost_classes, ordered
from tlcore.figures.forgetting_restore import restore, restore_reading, restore_table
from tlcore.figures.forgetting_words import (
    asked_words,
    balance_words,
    by_loss,
    gained,
    knn_words,
    lost_briefly,
    lost_words,
    over_probe_words,
    signed_points,
)
from tlcore.figures.forgetting_words import lost as told_lost
from tlcore.models.catalogue import backbone_card
from tlcore.strategies import Plan, compile_plan, preset

CHANCE = {"value": 0.11, "low": 0.08, "high": 0.14, "method": "wilson"}
NOTHING = {"value": 0.0, "low": 0.0, "high": 0.0, "method": "bootstrap"}


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (labelled(), "60.0 % before, 40.0 % (36.0 to 44.0) after, of the same 500 images: 20.0 points lost, more than noise."),
        (labelled(lost=lost(0.02)), "2.0 points less, within noise."),
        (labelled(lost=lost(-0.02)), "2.0 points more, within noise."),
        (labelled(lost=lost(-0.05)), "it knows 5.0 points more of it than before, which is more than noise."),
        (labelled(lost=NOTHING), "nothing was lost."),
        (labelled(lost=lost(0.49), after=CHANCE), "49.0 points lost. It cannot be told from chance (10.0 %) any more."),
        (labelled(lost=lost(0.49), after=CHANCE, chance=None), "49.0 points lost, more than noise."),
        (agreement(), "on 70.0 % (66.0 to 74.0) of the same 459 images it still answers as the network that it started from"),
    ],
)
def test_what_was_lost_says_whether_it_is_more_than_noise(source, words):
    assert words in lost_words(source)


def test_the_large_number_is_a_loss_and_its_interval_lies_around_it():
    title, told = told_lost(labelled())
    assert (title, told.number, told.interval) == ("Lost of the source", "20.0 points", "17.0 to 23.0")
    assert told_lost(labelled(lost=lost(0.01)))[1].interval == "−2.0 to 4.0"
    assert told_lost(labelled(lost=NOTHING))[1].number == "0.0 points"
    title, told = told_lost(labelled(lost=lost(-0.05)))
    assert (title, told.number, told.interval) == ("Gained on the source", "5.0 points", "2.0 to 8.0")
    assert [lost_briefly(lost(value)) for value in (0.36, -0.05)] == ["lost 36.0 points", "gained 5.0 points"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (labelled(), "5.0 points lost, less than its old head lost. Part of it is only no longer read."),
        (labelled(knn={"before": metric(0.5), "after": metric(0.49), "lost": lost(0.01)}), "what went is the way that the old"),
        (labelled(knn={"before": metric(0.5), "after": metric(0.3), "lost": lost(0.2)}), "the features themselves know less"),
        (labelled(knn={"before": metric(0.5), "after": metric(0.6), "lost": lost(-0.1)}), "apart better than before"),
        (labelled(lost=NOTHING, knn={"before": metric(0.5), "after": metric(0.5), "lost": NOTHING}), "within noise."),
    ],
)
def test_the_features_tell_whether_it_is_gone_or_only_not_read(source, words):
    assert words in knn_words(source)
    assert knn_words(agreement()) == ""


def test_gained_is_over_the_largest_class():
    told = gained(metric(0.948, 0.02), 0.62, 653)
    assert (told.number, told.interval) == ("+32.8 points", "+30.8 to +34.8")
    assert "so it is 32.8 points better." in told.sentence
    assert "nothing shows that anything was gained" in gained(metric(0.63), 0.62, 653).sentence
    assert "20.0 points worse" in gained(metric(0.42), 0.62, 653).sentence
    assert gained({"value": None}, None, 0).number == "not defined"


def test_against_a_probe_it_is_hedged():
    assert over_probe_words(lost(0.05), "a linear probe") == (
        "Against a linear probe on the same test images: +5.0 points (+2.0 to +8.0)."
    )
    assert over_probe_words(lost(0.02), "it").endswith("within noise.")
    assert over_probe_words(None, "it") == ""
    assert balance_words(lost(0.05), lost(0.20)) == (
        "Each point gained over the frozen backbone cost 4.0 points of the source."
    )
    assert balance_words(lost(0.02), lost(0.20)) == (
        "Moving the backbone cost 20.0 points of the source, and gained nothing that is more than noise."
    )
    assert balance_words(lost(-0.08), lost(0.20)) == (
        "Moving the backbone cost 20.0 points of the source and 8.0 points of the target."
    )
    assert balance_words(lost(0.05), lost(0.01)) == balance_words(None, lost(0.20)) == ""


def test_signs_are_signs_and_nothing_has_none():
    assert [signed_points(value) for value in (0.0, 0.01, -0.01, -0.0001)] == [
        "0.0 points",
        "+1.0 point",
        "−1.0 point",
        "0.0 points",
    ]


def test_the_source_that_lost_most_stands_first():
    sources = {"imagenet-cifar10": labelled(), "natural-photos": agreement()}  # 20 and 30 points
    assert by_loss(sources) == ["natural-photos", "imagenet-cifar10"]
    assert by_loss(sources | {"natural-photos": agreement(lost=lost(-0.5))}) == ["imagenet-cifar10", "natural-photos"]
    assert by_loss(sources | {"natural-photos": {"why": "No source head.", "measure": "accuracy"}}) == ["imagenet-cifar10"]
    assert by_loss({}) == []


def test_the_curve_starts_before_training():
    assert line_of(labelled()) == [0.60, 0.52, 0.40]
    chart, reading = source_curve({"imagenet-cifar10": labelled()}, [{"epoch": 0, "val": {"accuracy": 0.9}}])
    assert list(chart.data[0].y) == pytest.approx([60, 52, 40])
    assert (list(chart.data[1].x), list(chart.data[1].y)) == ([1], [90])
    assert "from 60.0 % before training to 40.0 % after the last epoch; the first epoch alone took 8.0 points." in reading
    assert source_curve({"a": labelled(by_epoch=[])}, [])[0] is None


def test_the_curve_is_read_of_the_source_that_was_chosen():
    both = {"imagenet-cifar10": labelled(), "natural-photos": agreement()}
    epochs = [{"epoch": 0, "val": {"accuracy": 0.9}}]
    chart, reading = source_curve(both, epochs, "imagenet-cifar10")
    assert reading.startswith("ImageNet, on CIFAR-10: from 60.0 %")
    assert chart.layout.yaxis.title.text == "Share of images (%)"
    assert source_curve(both, epochs, "natural-photos")[1].startswith("Natural photographs: from 100.0 %")
    assert source_curve(both, epochs)[1].startswith("Natural photographs")  # it lost most
    alone = both | {"natural-photos": agreement(by_epoch=[])}
    assert source_curve(alone, epochs, "natural-photos")[1].startswith("Natural photographs was not asked between the epochs.")


def test_where_an_earlier_epoch_was_kept_the_curve_says_so():
    epochs = [{"epoch": at, "val": {"accuracy": 0.9}, "best": at == 0} for at in range(2)]
    chart, reading = source_curve({"imagenet-cifar10": labelled()}, epochs)
    assert reading.endswith("The run kept the weights of epoch 1 (dotted), which know 52.0 %: the loss above is theirs.")
    assert [line.x0 for line in chart.layout.shapes if line.type == "line" and line.x0 == line.x1] == [1]
    epochs[1]["best"] = True
    assert "kept the weights" not in source_curve({"imagenet-cifar10": labelled()}, epochs)[1]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([0.6, 0.6], "and never below the start."),
        ([0.5, 0.6], "the first epoch alone took 10.0 points, and 10.0 points came back after the lowest."),
        ([0.5], "from 60.0 % before training to 50.0 % after the last epoch."),
        ([0.61, 0.5], "the first epoch took nothing."),
        ([0.57, 0.5], "the first epoch alone took 3.0 points, within noise."),  # ± 4.3 points of 500 images
        ([0.4, 0.43], "the first epoch alone took 20.0 points."),  # that 3 points came back is within noise
        ([0.3, 0.4], "the first epoch alone took 30.0 points, and 10.0 points came back after the lowest."),
    ],
)
def test_the_curve_is_read(values, words):
    assert words in curve_reading(labelled(by_epoch=values))
    hedged = curve_reading(labelled(by_epoch=values, lost=lost(0.01)))
    assert "within noise" in hedged or "never below" in hedged


def test_what_brings_most_back_is_named_and_what_is_noise_is_said():
    sentences = restore_reading(labelled())
    assert sentences[0] == (
        "The old weights of stage 2 bring the most back: 12.0 points (9.0 to 15.0) of the 20.0 points lost, and the target "
        "pays 24.0 points (21.0 to 27.0)."
    )
    assert sentences[1] == (
        "The old BatchNorm statistics alone, no weight touched: 16.0 points (13.0 to 19.0) of the 20.0 points lost, and the "
        "target pays nothing that is more than noise: 2.0 points (−1.0 to 5.0)."
    )
    small = {"stem": put_back(0.02, 0.1), "batchnorm": put_back(-0.01, None)}
    assert restore_reading(labelled(restore=small)) == [
        "No single group brings back more than noise: what is forgotten does not sit in one place.",
        "The old BatchNorm statistics alone bring nothing back that is more than noise: −1.0 point (−4.0 to 2.0).",
    ]
    assert "itself within noise" in restore_reading(labelled(restore=small, lost=lost(0.01)))[0]
    still = labelled(restore={"stem": put_back(0.1, None)}, why={"batchnorm": "BatchNorm kept still in this run."})
    assert restore_reading(still)[1] == "BatchNorm kept still in this run."


def test_the_figure_of_what_comes_back_stands_on_the_stack():
    card = backbone_card("tf_efficientnet_lite0")
    plan: Plan = compile_plan(preset("last-group"), card.groups_with_head(2), epochs=1, lr=1e-3)
    names = [group.name for group in card.groups]
    restored = {name: put_back(0.1, 0.05) for name in [*names, "head"]}
    chart, _ = restore(labelled(restore=restored | {"batchnorm": put_back(0.1, 0.05)}), plan)
    assert len(chart.data[0].y) == len(names) + 1  # the head is the target's own
    assert (chart.data[0].y[0], chart.data[1].y[0]) == pytest.approx((10, -5))
    assert chart.layout.xaxis.ticktext[-1] == "BatchNorm<br>statistics"
    assert [row["put back"] for row in restore_table(labelled())][-1] == "BatchNorm statistics"
    assert restore(labelled(restore={}))[0] is None


def test_classes_are_told_from_what_lost_most_down():
    chart, reading = lost_classes(labelled())
    assert [one["name"] for one in ordered(labelled())] == ["cat", "dog", "frog"]
    assert "cat lost the most: 40 points, from 60 % to 20 % of its 50 images. frog gained 20 points." in reading
    assert "by up to 20 points by chance alone" in reading  # 1.96 sqrt(.25/50 + .25/50)
    assert list(chart.layout.yaxis.ticktext) == ["cat", "dog", "frog"]
    assert lost_classes(agreement())[0] is None


def test_what_asking_took_is_told() -> None:
    told = asked_words({"source_seconds": 6.0, "seconds": 120.0})
    assert told == "Asking what it still knows took 6.0 s, 5 % of the run's 2 min."
    assert asked_words({"seconds": 120.0}) == asked_words({"source_seconds": 0.0, "seconds": 120.0}) == ""
