"""The headers that are read, and those that say who answered."""

import pytest

from suffice.serve.call import Wishes
from suffice.serve.errors import BadCall
from suffice.serve.wire import headers
from suffice.serve.wire.about import About


def test_wishes_come_by_headers() -> None:
    """The documented ones are read; others of ours mean nothing."""
    sent = {
        b"x-suffice-route": b"tickets",
        b"x-suffice-local-only": b"TRUE",
        b"x-suffice-escalate-below": b"0.8",
        b"x-suffice-skip-to": b"large",
        b"x-suffice-tier": b"large",
        b"x-suffice-certificate": b"forged",
    }
    told = headers.read(sent)
    assert Wishes(local_only=True, escalate_below=0.8, skip_to="large") == told.wishes
    assert "tickets" == told.route
    assert headers.read({b"x-suffice-tier": b"large"}) == headers.read({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-suffice-local-only", "yes"),
        ("x-suffice-escalate-below", "1.5"),
        ("x-suffice-escalate-below", "nan"),
        ("x-suffice-escalate-below", "much"),
    ],
)
def test_a_wish_that_cannot_be_read_is_refused(name: str, value: str) -> None:
    """A wish for strictness that is not understood must not be dropped in silence."""
    with pytest.raises(BadCall) as raised:
        headers.read({name.encode(): value.encode()})
    assert name == raised.value.param
    assert value in raised.value.message


def test_names_cannot_break_out_of_a_header() -> None:
    """A name with a line break or beyond ASCII is written as escapes."""
    about = About(request_id="r", route="a\r\nset-cookie: b", escalated=False, tier="größe", place="local")
    written = dict(headers.written(about))
    assert b"a\\r\\nset-cookie: b" == written[b"x-suffice-route"]
    assert b"gr\\xf6\\xdfe" == written[b"x-suffice-tier"]
    assert b"none" == written[b"x-suffice-certificate"]
