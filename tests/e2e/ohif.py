"""OHIF, a viewer that nobody here wrote, on our DICOMweb: from npm by name, served on loopback beside the product."""

import http.client
import json
import mimetypes
import subprocess
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from mediqa_platform.supervisor.frontend import find_node

PACKAGE = "@ohif/app@3.12"  # prebuilt; MIT
CONFIG = {
    "routerBasename": "/",
    "extensions": [],
    "modes": [],
    "showStudyList": True,
    "maxNumberOfWebWorkers": 2,
    "defaultDataSourceName": "dicomweb",
    "dataSources": [
        {
            "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
            "sourceName": "dicomweb",
            "configuration": {
                "friendlyName": "MedIQA Platform",
                "name": "MEDIQA",
                "wadoUriRoot": "/dicomweb",
                "qidoRoot": "/dicomweb",
                "wadoRoot": "/dicomweb",
                "qidoSupportsIncludeField": False,
                "imageRendering": "wadors",
                "thumbnailRendering": "wadors",
                "enableStudyLazyLoad": True,
                "supportsFuzzyMatching": False,
                "supportsWildcard": False,
                "omitQuotationForMultipartRequest": True,
            },
        }
    ],
}
PASSED_ON = ("accept", "accept-encoding", "accept-language", "content-type", "range")
KEPT_BACK = {"connection", "transfer-encoding", "content-length", "content-security-policy", "date", "server"}


def fetch_ohif(folder: Path) -> Path:
    """Return the folder of the prebuilt application."""
    command = [*find_node().npm, "pack", PACKAGE, "--silent", "--pack-destination", str(folder)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as packed:
        if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
            packed.extraction_filter = tarfile.data_filter
        packed.extractall(folder)
    return folder / "package" / "dist"


@contextmanager
def beside(product: str, token: str, folder: Path, pages: Mapping[str, bytes] | None = None) -> Iterator[str]:
    """Serve files, some pages, and the product's DICOMweb as the token's user sees it; yields the address."""
    made = {"/app-config.js": f"window.config = {json.dumps(CONFIG)};".encode(), **(pages or {})}
    handler = type(
        "Beside", (_Handler,), {"product": urlsplit(product), "token": token, "folder": folder, "pages": made}
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    product = urlsplit("")
    token = ""
    folder = Path()
    pages: Mapping[str, bytes] = {}

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.startswith("/dicomweb/"):
            self._pass_on()
        elif path in self.pages:
            self._answer(200, self.pages[path], {"Content-Type": mimetypes.guess_type(path)[0] or "text/html"})
        else:
            self._send_file(path)

    def _send_file(self, path: str) -> None:
        """A file, else the page that finds its own way by the address."""
        wanted = (self.folder / path.lstrip("/")).resolve()
        if not (wanted.is_file() and wanted.is_relative_to(self.folder.resolve())):
            wanted = self.folder / "index.html"
        if not wanted.is_file():
            self._answer(404, b"", {})
            return
        kind = mimetypes.guess_type(wanted.name)[0] or "application/octet-stream"
        headers = {"Content-Type": kind} | ({} if wanted.name == "index.html" else {"Cache-Control": "max-age=3600"})
        self._answer(200, wanted.read_bytes(), headers)

    def _pass_on(self) -> None:
        connection = http.client.HTTPConnection(str(self.product.hostname), self.product.port, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
        connection.request("GET", self.path, headers=headers | {"Authorization": f"Token {self.token}"})
        response = connection.getresponse()
        body = response.read()
        kept = {name: value for name, value in response.getheaders() if name.lower() not in KEPT_BACK}
        self._answer(response.status, body, kept)
        connection.close()

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Addresses hold UIDs: nothing is written."""
