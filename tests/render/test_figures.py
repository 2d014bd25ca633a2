"""Plots as figures: what is drawn is what the plot holds."""

import sys

import numpy as np
import pytest

from varprop import ParameterError
from varprop.render import Plot, Series
from varprop.render.figures import figure_of


def test_a_figure_holds_the_finite_points_of_every_series():
    first = Series("typical", [1, 2, 3], [1, 0.1, float("nan")])
    plot = Plot([first, Series("mean", [1, 3], [2, 1])], "norm", "layer", "size", log_y=True)
    [panel] = figure_of([plot]).axes
    drawn = [np.asarray(line.get_data()).T.tolist() for line in panel.lines]
    assert drawn == [[[1, 1], [2, 0.1]], [[1, 2], [3, 1]]]
    assert panel.get_yscale() == "log"
    assert (panel.get_title(), panel.get_xlabel(), panel.get_ylabel()) == ("norm", "layer", "size")
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["typical", "mean"]


def test_a_point_that_cannot_be_drawn_is_a_gap_and_a_series_without_a_name_looks_like_the_one_before():
    broken = Series("a", [0, 1, 2, 3, 4], [1, float("inf"), 3, -1, 5])
    plot = Plot([broken, Series("", [0, 1], [2, 2]), Series("b", [0, 1], [1, 1])], log_y=True)
    [panel] = figure_of([plot]).axes
    x, y = panel.lines[0].get_data()
    np.testing.assert_array_equal(x, [0, np.nan, 2, np.nan, 4])
    np.testing.assert_array_equal(y, [1, np.nan, 3, np.nan, 5])
    looks = [(line.get_color(), line.get_linestyle()) for line in panel.lines]
    assert looks[0] == looks[1] != looks[2]
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["a", "b"]


def test_one_series_needs_no_legend():
    [panel] = figure_of([Plot([Series("alone", [0, 1], [1, 2])], "t")]).axes
    assert panel.get_legend() is None
    assert panel.get_yscale() == "linear"


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ParameterError, match=r"varprop\[plots\]"):
        figure_of([Plot([Series("a", [0, 1], [1, 2])], "t")])
