import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from kombu.utils.url import parse_url
from psycopg.conninfo import conninfo_to_dict

from mediqa_platform.supervisor import home as homes
from mediqa_platform.supervisor.errors import HomeError


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_home_is_the_folder_that_mediqa_home_names():
    assert homes.resolve_home({"MEDIQA_HOME": "/srv/my data"}) == Path("/srv/my data")


def test_home_of_an_ordinary_user_follows_xdg(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert homes.resolve_home({"XDG_DATA_HOME": "/home/ann/share"}) == Path("/home/ann/share/mediqa")


def test_home_of_root_is_below_var_lib(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert homes.resolve_home({}) == Path("/var/lib/mediqa")


def test_reading_addresses_creates_nothing(tmp_path):
    home = tmp_path / "home"
    homes.embedded_database_url(home)
    homes.embedded_broker_url(home)
    homes.objects_folder(home)
    assert not home.exists()


def test_prepared_home_is_closed_to_others(tmp_path):
    home = homes.prepare_home(tmp_path / "a b" / "home")
    assert {mode_of(path) for path in (home, *home.iterdir())} == {0o700}


def test_prepare_home_refuses_a_file_in_its_place(tmp_path):
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(HomeError, match="MEDIQA_HOME"):
        homes.prepare_home(tmp_path / "home")


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path):
    first = homes.load_secrets(tmp_path)
    assert homes.load_secrets(tmp_path) == first
    assert len(first["SECRET_KEY"]) >= 50
    assert mode_of(tmp_path / "secrets.json") == 0o600


def test_processes_that_start_together_get_the_same_secrets(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: homes.load_secrets(tmp_path)["SECRET_KEY"], range(16)))
    assert len(set(made)) == 1


def test_damaged_secrets_are_refused_and_kept(tmp_path):
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(HomeError, match="damaged"):
        homes.load_secrets(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == "{"


@pytest.mark.parametrize("name", ["plain", "with spaces", "n" * 120, "comma, quote' and é"])
def test_sockets_fit_their_limit_wherever_the_home_is(tmp_path, name):
    home = tmp_path / name
    for path in (homes.postgres_socket_folder(home) / ".s.PGSQL.5432", homes.valkey_socket(home)):
        assert len(os.fsencode(path)) <= homes.LONGEST_SOCKET_PATH


def test_homes_with_long_paths_do_not_share_sockets(tmp_path):
    assert homes.sockets_folder(tmp_path / ("n" * 120)) != homes.sockets_folder(tmp_path / ("m" * 120))


def test_addresses_survive_spaces():
    home = Path("/srv/my data")
    assert conninfo_to_dict(homes.embedded_database_url(home))["host"] == "/srv/my data/run/postgres"
    assert parse_url(homes.embedded_broker_url(home))["virtual_host"] == "srv/my data/run/valkey/valkey.sock"


def test_folder_that_another_user_laid_in_our_way_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HomeError, match="remove it"):
        homes.own_folder(tmp_path / "link")


def test_folder_of_ours_is_closed_again(tmp_path):
    (tmp_path / "open").mkdir(mode=0o777)
    homes.own_folder(tmp_path / "open")
    assert mode_of(tmp_path / "open") == 0o700
