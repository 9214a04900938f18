"""A file that kills the decoder, for real: the child process dies and this one goes on."""

import os
import signal
from pathlib import Path

import pytest

from annotations.dicom import trial
from annotations.dicom.refusals import RefusalReason, RefusedFile
from annotations.dicom.trial import Trial
from tests.annotations.dicom.killers import COMMAND, HANGS, KILLS
from tests.annotations.sent_files import ct_slice


def test_files_that_open_and_files_that_do_not_are_survived() -> None:
    with Trial() as one:
        one.check(ct_slice(0))
        one.check(b"no image at all")
        one.check(ct_slice(0)[:200])


def test_a_file_that_kills_its_process_is_refused_and_the_next_one_is_opened() -> None:
    with Trial(command=COMMAND) as one:
        one.check(ct_slice(0))
        with pytest.raises(RefusedFile, match="makes the decoder crash") as refused:
            one.check(KILLS)
        assert refused.value.reason == RefusalReason.UNDECODABLE
        one.check(ct_slice(1))


def test_a_file_that_never_ends_is_refused_and_its_process_is_gone() -> None:
    with Trial(command=COMMAND, longest_seconds=0.5) as one:
        with pytest.raises(RefusedFile, match="takes too long"):
            one.check(HANGS)
        assert one._child is None


def test_the_process_of_a_trial_ends_with_it() -> None:
    with Trial() as one:
        one.check(b"")
        assert one._child is not None
        child = one._child.pid
    with pytest.raises(ProcessLookupError):
        os.kill(child, signal.SIG_DFL)


def test_the_child_ends_where_its_parents_end_of_the_pipe_is_closed(tmp_path: Path) -> None:
    requests, answers = tmp_path / "requests", tmp_path / "answers"
    requests.write_bytes((3).to_bytes(8, "little") + b"abc")
    with requests.open("rb") as asked, answers.open("wb") as said:
        trial.serve(asked, said)
    assert answers.read_bytes() == b"."
