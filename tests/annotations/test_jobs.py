"""A Job's lease decides what is lost, whatever the broker thinks."""

from datetime import datetime, timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from annotations.errors import JobAlreadyActive, JobFinished, NothingStaged
from annotations.models import Job, JobKind, JobState
from annotations.services import jobs
from tests.factories import make_project

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job() -> Job:
    return jobs.create_job(project=make_project(), kind=JobKind.INGEST, created_by=None)


def die_while_running(job: Job, now: datetime) -> None:
    """Leave the row as a killed process leaves it."""
    assert jobs._take(job.pk, job.pk, now) is not None


def test_job_runs_to_its_end_and_keeps_its_result(job: Job) -> None:
    with jobs.running(job_id=job.pk) as progress:
        assert progress is not None
        progress.report(done=3, total=3, phase="Reading files")
        progress.result["images_new"] = 3
    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.result) == (JobState.SUCCEEDED, 3, 3, {"images_new": 3})
    assert job.finished_at is not None


def test_job_is_not_run_twice_at_once_nor_again(job: Job) -> None:
    with jobs.running(job_id=job.pk) as first:
        assert first is not None
        with jobs.running(job_id=job.pk) as second:
            assert second is None
    with jobs.running(job_id=job.pk) as third:
        assert third is None


def test_refusal_in_a_job_becomes_its_message(job: Job) -> None:
    with jobs.running(job_id=job.pk):
        raise NothingStaged
    job.refresh_from_db()
    assert (job.state, job.message) == (JobState.FAILED, NothingStaged.detail)


def test_unexpected_failure_is_stored_without_its_text(job: Job) -> None:
    with pytest.raises(ValueError, match="Doe"), jobs.running(job_id=job.pk):
        raise ValueError("patient Doe")
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "Doe" not in job.message


@pytest.mark.parametrize("loss", [OperationalError("server closed the connection"), OSError("disk full")])
def test_job_whose_stores_were_away_is_tried_again(job: Job, loss: Exception) -> None:
    with pytest.raises(type(loss)), jobs.running(job_id=job.pk):
        raise loss
    job.refresh_from_db()
    assert job.state == JobState.RUNNING
    assert jobs.requeue_lost_jobs(now=timezone.now() + jobs.LEASE * 2) == [job]


def test_cancelled_job_stops_at_its_next_report(job: Job) -> None:
    with jobs.running(job_id=job.pk) as progress:
        assert progress is not None
        jobs.cancel_job(job=job, now=timezone.now())
        progress.report(done=1, total=2, phase="On")
        pytest.fail("the report must stop the work")
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_waiting_job_is_cancelled_at_once_and_never_runs(job: Job) -> None:
    jobs.cancel_job(job=job, now=timezone.now())
    with jobs.running(job_id=job.pk) as progress:
        assert progress is None
    with pytest.raises(JobFinished):
        jobs.cancel_job(job=job, now=timezone.now())


def test_lost_job_comes_back_when_its_lease_has_lapsed(job: Job) -> None:
    now = timezone.now()
    die_while_running(job, now)
    assert jobs.requeue_lost_jobs(now=now + jobs.LEASE / 2) == []
    assert jobs.requeue_lost_jobs(now=now + jobs.LEASE * 2) == [job]
    with jobs.running(job_id=job.pk) as progress:
        assert progress is not None
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.SUCCEEDED, 2)


def test_job_that_kills_its_worker_again_and_again_fails(job: Job) -> None:
    now = timezone.now()
    for attempt in range(jobs.MOST_ATTEMPTS):
        die_while_running(job, now + attempt * jobs.LEASE * 3)
        jobs.requeue_lost_jobs(now=now + attempt * jobs.LEASE * 3 + jobs.LEASE * 2)
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "the worker died" in job.message


def test_process_that_lost_its_lease_cannot_write_the_end(job: Job) -> None:
    """A worker sleeps through its lease, another takes over and ends; the first wakes up."""
    with jobs.running(job_id=job.pk) as sleeper:
        assert sleeper is not None
        Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        with jobs.running(job_id=job.pk) as other:
            assert other is not None
            other.result["by"] = "other"
        sleeper.result["by"] = "sleeper"
        sleeper.report(done=1, total=1, phase="Late")
        pytest.fail("the report must tell that the lease is lost")
    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.SUCCEEDED, {"by": "other"})


def test_cancelled_job_whose_worker_died_is_cancelled_by_the_sweep(job: Job) -> None:
    now = timezone.now()
    die_while_running(job, now)
    jobs.cancel_job(job=job, now=now)
    assert jobs.requeue_lost_jobs(now=now + jobs.LEASE * 2) == []
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_message_that_got_lost_is_sent_again(job: Job) -> None:
    now = timezone.now()
    assert jobs.forgotten_jobs(now=now) == []
    assert jobs.forgotten_jobs(now=now + jobs.QUEUED_TOO_LONG * 2) == [job]


def test_project_has_one_active_job_of_a_kind() -> None:
    project = make_project()
    jobs.create_job(project=project, kind=JobKind.PRESCORE, created_by=None)
    with pytest.raises(JobAlreadyActive):
        jobs.create_job(project=project, kind=JobKind.PRESCORE, created_by=None)
    jobs.create_job(project=make_project(), kind=JobKind.PRESCORE, created_by=None)


def test_the_time_left_is_that_of_the_phase_at_its_own_pace(job: Job) -> None:
    now = timezone.now()
    with jobs.running(job_id=job.pk, clock=lambda: now) as progress:
        assert progress is not None
        progress.report(done=0, total=10, phase="Reading files")
        job.refresh_from_db()
        assert job.seconds_left(now + timedelta(seconds=8)) is None, "nothing of it is done yet"
        progress.report(done=10, total=10, phase="Reading files")
        progress.report(done=0, total=10, phase="Making images")
        now += timedelta(seconds=8)
        progress.report(done=4, total=10, phase="Making images")
        job.refresh_from_db()
        assert job.seconds_left(now) == pytest.approx(12.0)  # 8 s for 4 of 10
    job.refresh_from_db()
    assert job.seconds_left(now) is None, "it has ended"
