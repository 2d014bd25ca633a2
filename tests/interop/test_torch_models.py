"""Models of torch read into networks, and measured beside the prediction."""

from __future__ import annotations

import importlib.util
import math
import os
from typing import Any

import pytest

import varprop as vp
from varprop.errors import ExpressionError, ParameterError

if importlib.util.find_spec("torch") is None and not os.environ.get("VARPROP_FRAMEWORKS"):
    pytest.skip("torch is not installed", allow_module_level=True)

import torch
from torch import nn

from varprop.interop.torch_reading import Segment


def he(layer: Any) -> Any:
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return layer


def mlp() -> nn.Module:
    return nn.Sequential(
        he(nn.Linear(32, 128)), nn.ReLU(), he(nn.Linear(128, 128)), nn.ReLU(), he(nn.Linear(128, 8))
    )


class PreActivation(nn.Module):
    """x + W relu(V relu(x))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = he(nn.Linear(width, width)), he(nn.Linear(width, width))

    def forward(self, x: Any) -> Any:
        return x + self.second(torch.relu(self.first(torch.relu(x))))


class Projected(nn.Module):
    """A sum of two branches."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = (
            he(nn.Linear(16, 16)),
            he(nn.Linear(16, 16)),
            he(nn.Linear(16, 4)),
        )

    def forward(self, x: Any) -> Any:
        return self.last(self.first(x) + self.second(torch.relu(x)))


class Branching(nn.Module):
    def forward(self, x: Any) -> Any:
        return x if x.sum() > 0 else -x


def test_a_plain_model_is_one_network() -> None:
    reading = vp.read(mlp, 32)
    assert str(reading.network) == "Network([Dense(128), relu, Dense(128), relu, Dense(8)], fan_in=32)"
    assert [layer.weights.variance for layer in reading.network.layers[::2]] == [
        vp.parse_scalar(text) for text in ("2/32", "2/128", "2/128")
    ]
    assert reading.unsupported == ()
    (segment,) = reading.parts
    assert isinstance(segment, Segment)
    assert [place.path for place in segment.places] == [(1,), (2,), (3,), (4,), (5,)]


def test_the_default_of_linear_layers() -> None:
    (dense,) = vp.read(nn.Linear(64, 256), 64).network.layers
    assert dense.weights.variance == dense.bias.variance == vp.parse_scalar("1/192")
    assert dense.weights.support == (-vp.parse_scalar("1/8"), vp.parse_scalar("1/8"))


def test_every_layer_is_predicted_and_measured() -> None:
    torch.manual_seed(0)
    compared = vp.compare(vp.read(mlp, 32), models=48, batch=32, seed=1)
    assert [line.operation.split("(")[0] for line in compared] == [
        "input",
        "Linear",
        "ReLU",
        "Linear",
        "ReLU",
        "Linear",
    ]
    for line in compared:
        assert line.kind in ("exact", "input")
        assert abs(line.deviation) < 5
        assert abs(line.gradient - line.measured_gradient) < 5 * line.gradient_error
    assert [round(line.predicted, 6) for line in compared] == [1, 2, 1, 2, 1, 2]


def test_models_given_ready_made_are_drawn_anew() -> None:
    torch.manual_seed(0)
    ready = mlp()
    before = ready[0].weight.clone()
    compared = vp.compare(vp.read(ready, 32), models=24, batch=16)
    assert all(abs(line.deviation) < 5 for line in compared)
    assert torch.equal(before, ready[0].weight)


class Plain(nn.Module):
    """A plain convolutional network with He's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            he(nn.Conv2d(3, 16, 3, padding=1)),
            nn.ReLU(),
            he(nn.Conv2d(16, 16, 3, padding=1)),
            nn.ReLU(),
        )
        self.head = he(nn.Linear(16 * 64, 10))

    def forward(self, x: Any) -> Any:
        return self.head(torch.flatten(self.features(x), 1))


def test_every_layer_of_a_plain_convolutional_network() -> None:
    torch.manual_seed(0)
    compared = vp.compare(vp.read(Plain, (3, 8, 8)), input="Uniform(0, 1)", models=48, batch=8)
    assert len(compared.lines) == 7
    assert compared.unsupported == ()
    for line in compared:
        assert abs(line.deviation) < 6, line
        assert abs(line.gradient - line.measured_gradient) < 6 * line.gradient_error + 0.02 * line.gradient


def test_a_pre_activation_residual_network() -> None:
    torch.manual_seed(0)

    def build() -> nn.Module:
        blocks = [PreActivation(64) for _ in range(3)]
        return nn.Sequential(he(nn.Linear(32, 64)), *blocks, nn.ReLU(), he(nn.Linear(64, 8)))

    compared = vp.compare(vp.read(build, 32), models=48, batch=16)
    assert compared.unsupported == ()
    for line in compared:
        assert abs(line.deviation) < 6, line


def pooled(*after: nn.Module) -> nn.Module:
    head = [nn.Flatten(), he(nn.Linear(4 * 16, 8))]
    return nn.Sequential(he(nn.Conv2d(1, 4, 3, padding=1)), nn.ReLU(), nn.AvgPool2d(2), *after, *head)


def test_a_pool_behind_a_convolution_is_predicted() -> None:
    torch.manual_seed(0)
    compared = vp.compare(vp.read(pooled, (1, 8, 8)), models=32, batch=8)
    assert compared.unsupported == ()
    assert [line.kind.split(",")[0] for line in compared][-3:] == ["limit"] * 3
    assert all(abs(line.deviation) < 6 for line in compared)


def test_what_cannot_be_predicted_is_a_new_start() -> None:
    torch.manual_seed(0)
    compared = vp.compare(vp.read(lambda: pooled(nn.ReLU()), (1, 8, 8)), models=32, batch=8)
    assert [line.kind.split()[0] for line in compared][-3:] == ["its", "restarted", "restarted"]
    assert abs(compared["_5"].deviation) < 6
    assert compared.unsupported[0].node == "_3"


def test_gradients_start_from_what_is_measured_at_an_operation_that_is_not_read() -> None:
    torch.manual_seed(0)

    def build() -> nn.Module:
        return nn.Sequential(he(nn.Linear(16, 64)), nn.ReLU(), he(nn.Linear(64, 64)), nn.Softmax(1))

    compared = vp.compare(vp.read(build, 16), models=64, batch=16)
    first, *_, last, unread = compared
    assert math.isnan(unread.gradient)
    assert last.gradient == pytest.approx(last.measured_gradient)
    assert first.gradient == pytest.approx(last.gradient * 2 * 64 / 16 * (1 - 0.5**64))
    for line in list(compared)[:-1]:
        assert abs(line.gradient - line.measured_gradient) < 6 * line.gradient_error


def test_gradients_that_come_back_to_active_units_only_are_not_halved_again() -> None:
    torch.manual_seed(0)

    def build() -> nn.Module:
        hidden = [he(nn.Linear(16, 64)), nn.ReLU(), he(nn.Linear(64, 64)), nn.ReLU()]
        return nn.Sequential(*hidden, nn.Softmax(1), he(nn.Linear(64, 8)))

    compared = vp.compare(vp.read(build, 16), models=64, batch=16)
    assert math.isnan(compared["_3"].gradient)
    assert compared["_2"].gradient == pytest.approx(compared["_2"].measured_gradient)
    for line in list(compared)[:3]:
        assert abs(line.gradient - line.measured_gradient) < 4 * line.gradient_error
    alone = vp.compare(vp.read(lambda: nn.Sequential(nn.ReLU(), nn.Softmax(1)), 16), models=2)
    assert all(math.isnan(line.gradient) for line in alone)


def test_operations_in_place_do_not_overwrite_what_is_measured() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(he(nn.Linear(16, 32)), nn.ReLU(inplace=True), he(nn.Linear(32, 4)))
    first, second = list(vp.compare(vp.read(model, 16), models=24))[1:3]
    assert 1.5 < first.measured / second.measured < 2.5


def test_a_skip_connection_is_a_residual() -> None:
    torch.manual_seed(0)
    reading = vp.read(lambda: nn.Sequential(he(nn.Linear(16, 32)), PreActivation(32), PreActivation(32)), 16)
    assert [type(layer).__name__ for layer in reading.network.layers] == ["Dense", "Residual", "Residual"]
    assert str(reading.network.layers[1]) == "Residual([relu, Dense(32), relu, Dense(32)])"


class Weighted(nn.Module):
    """A skip connection whose branch has a factor."""

    def __init__(self, combine: Any) -> None:
        super().__init__()
        self.first, self.second = he(nn.Linear(16, 32)), he(nn.Linear(32, 32))
        self.combine = combine

    def forward(self, x: Any) -> Any:
        h = self.first(x)
        return self.combine(h, self.second(torch.relu(h)))


@pytest.mark.parametrize(
    ("combine", "multiplier"),
    [
        (torch.add, "1"),
        (lambda h, branch: branch + h, "1"),
        (lambda h, branch: torch.add(h, branch, alpha=0.5), "1/2"),
        (lambda h, branch: h - branch, "-1"),
        (lambda h, branch: torch.sub(h, branch, alpha=2), "-2"),
    ],
)
def test_a_branch_keeps_its_factor(combine: Any, multiplier: str) -> None:
    torch.manual_seed(0)
    reading = vp.read(lambda: Weighted(combine), 16)
    assert reading.network.layers[1].multiplier == vp.parse_scalar(multiplier)
    last = list(vp.compare(reading, models=64, batch=16))[-1]
    assert last.predicted == pytest.approx(2 + 2 * float(vp.parse_scalar(multiplier)) ** 2)
    assert abs(last.deviation) < 5


def test_a_factor_on_the_skip_is_not_taken_for_one_on_the_branch() -> None:
    (unread,) = vp.read(lambda: Weighted(lambda h, branch: branch - h), 16).unsupported
    assert unread.why == "a sum of two branches is not read"


def test_what_is_not_read_is_listed_and_the_rest_starts_again() -> None:
    torch.manual_seed(0)
    reading = vp.read(Projected, 16)
    (unread,) = reading.unsupported
    assert (unread.node, unread.why) == ("add", "a sum of two branches is not read")
    with pytest.raises(ExpressionError, match="a sum of two branches"):
        reading.network
    compared = vp.compare(reading, models=32)
    assert math.isnan(compared["add"].predicted)
    assert compared["last"].kind == "restarted"
    assert abs(compared["last"].deviation) < 6
    assert "Not read: add" in compared.to_text(200)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (nn.Sequential(nn.Linear(4, 4), nn.Softmax(1)), "Softmax is not read"),
        (nn.BatchNorm1d(4), "batch_norm="),
        (nn.MaxPool1d(2), "MaxPool1d is not read"),
    ],
)
def test_other_operations_are_not_guessed(module: nn.Module, told: str) -> None:
    assert told in str(
        vp.read(module, (4,) if not isinstance(module, nn.MaxPool1d) else (2, 4)).unsupported[0]
    )


def test_batch_normalization_by_its_mode() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU()).eval()
    assert vp.read(model, 8, batch_norm="running").unsupported == ()
    assert "statistics of a batch" in vp.read(model, 8, batch_norm="batch").unsupported[0].why
    model[1].running_mean += 1
    with pytest.raises(ParameterError, match="have moved"):
        vp.read(model, 8, batch_norm="running")


def test_models_without_usable_numbers_are_refused() -> None:
    broken = nn.Linear(8, 8)
    with torch.no_grad():
        broken.weight[0, 0] = math.nan
    with pytest.raises(ParameterError, match="no known initializer"):
        vp.read(broken, 8)
    for model in (nn.Linear(8, 8).half(), nn.Linear(8, 8).double(), nn.Linear(8, 8, device="meta")):
        with pytest.raises(ParameterError, match=r"model\.float\(\)\.cpu\(\)"):
            vp.read(model, 8)
    with pytest.raises(ParameterError, match="lambda"):
        vp.read(nn.Linear, 8)


def test_data_dependent_control_flow_is_refused() -> None:
    with pytest.raises(ExpressionError, match="control flow depends on data"):
        vp.read(Branching(), 4)


def test_trained_weights_are_refused() -> None:
    torch.manual_seed(0)
    model = nn.Linear(32, 32)
    with torch.no_grad():
        model.weight += 0.1
    with pytest.raises(ParameterError, match="no known initializer"):
        vp.read(model, 32)
    gain = nn.Sequential(nn.LayerNorm(8))
    with torch.no_grad():
        gain[0].weight += 1
    with pytest.raises(ParameterError, match="not 1 throughout"):
        vp.read(gain, 8)


@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (None, 4),
        (3, 4),
        (lambda: 3, 4),
        *((nn.Linear(4, 4), shape) for shape in (5, (), -4, 0, 4.0, True, "4", (4.0,), None)),
    ],
)
def test_bad_input_is_refused(model: Any, shape: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ParameterError):
        vp.read(model, shape)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("more", [{"models": 1}, {"models": 2.5}, {"batch": 0}, {"input": "Nrml()"}])
def test_bad_measurements_are_refused(more: dict[str, Any]) -> None:
    with pytest.raises(vp.VarpropError):
        vp.compare(vp.read(nn.Linear(4, 4), 4), **more)
