"""`manage.py pretrain` is the plain function under Django's command line."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CommandError, match="No image"):
        call_command("pretrain", str(tmp_path / "empty"), output=str(tmp_path / "model"))


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no folder"):
        call_command("pretrain", str(tmp_path / "gone"), output=str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("steps", 0),
        ("minutes", -1.0),
        ("copies", 0),
        ("generated", -1),
        ("images_per_step", 0),
        ("whole_steps", 0),
        ("learning_rate", 0.0),
        ("volumes", 0),
        ("workers", 0),
    ],
)
def test_what_nothing_could_be_trained_with_is_refused_before_anything_is_read(
    tmp_path: Path, setting: str, value: float
) -> None:
    with pytest.raises(CommandError, match=rf"^{setting} is {value:g}; it must be"):
        call_command("pretrain", str(tmp_path / "gone"), output=str(tmp_path / "model"), **{setting: value})
