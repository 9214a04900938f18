"""An installed Firefox, by its own protocol (Marionette): Playwright asks for newer ones than hospitals have."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from marionette_driver import By
from marionette_driver.keys import Keys
from marionette_driver.marionette import Marionette

from tests.e2e.browser import find_firefox
from tests.e2e.product import PASSWORD
from tests.platform.deadlines import eventually

WIDTH, HEIGHT = 1440, 1000
# Off: what calls home, and what asks the person of a new profile something.
QUIET = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.disable-localhost-when-offline": True,
    "network.proxy.allow_hijacking_localhost": True,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.type": 0,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "signon.rememberSignons": False,
    "toolkit.telemetry.enabled": False,
}
# What scripts of our pages threw, or what the content security policy forbade them.
COMPLAINTS = """
const [address] = arguments;
return Services.console.getMessageArray().filter((one) => one instanceof Ci.nsIScriptError)
  .filter((one) => one.sourceName.startsWith(address) && !(one.flags & Ci.nsIScriptError.warningFlag))
  .map((one) => `${one.sourceName}:${one.lineNumber} ${one.errorMessage}`);
"""


# Connections that are open are used even offline: so all go by way of a proxy that is not there.
CUT_OFF = """
const [isOff] = arguments;
Services.prefs.setIntPref('network.proxy.type', isOff ? 1 : 0);
Services.io.offline = isOff;
"""
IS_CUT_OFF = """
const [answer] = arguments;
fetch('/healthz', { cache: 'no-store' }).then(() => answer(false), () => answer(true));
"""


class Firefox:
    """One window of a person. Every step waits for an effect on the page."""

    def __init__(self, driver: Marionette, address: str) -> None:
        self.driver, self.address = driver, address

    def open(self, path: str) -> None:
        self.driver.navigate(self.address + path)

    def press(self, *keys: str) -> None:
        """One key after the other; of a chord the last is pressed while the others are held."""
        hand = self.driver.actions.sequence("key", "keyboard")
        for chord in keys:
            *held, last = [getattr(Keys, name, name) for name in chord.split("+")]
            for key in held:
                hand.key_down(key)
            hand.key_down(last).key_up(last)
            for key in held:
                hand.key_up(key)
        hand.perform()

    def ask(self, script: str, *values: Any) -> Any:
        """What a function's body returns in the page."""
        return self.driver.execute_script(script, script_args=list(values), sandbox=None)

    def call(self, function: str, argument: Any) -> Any:
        """What a function returns in the page: as Playwright's `evaluate` takes it."""
        return self.ask(f"return ({function})(arguments[0])", argument)

    def wait(self, condition: str, *values: Any) -> Any:
        """Until an expression is true in the page; `arguments` are the values."""
        return eventually(lambda: self.ask(f"return {condition}", *values), seconds=120, what=condition)

    def attribute(self, selector: str, name: str) -> str | None:
        found: str | None = self.ask(
            "return document.querySelector(arguments[0])?.getAttribute(arguments[1]) ?? null", selector, name
        )
        return found

    def expect(self, selector: str, name: str, value: str) -> None:
        """Until the first such element has an attribute of that value."""
        wanted = f"document.querySelector({selector!r})?.getAttribute({name!r}) === {value!r}"
        self.wait(wanted)

    def sign_in(self, username: str) -> None:
        self.open("/sign-in/")
        self.driver.find_element(By.NAME, "username").send_keys(username)
        self.driver.find_element(By.NAME, "password").send_keys(PASSWORD, Keys.ENTER)
        self.wait("location.pathname === '/'")

    def lose_the_network(self) -> None:
        self._cut_off(is_off=True)

    def find_the_network(self) -> None:
        self._cut_off(is_off=False)

    def _cut_off(self, *, is_off: bool) -> None:
        with self.driver.using_context("chrome"):
            self.driver.execute_script(CUT_OFF, script_args=[is_off])
        eventually(lambda: self.driver.execute_async_script(IS_CUT_OFF, sandbox=None) == is_off, seconds=60)

    def complaints(self) -> list[str]:
        with self.driver.using_context("chrome"):
            found: list[str] = self.driver.execute_script(COMPLAINTS, script_args=[self.address])
        return found

    def picture(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self.driver.screenshot(format="binary", full=False))


@contextmanager
def firefox(address: str, profile: Path, *, with_webgl: bool) -> Iterator[Firefox]:
    """With WebGL on a screen of its own, drawn by the processor; without a screen Firefox has none."""
    prefs = QUIET | {"marionette.port": 0, "webgl.force-enabled": with_webgl}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in prefs.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [
        str(find_firefox()),
        "--marionette",
        "--remote-allow-system-access",
        "--no-remote",
        "--profile",
        str(profile),
    ]
    with ExitStack() as stack:
        if with_webgl:
            environment = os.environ | {"DISPLAY": stack.enter_context(screen())}
        else:
            environment, command = {**os.environ}, [*command, "--headless"]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(_end, process)
        driver = Marionette(port=eventually(lambda: _port(profile), seconds=120, what="Firefox started"))
        driver.start_session()
        driver.set_window_rect(width=WIDTH, height=HEIGHT)
        yield Firefox(driver, address)


def _port(profile: Path) -> int | None:
    """Firefox chooses one, and writes it down."""
    written = profile / "MarionetteActivePort"
    text = written.read_text() if written.exists() else ""
    return int(text) if text else None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(30)


@contextmanager
def screen() -> Iterator[str]:
    """The name of an X display that nobody sees."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writing)
    try:
        with os.fdopen(reading) as told:
            yield f":{told.readline().strip()}"
    finally:
        _end(server)
