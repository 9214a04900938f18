"""Work on several connections at once, and moments at which one of them waits for another."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


def in_threads(work: list[Callable[[], None]]) -> None:
    failures: list[BaseException] = []

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=guarded, args=(task,)) for task in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures
    assert not any(thread.is_alive() for thread in threads)


@contextmanager
def before(statement: str, *parts: str, then: Callable[[], object]) -> Iterator[None]:
    """Do something once, before this thread's first statement that begins so and has these parts."""
    is_done = False

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal is_done
        if not is_done and sql.startswith(statement) and all(part in sql for part in parts):
            is_done = True
            then()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        yield
