"""Who may ask, and that what opens the door is never told."""

import hmac

import httpx
import pytest

from cofeat.cloud.tokens import Tokens, read_tokens
from cofeat.errors import InvalidInputError, UnauthorizedError

ONE, TWO = "first-token-0123456789", "second-token-0123456789"


def test_any_of_the_tokens_opens():
    tokens = Tokens([ONE, TWO])
    for token in (ONE, TWO):
        tokens.check(f"Bearer {token}")
        tokens.check(f"bearer  {token} ")


@pytest.mark.parametrize(
    "given", [None, "", "Bearer", "Bearer ", ONE, f"Basic {ONE}", f"Bearer {ONE}x", "Bearer \udcff"]
)
def test_nothing_else_does(given):
    with pytest.raises(UnauthorizedError):
        Tokens([ONE, TWO]).check(given)


def test_without_tokens_the_server_is_open():
    assert not Tokens()
    Tokens().check(None)


def test_every_token_is_compared_in_constant_time(monkeypatch):
    compared = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(1) or real(*both))
    Tokens([ONE, TWO]).check(f"Bearer {ONE}")
    assert len(compared) == 2


def test_tokens_are_read_from_a_file_or_the_environment(tmp_path):
    file = tmp_path / "tokens"
    file.write_text(f"# ours\n{ONE}\n\n  {TWO}\n")
    read_tokens(file).check(f"Bearer {TWO}")
    read_tokens(None, f"{ONE} {TWO}").check(f"Bearer {ONE}")
    assert not read_tokens(None, "")


@pytest.mark.parametrize(
    ("content", "message"),
    [("", "no token in"), ("# only\n", "no token in"), ("short\n", "token 1 is not usable")],
)
def test_files_without_usable_tokens_are_refused(tmp_path, content, message):
    file = tmp_path / "tokens"
    file.write_text(content)
    with pytest.raises(InvalidInputError, match=message):
        read_tokens(file)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_tokens(tmp_path / "none")


def test_tokens_are_never_told(kit, caplog):
    caplog.set_level("DEBUG")
    tokens = Tokens([ONE])
    with kit.serving(kit.Model(), tokens=tokens) as server, httpx.Client() as client:
        for header in ({}, {"Authorization": "Bearer guess-0123456789"}):
            answer = client.post(f"{server.url}/predict", headers=header, timeout=60)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        allowed = {"Authorization": f"Bearer {ONE}"}
        assert client.get(f"{server.url}/v2", headers=allowed, timeout=60).status_code == 200
        assert client.get(f"{server.url}/metrics", timeout=60).status_code == 401
    server_lines = [record for record in caplog.records if record.name == "cofeat.cloud"]
    assert server_lines
    for record in server_lines:
        assert "0123456789" not in f"{record.getMessage()} {vars(record)}"
    assert ONE not in repr(vars(tokens))
