"""Addresses of static files: as the manifest has them, looked up once in a process."""

from pathlib import Path

from booking.site.caching import RememberedStaticFiles


def storage_in(folder: Path) -> RememberedStaticFiles:
    """Static files of two style sheets, as a manifest names them."""
    storage = RememberedStaticFiles(location=folder, base_url="/static/")  # type: ignore[no-untyped-call]
    storage.hashed_files = {"a.css": "a.1234.css", "b.css": "b.5678.css"}
    return storage


def test_an_address_is_the_one_of_the_manifest_and_is_remembered(tmp_path: Path) -> None:
    storage = storage_in(tmp_path)
    assert storage.url("a.css") == "/static/a.1234.css"
    storage.hashed_files = {}
    assert storage.url("a.css") == "/static/a.1234.css"


def test_each_file_has_its_own_address(tmp_path: Path) -> None:
    storage = storage_in(tmp_path)
    assert [storage.url(name) for name in ("a.css", "b.css", "a.css")] == [
        "/static/a.1234.css",
        "/static/b.5678.css",
        "/static/a.1234.css",
    ]
