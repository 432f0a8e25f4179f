"""A certificate of one's own: what is in it, who may read its key, and that it is kept."""

import ssl
import stat

import pytest

from cofeat.cli.main import main
from cofeat.cloud.self_signed import make_certificate, names_of, self_signed


def test_it_is_kept_in_its_folder_and_the_key_is_private(tmp_path):
    folder = tmp_path / "tls"
    with self_signed(str(folder), "127.0.0.1") as first:
        made = first.certificate.read_bytes()
        assert stat.S_IMODE(first.key.stat().st_mode) == 0o600
    with self_signed(str(folder), "127.0.0.1") as second:
        assert second.certificate.read_bytes() == made


def test_one_that_is_out_of_date_is_made_anew(tmp_path, monkeypatch):
    monkeypatch.setattr("cofeat.cloud.self_signed._DAYS", 0)
    with self_signed(str(tmp_path), "127.0.0.1") as first:
        old = first.certificate.read_bytes()
    monkeypatch.undo()
    with self_signed(str(tmp_path), "127.0.0.1") as second:
        new = second.certificate.read_bytes()
    with self_signed(str(tmp_path), "127.0.0.1") as third:
        assert third.certificate.read_bytes() == new != old


def test_a_name_beyond_ascii_is_written_as_browsers_ask_for_it():
    certificate, _ = make_certificate(["bücher.example"])
    der = ssl.PEM_cert_to_DER_cert(certificate.decode())
    assert b"xn--bcher-kva.example" in der


def test_without_a_folder_it_is_gone_afterwards():
    with self_signed("", "127.0.0.1") as tls:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.certificate, tls.key)
    assert not tls.certificate.exists()
    assert not tls.key.exists()


def test_a_client_that_is_given_it_trusts_the_server(kit, tmp_path):
    # The names are checked by OpenSSL, which did not write them.
    with self_signed(str(tmp_path), "127.0.0.1") as tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        trust = ssl.create_default_context(cafile=str(tls.certificate))
        for name in names_of("127.0.0.1"):
            assert shaken(context, trust, name)
        with pytest.raises(ssl.SSLCertVerificationError):
            shaken(context, trust, "example.org")


def shaken(server_context, client_context, name):
    """Shake hands in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=name)
    done = set()
    while len(done) < 2:
        for end in (client, server):
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                pass
    return True


def test_at_all_addresses_the_machines_own_is_named():
    assert {"localhost", "127.0.0.1"} < set(names_of("0.0.0.0"))
    assert "192.168.7.7" in names_of("192.168.7.7")


def test_a_folder_that_cannot_be_is_one_line(exported, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / "tls")
    assert main(["serve", exported.bundle, "--tls-self-signed", folder]) == 2
    assert "no certificate can be kept in" in capsys.readouterr().err


def test_two_kinds_of_certificate_are_one_too_many(exported, capsys):
    words = ["--tls-cert", "x", "--tls-key", "y", "--tls-self-signed"]
    assert main(["serve", exported.bundle, *words]) == 2
    assert "not both" in capsys.readouterr().err
