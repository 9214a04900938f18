"""axe-core in a page: what breaks WCAG 2.2 AA there."""

from typing import Any

from playwright.sync_api import Page

from mediqa_platform.supervisor.frontend import Checkout

AXE = Checkout().sources / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations']})"


def violations(page: Page) -> list[str]:
    """Each with the rule, what is asked for, and the elements. The page's security policy stays as it is."""
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate(RUN, TAGS)
    assert found["passes"], "axe looked at nothing"
    return [
        f"{broken['id']}: {broken['help']}\n  {node['html'][:200]}\n  {node['failureSummary']}"
        for broken in found["violations"]
        for node in broken["nodes"]
    ]
