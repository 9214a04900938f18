"""The installation and the browser of the end-to-end tests."""

from tests.e2e.conftest import browser, image_files, product

__all__ = ["browser", "image_files", "product"]
