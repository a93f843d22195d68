"""Keys and envelopes."""

import base64
import json
import stat

import pytest

from suffice.certify.signature import keys_in, open_envelope, public_key, sign
from suffice.errors import ArtefactError, NotCertified


def test_a_key_is_made_once(tmp_path):
    """The first use makes it, the second finds it."""
    assert keys_in(tmp_path / "keys").key_id == keys_in(tmp_path / "keys").key_id


def test_only_the_owner_may_read_the_key(tmp_path):
    """The private file has mode 0600."""
    keys_in(tmp_path)
    assert 0o600 == stat.S_IMODE((tmp_path / "ed25519.pem").stat().st_mode)


def test_what_was_signed_comes_out(tmp_path):
    """The public file is enough to check."""
    keys = keys_in(tmp_path)
    assert b"payload" == open_envelope(sign(b"payload", keys), public_key(keys.public_file))


def test_a_changed_payload_is_refused(tmp_path):
    """The signature covers every byte."""
    keys = keys_in(tmp_path)
    envelope = json.loads(sign(b"payload", keys))
    envelope["payload"] = base64.b64encode(b"another").decode()
    with pytest.raises(NotCertified, match="was changed"):
        open_envelope(json.dumps(envelope), keys.private.public_key())


def test_the_payloads_type_is_signed_too(tmp_path):
    """An envelope of another type is not taken for a certificate."""
    keys = keys_in(tmp_path)
    envelope = json.loads(sign(b"payload", keys)) | {"payloadType": "text/plain"}
    with pytest.raises(NotCertified):
        open_envelope(json.dumps(envelope), keys.private.public_key())


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"payload": 3}', "\x00"])
def test_rubbish_is_no_envelope(tmp_path, text):
    """Whatever lies there, the answer is that it is damaged."""
    with pytest.raises(NotCertified, match="damaged"):
        open_envelope(text, keys_in(tmp_path).private.public_key())


def test_a_file_that_is_no_key_is_named(tmp_path):
    """Both kinds of key file say what is wrong."""
    (tmp_path / "ed25519.pem").write_text("no key")
    with pytest.raises(ArtefactError, match="is no key"):
        keys_in(tmp_path)
    with pytest.raises(ArtefactError, match="cannot read the key"):
        public_key(tmp_path / "absent.pem")
