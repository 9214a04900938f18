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
