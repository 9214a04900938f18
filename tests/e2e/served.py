"""Cases that no server holds, served to the real reading room."""

import json
import re
from collections.abc import Sequence

from playwright.sync_api import Page, Route, expect

from tests.e2e.corpus import Specimen
from tests.e2e.pages import LONG


class Served:
    """Serves specimens to the real reading room, one after the other.

    `asked` are the frames that the browser asked for, as (number of the case, index of the frame) in order.
    """

    def __init__(self, page: Page, project: str, shown: Sequence[Specimen]) -> None:
        self.page, self.project, self.shown, self.done = page, project, shown, 0
        self.asked: list[tuple[int, int]] = []
        for end, answer in (("worklist/", self.worklist), ("readings/", self.receipt), ("lease/", self.lease)):
            page.route(f"**/{end}", answer)
        page.route("**/corpus/**", self.frame)

    def worklist(self, route: Route) -> None:
        count = json.loads(route.request.post_data or "{}")["count"]
        numbers = range(self.done, min(self.done + count, len(self.shown)))
        cases = [self.shown[number].case(number) for number in numbers]
        counts = {"open_count": len(self.shown) - self.done, "done_count": self.done}
        route.fulfill(json={"cases": cases, **counts})

    def receipt(self, route: Route) -> None:
        self.done += 1
        counts = {"open_count": len(self.shown) - self.done, "done_count": self.done}
        route.fulfill(status=201, json={"id": "1", "submitted_at": "2030-01-01T00:00:00Z", **counts})

    def lease(self, route: Route) -> None:
        route.fulfill(json={"lease_expires_at": "2100-01-01T00:00:00Z"})

    def frame(self, route: Route) -> None:
        number, index = map(int, re.findall(r"/corpus/(\d+)/frames/(\d+)", route.request.url)[0])
        self.asked.append((number, index - 1))
        kind = "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.4.202"
        route.fulfill(body=self.shown[number].codestream(index - 1), content_type=kind)

    def open(self, query: str = "") -> None:
        self.page.goto(f"/projects/{self.project}/read/{query}")

    def wait_for(self, number: int) -> None:
        selector = f'[data-viewport][data-state="rendered"][data-assignment="corpus-{number}"]'
        expect(self.page.locator(selector)).to_be_visible(timeout=LONG)

    def submit(self) -> None:
        self.page.keyboard.press("3")
        self.page.keyboard.press("Enter")
