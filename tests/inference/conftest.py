import pytest


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch) -> None:
    """How wide the intervals of a report are is tested in tests/mediqa; here they only cost time."""
    monkeypatch.setattr("inference.services.evaluation.RESAMPLES", 50)
