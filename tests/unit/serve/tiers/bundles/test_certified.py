"""What a run folder proves, and what is refused."""

import shutil
import tempfile
from pathlib import Path

import pytest

from suffice import fingerprint
from suffice.bundle import open_bundle
from suffice.certify import statement
from suffice.certify.signature import keys_in
from suffice.errors import ArtefactError, NotCertified, OutputError
from suffice.serve.tiers.bundles.certified import Standing, certified
from suffice.serve.tiers.bundles.private_copy import taken
from tests.unit.serve.tiers import tiny_run

FILES = ["task.json", "model/model.json", "model/tiers/0/model.json", "model/tiers/0/weights.safetensors"]


@pytest.fixture(name="rung", scope="module")
def rung_fixture(tmp_path_factory):
    """Returns a linear rung's folder, made once."""
    return tiny_run.linear(tmp_path_factory.mktemp("rung") / "linear")


@pytest.fixture(name="run")
def run_fixture(tmp_path, rung):
    """Returns a certified run folder."""
    return tiny_run.certify(tiny_run.bundle(tmp_path / "run", {"linear": rung}))


def test_a_certified_run_tells_what_was_shown(run):
    """The certificate's sha256 is that of the signed bytes; its facts are JSON, each with its n."""
    proof = certified(run)
    assert Standing.VALID is proof.standing
    assert fingerprint.of_file(run / statement.FILE) == proof.sha256
    facts = proof.facts()
    assert ("accuracy", 0.8, 200, 0.05) == tuple(
        facts[name] for name in ("metric", "threshold", "n", "alpha")
    )
    assert "valid" == facts["standing"]


def test_the_copy_is_the_bundle_byte_for_byte(run, tmp_path):
    """What is loaded lies where only this user writes, with the certified hashes; closing removes it."""
    copy = taken(certified(run), workplace=tmp_path / "work")
    assert fingerprint.of_folder(run / "bundle") == fingerprint.of_folder(copy.bundle)
    assert 0o700 == copy.bundle.parent.stat().st_mode & 0o777
    assert "desk" == open_bundle(copy.bundle).spec.name
    copy.remove()
    copy.remove()
    assert [] == list((tmp_path / "work").iterdir())


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("change", ["one byte", "missing"])
def test_a_changed_file_is_refused_by_name(run, tmp_path, name, change):
    """One byte, in any file: nothing is served, and the message names the file."""
    path = run / "bundle" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink() if change == "missing" else path.write_bytes(bytes(data))
    with pytest.raises(NotCertified, match=f"bundle/{name}"):
        taken(certified(run), workplace=tmp_path / "work")
    assert [] == list((tmp_path / "work").iterdir())


def test_a_file_too_many_is_refused_by_name(run, tmp_path):
    """What the certificate does not list does not lie in a served folder."""
    (run / "bundle/model/extra.bin").write_bytes(b"x")
    with pytest.raises(NotCertified, match=r"extra\.bin is not part of it"):
        taken(certified(run), workplace=tmp_path / "work")


def test_changed_bytes_are_refused_whatever_is_allowed(run, tmp_path):
    """`allow_uncertified` is for runs without a certificate, not for bytes that contradict theirs."""
    (run / "bundle/task.json").write_text("{}")
    with pytest.raises(NotCertified, match=r"task\.json was changed"):
        taken(certified(run, allow_uncertified=True), workplace=tmp_path / "work")


def test_a_replayed_certificate_of_another_bundle_is_refused(run, rung, tmp_path):
    """A true certificate beside another bundle proves nothing about it."""
    other = tiny_run.bundle(tmp_path / "other", {"linear": rung}, threshold=0.1)
    for name in (statement.FILE, statement.ENVELOPE):
        shutil.copy(run / name, other / name)
    with pytest.raises(NotCertified, match=r"model/model\.json was changed"):
        taken(certified(other, allow_uncertified=True), workplace=tmp_path / "work")


def test_another_signer_is_refused_until_trusted(run, tmp_path):
    """A stranger's certificate counts only where his public key is named."""
    tiny_run.certify(run, keys=tmp_path / "stranger")
    keys_in(tmp_path / "own")
    own = tmp_path / "own" / "ed25519.pub.pem"
    for allow_uncertified in (False, True):
        with pytest.raises(NotCertified, match="not by the trusted key"):
            certified(run, key=own, allow_uncertified=allow_uncertified)
    assert certified(run, key=tmp_path / "stranger/ed25519.pub.pem").is_valid


@pytest.mark.parametrize(
    ("name", "match"), [(statement.FILE, "differs from"), (statement.ENVELOPE, "damaged")]
)
def test_a_changed_certificate_is_refused(run, name, match):
    """Neither the statement nor its envelope can be edited."""
    text = (run / name).read_text()
    (run / name).write_text(text.replace("0.8", "0.9") if name == statement.FILE else text[:-9])
    with pytest.raises(NotCertified, match=match):
        certified(run)


@pytest.mark.parametrize("name", [statement.FILE, statement.ENVELOPE])
def test_half_a_certificate_is_none(run, name):
    """A run whose signature was taken away is not an uncertified run."""
    (run / name).unlink()
    with pytest.raises(NotCertified, match=f"{name} is missing"):
        certified(run, allow_uncertified=True)


def test_an_uncertified_run_is_served_only_where_allowed(rung, tmp_path):
    """It then has no certificate to show, and says so."""
    run = tiny_run.bundle(tmp_path / "run", {"linear": rung})
    with pytest.raises(NotCertified, match="has no certificate") as refused:
        certified(run)
    assert "--allow-uncertified" in str(refused.value.hint)
    proof = certified(run, allow_uncertified=True)
    assert (Standing.UNCERTIFIED, None, None) == (proof.standing, proof.sha256, proof.facts()["n"])
    copy = taken(proof, workplace=tmp_path / "work")
    assert fingerprint.of_folder(run / "bundle") == fingerprint.of_folder(copy.bundle)
    copy.remove()


@pytest.mark.parametrize("made", [False, True])
def test_a_folder_without_a_bundle_is_named(tmp_path, made):
    """A path that is no run says what is missing there, before any key is asked for."""
    if made:
        (tmp_path / "run").mkdir()
    with pytest.raises(ArtefactError, match="holds no bundle/"):
        certified(tmp_path / "run")


def test_a_missing_key_is_named(run, tmp_path):
    """The public key file that is to be trusted must be there."""
    with pytest.raises(ArtefactError, match=r"cannot read the key .*absent\.pem"):
        certified(run, key=tmp_path / "absent.pem")


def test_a_place_that_cannot_be_written_to_is_named(run, tmp_path):
    """Where there is no room for the copy, the message says so, and what to do."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be copied to be served") as refused:
        taken(certified(run), workplace=tmp_path / "file" / "work")
    assert "TMPDIR" in str(refused.value.hint)


def test_what_a_kill_left_is_cleared_and_what_is_held_stays(run, tmp_path):
    """A copy whose gateway is gone is removed by the next one; one in use is not."""
    work = tmp_path / "work"
    held = taken(certified(run), workplace=work)
    left = Path(tempfile.mkdtemp(prefix="suffice-served-", dir=work))
    (left / ".held").write_bytes(b"")
    (left / "bundle").mkdir()
    another = taken(certified(run), workplace=work)
    assert sorted([held.bundle.parent, another.bundle.parent]) == sorted(work.iterdir())
    held.remove()
    another.remove()
