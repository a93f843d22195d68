"""Keys: how they look, what is kept of them, and how a shown one is held against it."""

import ast
import hashlib
import inspect
import re

import pytest

from suffice.serve.guard import secret
from suffice.serve.guard.secret import is_secret_of, new_key, parts_of
from tests.unit.serve.guard.memory import NOON


def test_a_key_is_shown_once_and_kept_as_a_hash():
    """What is kept names the id and the secret's SHA-256; the secret is in no field and no repr."""
    key, shown = new_key("ci", at=NOON)
    assert re.fullmatch(r"sk-sf-[a-z2-7]{16}-[A-Za-z0-9]{43}", shown)
    public, hidden = parts_of(f"Bearer {shown}")
    assert (public, hashlib.sha256(hidden.encode()).hexdigest()) == (key.id, key.secret_sha256)
    assert hidden not in repr(key)
    assert key.secret_sha256 not in repr(key)
    assert is_secret_of(hidden, key)


def test_no_two_keys_are_alike():
    """Ids and secrets are random."""
    made = [new_key("k", at=NOON) for _ in range(200)]
    assert 200 == len({key.id for key, _ in made}) == len({shown for _, shown in made})


def test_a_wrong_secret_and_no_key_are_refused():
    """One letter off, another key's secret, a key that is not there."""
    key, shown = new_key("a", at=NOON)
    hidden = shown[-43:]
    wrong = hidden[:-1] + ("a" if hidden[-1] != "a" else "b")
    assert not is_secret_of(wrong, key)
    assert not is_secret_of(new_key("b", at=NOON)[1][-43:], key)
    assert not is_secret_of(hidden, None)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer sk-sf-",
        "Basic dXNlcjpwYXNz",
        "Bearer sk-sf-aaaaaaaaaaaaaaaa-short",
        "Bearer sk-sf-aaaaaaaaaaaaaaa1-" + "a" * 43,
        "Bearer  sk-sf-aaaaaaaaaaaaaaaa-" + "a" * 43,
        "Bearer sk-sf-aaaaaaaaaaaaaaaa-" + "a" * 43 + "\n",
        "Bearer sk-sf-aaaaaaaaaaaaaaaa-" + "a" * 42 + "é",
        "Bearer sk-sf-AAAAAAAAAAAAAAAA-" + "a" * 43,
        "Bearer sk-sf-' OR '1'='1-" + "a" * 43,
    ],
)
def test_what_is_no_key_has_no_parts(header):
    """Only the exact form is read; nothing else ever reaches a store."""
    assert parts_of(header) is None


def test_the_comparison_is_constant_time_and_the_same_without_a_key():
    """Structure, not a stop watch: compare_digest comes before it is looked whether there is a key."""
    tree = ast.parse(inspect.getsource(secret))
    (function,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "is_secret_of"
    ]
    returned = function.body[-1].value
    assert isinstance(returned, ast.BoolOp)
    assert "hmac.compare_digest" == ast.unparse(returned.values[0].func)
    compared = [node for node in ast.walk(function) if isinstance(node, ast.Compare)]
    assert ["key is None", "key is not None"] == sorted(ast.unparse(node) for node in compared)
    assert 64 == len(secret._NOBODYS)
