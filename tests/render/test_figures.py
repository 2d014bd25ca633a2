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


def test_one_series_needs_no_legend():
    [panel] = figure_of([Plot([Series("alone", [0, 1], [1, 2])], "t")]).axes
    assert panel.get_legend() is None
    assert panel.get_yscale() == "linear"


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ParameterError, match=r"varprop\[plots\]"):
        figure_of([Plot([Series("a", [0, 1], [1, 2])], "t")])
