"""What the graph of a model hides: shared weights, hooks, operations in place, sizes, where it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import varprop as vp  # noqa: E402
from varprop.errors import ExpressionError, ParameterError  # noqa: E402


class Written(nn.Module):
    """Two layers, and what is made of them."""

    def __init__(self, forward: Callable[[Any, Any], Any], size: int = 16) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(16, 16), nn.Linear(16, size)
        self.inplace = nn.ReLU(inplace=True)
        self.register_buffer("fixed", torch.ones(2, 3))
        self.written = forward

    def forward(self, x: Any) -> Any:
        return self.written(self, x)


def skip(change: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """h + second(change(h))"""

    def forward(model: Any, x: Any) -> Any:
        h = model.first(x)
        return h + model.second(change(model, h))

    return forward


def twice(model: Any, x: Any) -> Any:
    return x - model.first(model.first(x))


def dead(model: Any, x: Any) -> Any:
    h = model.first(x)
    h.view(-1).relu_()
    return model.second(h)


def tied() -> nn.Module:
    model = Written(skip(lambda model, h: torch.relu(h)))
    model.second.weight = model.first.weight
    return model


def hooked() -> nn.Module:
    model = Written(lambda model, x: model.first(x))
    model.first.register_forward_hook(lambda module, given, result: 3 * result)
    return model


@pytest.mark.parametrize(
    ("build", "node", "why"),
    [
        (lambda: Written(twice), "sub", "its weights are those of first"),
        (tied, "add", "its weights are those of first"),
        (hooked, "first", "its hooks are not read"),
        (lambda: Written(skip(lambda model, h: h.relu_())), "add", "changed in place"),
        (lambda: Written(skip(lambda model, h: model.inplace(h))), "add", "changed in place"),
        (lambda: Written(dead), "second", "changed in place"),
        (lambda: Written(skip(lambda model, h: h), size=1), "add", "the sum needs 16 units"),
        (
            lambda: Written(lambda model, x: torch.cat([x, model.first(x), model.fixed], 1)),
            "cat",
            "more than what it reads of x",
        ),
        (lambda: nn.Sequential(nn.Dropout(1.0)), "_0", "dropout of every unit"),
        (lambda: nn.Sequential(nn.LayerNorm(16, eps=0.5)), "_0", "an eps of 0.5"),
        (lambda: nn.Sequential(nn.BatchNorm1d(16, eps=0.5)), "_0", "an eps of 0.5"),
        (lambda: nn.Sequential(nn.BatchNorm1d(16, track_running_stats=False)), "_0", "without running"),
    ],
)
def test_what_would_be_a_wrong_number_is_not_read(build: Any, node: str, why: str) -> None:
    torch.manual_seed(0)
    (unread,) = vp.read(build, 16, batch_norm="running").unsupported
    assert (unread.node, why in unread.why) == (node, True), unread


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_an_even_kernel_that_keeps_all_positions_is_not_read() -> None:
    (unread,) = vp.read(nn.Conv2d(3, 8, 4, padding="same"), (3, 8, 8)).unsupported
    assert "even kernel" in unread.why


def test_measured_is_the_model_itself_with_all_that_it_does_in_place() -> None:
    def build() -> nn.Module:
        return Written(skip(lambda model, h: model.inplace(h)))

    torch.manual_seed(0)
    with torch.no_grad():
        plain = torch.stack([build()(torch.randn(64, 16)).square().mean() for _ in range(200)])
    measured = vp.compare(vp.read(build, 16), models=100)["add"]
    error = (measured.error**2 + float(plain.var()) / 200) ** 0.5
    assert abs(measured.measured - float(plain.mean())) < 5 * error


def test_operations_in_place_that_nothing_reads_past_are_read() -> None:
    def forward(model: Any, x: Any) -> Any:
        h = model.first(x)
        h += model.second(torch.relu(h))
        return model.inplace(h)

    torch.manual_seed(0)
    reading = vp.read(lambda: Written(forward), 16)
    assert [type(layer).__name__ for layer in reading.network.layers] == ["Dense", "Residual", "Activate"]


def test_gradients_start_where_the_model_ends() -> None:
    def forward(model: Any, x: Any) -> Any:
        h = model.first(x)
        model.second(h)
        return h

    torch.manual_seed(0)
    compared = vp.compare(vp.read(lambda: Written(forward), 16), models=64)
    assert [line.node for line in compared] == ["x", "first"]
    assert [line.gradient for line in compared] == [pytest.approx(1 / 3), 1]
    for line in compared:
        assert abs(line.gradient - line.measured_gradient) < 5 * line.gradient_error


def test_models_that_end_in_several_tensors_are_refused() -> None:
    with pytest.raises(ExpressionError, match="returns a tuple and not one tensor"):
        vp.read(lambda: Written(lambda model, x: (x, model.first(x))), 16)
    with pytest.raises(ExpressionError, match="it has no layers"):
        vp.read(nn.Identity(), 16).network


@pytest.mark.parametrize("training", [True, False])
def test_reading_leaves_a_model_as_it_was(training: bool) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 32), nn.BatchNorm1d(32), nn.Linear(32, 4)).train(training)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    last = list(vp.compare(vp.read(model, 8, batch_norm="running"), models=64))[-1]
    assert abs(last.deviation) < 5
    assert model[1].training is training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    with pytest.raises(ParameterError, match="batch_norm='eval'"):
        vp.read(model, 8, batch_norm="eval")  # type: ignore[arg-type]


def test_a_part_of_a_result_is_listed_by_what_gave_it() -> None:
    class Attends(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Any) -> Any:
            return self.attend(x, x, x)[0]

    (unread,) = vp.read(Attends, (4, 8)).unsupported
    assert unread.operation.startswith("MultiheadAttention")


def test_inputs_that_a_model_cannot_take_are_refused() -> None:
    def forward(model: Any, x: Any) -> Any:
        return model.second(torch.eye(16)[x.long()].sum(1))

    reading = vp.read(lambda: Written(forward), 16)
    with pytest.raises(ParameterError, match="Give input="):
        vp.compare(reading, input="Normal(mean=1000)")
