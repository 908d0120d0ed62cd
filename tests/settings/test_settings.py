"""The defaults, the written file, warnings, and files that settings name."""

import pickle
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from gateway.model import Level
from gateway.settings import (
    BackendUrl,
    BadSettings,
    Settings,
    defaults_markdown,
    defaults_toml,
    file_problems,
    from_table,
    read,
    timers_sentence,
    warnings,
)
from gateway.settings.schema import REPEATED

GOOD = {"domains": {"local": ["example.com"]}, "backend": {"url": "smtp://mail.example.com:25"}}
NEW = (3, 14, 0)


def settings(**sections) -> Settings:
    return from_table(GOOD | sections)


def test_the_written_defaults_read_as_the_defaults(tmp_path):
    path = tmp_path / "greygate.toml"
    path.write_text(defaults_toml())
    assert read(path) == settings()


def test_what_the_written_defaults_leave_out_can_be_uncommented(tmp_path):
    commented = ("# file =", "# password_file =", "# settings =", "# certificate =", "# key =")
    text = "\n".join(
        line.removeprefix("# ") if line.startswith(commented) else line for line in defaults_toml().splitlines()
    )
    table = tomllib.loads(text)
    table["database"]["url"] = "mysql://greygate@db/greygate"
    found = from_table(table, tmp_path)
    assert found.recipients.file == tmp_path / "recipients.txt"
    assert found.database.password_file == tmp_path / "database.password"
    assert found.shadow.settings == tmp_path / "draft.toml"
    assert (found.tls.certificate, found.tls.key) == (tmp_path / "fullchain.pem", tmp_path / "privkey.pem")


def test_every_key_is_written_with_its_purpose_and_default():
    text, page = defaults_toml(), defaults_markdown()
    for model in [type(field.default) for name, field in Settings.model_fields.items() if name not in REPEATED] + list(
        REPEATED.values()
    ):
        assert model.__doc__
        for key, field in model.model_fields.items():
            assert field.description, f"{model.__name__}.{key} has no description"
            assert field.description.endswith("."), f"the description of {model.__name__}.{key} is no sentence"
            assert field.description in text
            assert f"| `{key}` |" in page


def test_lines_of_the_page_are_whole_rows():
    rows = [line for line in defaults_markdown().splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") == 4 for line in rows)


def test_defaults_that_were_agreed():
    found = settings()
    assert (found.greylist.wait, found.greylist.window) == (timedelta(minutes=3), timedelta(days=4))
    assert (found.greylist.memory, found.greylist.memory_act) == (timedelta(days=36), timedelta(days=400))
    assert found.smtp.size == 50 * 1024 * 1024
    assert found.protection.level is Level.GREYLIST
    assert found.database.path == Path("/var/lib/greygate/greygate.db")
    assert found.database.kind == "sqlite"


def test_settings_are_frozen_and_travel_to_workers():
    found = settings(protection={"overrides": {"Boss@Example.com": "off"}})
    with pytest.raises(ValidationError):
        found.smtp.workers = 5
    assert pickle.loads(pickle.dumps(found)) == found
    assert found.protection.overrides == {"boss@example.com": Level.OFF}


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path):
    path = tmp_path / "greygate.toml"
    path.write_text('[domains]\nlocal = ["example.com"]\n[backend]\nurl = "smtp://a:25"\n[storage]\npath = "mail"\n')
    assert read(path).storage.path == tmp_path / "mail"


def test_a_routed_domain_has_its_own_backends():
    found = from_table(
        {
            "domains": {"local": ["example.com", "lists.example.com"]},
            "backend": {"url": ["smtp://a:25", "smtp://b:25"]},
            "route": [{"domains": ["Lists.Example.com"], "url": "lmtp:///run/lmtp"}],
        }
    )
    assert found.backends("example.com") == (BackendUrl("smtp", "a", 25), BackendUrl("smtp", "b", 25))
    assert found.backends("lists.example.com") == (BackendUrl("lmtp", path=Path("/run/lmtp")),)


def test_routes_for_every_domain_need_no_backend():
    route = {"domains": ["example.com"], "url": "lmtp://127.0.0.1:24"}
    assert from_table({"domains": GOOD["domains"], "route": [route]}).backend.url == ()


def test_the_name_is_the_one_that_is_set_or_the_machines():
    assert settings(smtp={"hostname": "MX.example.com"}).smtp.name == "mx.example.com"
    assert settings().smtp.name


@pytest.mark.parametrize(
    "show", [repr, str, lambda found: found.model_dump_json(), lambda found: str(found.model_dump())]
)
def test_the_password_is_never_shown(show):
    found = settings(database={"url": "mysql://greygate:hunter2@db/greygate"})
    assert found.database.password() == "hunter2"
    assert "hunter2" not in show(found)


def test_pydantic_shows_no_password_either():
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"database": {"url": "mysql://greygate:hunter2@db:x/y"}})
    assert "hunter2" not in str(caught.value)


def test_the_password_may_stand_in_a_file(tmp_path):
    (tmp_path / "pw").write_text("hunter2\nnot this\n")
    table = GOOD | {"database": {"url": "mysql://greygate@db/greygate", "password_file": "pw"}}
    assert from_table(table, tmp_path).database.password() == "hunter2"


def test_the_timers_in_a_sentence():
    assert timers_sentence(settings()) == (
        "A new sender waits at least 3 minutes, has 4 days to come back, and is then remembered for 36 days."
    )


QUIET = {
    "recipients": {"verify": "backend"},
    "hold": {"reviewed": True},
    "tls": {"certificate": "c.pem", "key": "k.pem"},
}


def test_sound_settings_have_no_warnings():
    assert warnings(settings(**QUIET), NEW) == []


@pytest.mark.parametrize(
    ("sections", "part"),
    [
        ({"recipients": {}}, "accept-all"),
        ({"hold": {}}, "[hold] reviewed is false"),
        ({"tls": {}}, "[tls] names no certificate"),
        ({"smtp": {"workers": 5}}, "SQLite"),
        ({"smtp": {"proxy_from": ["::/0"]}}, "any peer can claim"),
        ({"smtp": {"relays": ["0.0.0.0/0"]}}, "nobody waits"),
        ({"smtp": {"size": "1GiB"}, "storage": {"keep_copies": False}}, "[storage] reserve"),
        ({"smtp": {"size": "65MiB"}}, "copies_per_network"),
        ({"fail": {"database": "pass"}}, "every stranger is let in"),
        ({"greylist": {"wait": "0s"}}, "may do so at once"),
    ],
)
def test_warnings(sections, part):
    (text,) = warnings(settings(**(QUIET | sections)), NEW)
    assert part in text


@pytest.mark.parametrize("protection", [{"level": "known-only"}, {"overrides": {"example.com": "review-before"}}])
def test_levels_that_hold_imply_a_reviewer(protection):
    assert warnings(settings(**(QUIET | {"hold": {}, "protection": protection})), NEW) == []


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        ((3, 11, 14), True),
        ((3, 11, 15), False),
        ((3, 12, 12), True),
        ((3, 13, 11), True),
        ((3, 13, 12), False),
        (NEW, False),
    ],
)
def test_old_pythons(version, warned):
    texts = warnings(settings(**QUIET), version)
    assert [("your distribution may have patched it" in text) for text in texts] == [True] * warned


def pair(folder: Path, passphrase: bytes | None = None) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mx.example.com")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), start, start + timedelta(9999)
    )
    (folder / "c.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    cover = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    (folder / "k.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, cover)
    )


def test_a_certificate_and_its_key_are_no_problem(tmp_path):
    pair(tmp_path)
    assert file_problems(from_table(GOOD | QUIET, tmp_path)) == []


@pytest.mark.parametrize("spoil", ["no pem", "other key", "passphrase"])
def test_files_that_are_no_pair_are_named(tmp_path, spoil):
    pair(tmp_path, b"hunter2" if spoil == "passphrase" else None)
    if spoil == "no pem":
        (tmp_path / "k.pem").write_text("hello")
    if spoil == "other key":
        (other := tmp_path / "other").mkdir()
        pair(other)
        (other / "k.pem").rename(tmp_path / "k.pem")
    (line,) = file_problems(from_table(GOOD | QUIET, tmp_path), "FILE")
    assert line.startswith(f"FILE: [tls] certificate: {tmp_path / 'c.pem'} and {tmp_path / 'k.pem'} do not load (")


def test_files_that_are_not_there_are_named(tmp_path):
    table = GOOD | QUIET | {"recipients": {"verify": "list", "file": "people"}}
    lines = file_problems(from_table(table, tmp_path))
    assert lines == [
        f"settings: [{section}] {key}: {tmp_path / name} cannot be read: No such file or directory"
        for section, key, name in (
            ("recipients", "file", "people"),
            ("tls", "certificate", "c.pem"),
            ("tls", "key", "k.pem"),
        )
    ]


def test_a_repeated_finding_is_not_blamed_on_a_broken_key():
    with pytest.raises(BadSettings) as caught:
        settings(greylist={"wait": "40d", "window": 4})
    assert [line.split(";")[0] for line in caught.value.problems] == [
        "settings: [greylist] window: 4 has no unit",
        "settings: [greylist] wait: 40d is too much",
    ]
