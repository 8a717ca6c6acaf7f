"""A map over its picture: what each pixel becomes, on one scale, and the file that a person takes away."""

import io

import numpy as np
import pytest
from PIL import Image

from tlcore.figures.explain_overlay import EVIDENCE, SIGNED, colours, exported, legend_words, overlay

GRAY = np.full((4, 4, 3), 100, np.uint8)


def test_no_evidence_leaves_the_picture_and_the_strongest_has_the_scales_last_colour():
    values = np.zeros((4, 4))
    values[0, 0], values[1, 1] = 2.0, 9.0  # the second is beyond the scale
    drawn = overlay(GRAY, values, scale=2.0, strength=1.0)
    assert drawn[0, 0].tolist() == drawn[1, 1].tolist() == colours(EVIDENCE)[255].tolist()
    assert (drawn[2:] == GRAY[2:]).all()


def test_half_the_scale_covers_half_as_much():
    drawn = overlay(GRAY, np.full((4, 4), 1.0), scale=2.0, strength=0.8)
    middle = colours(EVIDENCE)[128].astype(float)
    assert np.allclose(drawn[0, 0], np.rint(100 * 0.6 + middle * 0.4), atol=1)


def test_one_map_is_drawn_alike_whatever_stands_beside_it():
    weak = np.full((4, 4), 0.1)
    assert (overlay(GRAY, weak, scale=1.0) != overlay(GRAY, weak, scale=0.1)).any()
    assert (overlay(GRAY, weak, scale=0.0) == GRAY).all()  # nothing on that scale has evidence


def test_what_speaks_against_is_drawn_where_the_method_says_so():
    values = np.array([[-1.0, 1.0], [0.0, 0.0]])
    picture = GRAY[:2, :2]
    drawn = overlay(picture, values, scale=1.0, strength=1.0, signed=True)
    assert drawn[0, 0].tolist() == colours(SIGNED)[0].tolist()
    assert drawn[0, 1].tolist() == colours(SIGNED)[255].tolist()
    assert (drawn[1] == picture[1]).all()
    assert (overlay(picture, values, scale=1.0, strength=1.0)[0, 0] == picture[0, 0]).all()


def test_the_scales_get_lighter_evenly():
    red, green, blue = colours(EVIDENCE).astype(float).T
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert (np.diff(luminance) > -0.5).all()


@pytest.mark.parametrize("signed", [False, True])
def test_the_export_has_the_picture_its_words_and_its_provenance(signed):
    content = exported(
        GRAY, scale=1.5, signed=signed, lines=["Run 1234: pneumonia", "w" * 300 + "\nnext"], provenance="run 1234, Grad-CAM"
    )
    picture = Image.open(io.BytesIO(content))
    assert picture.text["Description"] == "run 1234, Grad-CAM"
    assert picture.width == 512  # 4 pixels, enlarged 128 times
    assert picture.height > 512 + 60
    assert (np.asarray(picture)[:512] == 100).all()
    assert legend_words(1.5, signed=signed)[1].startswith("1.5")
