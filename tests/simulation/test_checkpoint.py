"""Checkpoints: whole or refused, never overwritten by another run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from varprop.errors import SamplingError
from varprop.simulation import checkpoint
from varprop.simulation.checkpoint import Checkpoint


def filled(path: Path) -> Checkpoint:
    stored = Checkpoint(path, "seed 7")
    stored.put((0, 2**40), 3, np.array([1.5, np.nan, -np.inf]))
    stored.put((0,), 0, np.arange(6.0).reshape(2, 3))
    stored.save()
    return stored


def test_what_was_put_comes_back(tmp_path: Path) -> None:
    filled(tmp_path / "run")
    again = Checkpoint(tmp_path / "run", "seed 7")
    np.testing.assert_array_equal(again.of((0, 2**40))[3], [1.5, np.nan, -np.inf])
    np.testing.assert_array_equal(again.of((0,))[0], [[0, 1, 2], [3, 4, 5]])
    assert again.of((0,)).keys() == {0}
    assert [file.name for file in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("kept", [0, 5, 30, 120, -1])
def test_a_truncated_file_is_refused_and_left_alone(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "run"
    filled(path)
    path.write_bytes(path.read_bytes()[:kept])
    before = path.read_bytes()
    with pytest.raises(SamplingError, match=r"damaged|no checkpoint"):
        Checkpoint(path, "seed 7")
    assert path.read_bytes() == before


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "run"
    filled(path)
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    with pytest.raises(SamplingError, match="damaged"):
        Checkpoint(path, "seed 7")


def test_a_foreign_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    filled(path)
    with pytest.raises(SamplingError, match="another run"):
        Checkpoint(path, "seed 8")
    monkeypatch.setattr(checkpoint, "fingerprint", lambda: "elsewhere")
    with pytest.raises(SamplingError, match="other arithmetic"):
        Checkpoint(path, "seed 7")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "run", tmp_path):
        with pytest.raises(SamplingError, match=r"cannot be written|is no file"):
            Checkpoint(path, "seed 7")
    with pytest.raises(SamplingError, match="no path"):
        Checkpoint(3, "seed 7")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_it_is_written_now_and_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run"
    stored = Checkpoint(path, "a")
    empty = path.read_bytes()
    stored.put((0,), 0, np.ones(2))
    assert path.read_bytes() == empty
    monkeypatch.setattr(checkpoint, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", np.inf)
    stored.put((0,), 1, np.ones(2))
    assert 1 in Checkpoint(path, "a").of((0,))


@pytest.mark.parametrize("path", ["/dev/zero", "a\0b", "x" * 300])
def test_what_is_no_file_is_refused_unread(path: str) -> None:
    with pytest.raises(SamplingError, match=r"it is no (name of a )?file"):
        Checkpoint(path, "run")


@pytest.mark.parametrize("head", [b"{", b"[]", b"{}", b'{"entries": 3}', b"\xff"])
def test_a_forged_header_is_damage(head: bytes, tmp_path: Path) -> None:
    body = head + b"\n"
    path = tmp_path / "run"
    path.write_bytes(checkpoint.MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    with pytest.raises(SamplingError, match="it is damaged"):
        Checkpoint(path, "seed 7")
