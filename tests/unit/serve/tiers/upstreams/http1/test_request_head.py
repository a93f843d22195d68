"""The head of a request: where it goes, what it carries, and that nothing can add a header to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.errors import SpecError
from suffice.serve.tiers.upstreams.http1.request_head import Origin, RequestHeads

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = {"Host", "Accept", "Accept-Encoding", "Content-Type", "User-Agent", "Content-Length"}


def head(base_url="http://host/v1", *, path="/x", key=None, traceparent="", length=7):
    """Returns the head of one request."""
    heads = RequestHeads(Origin(base_url))
    return heads.head(path, key=key, traceparent=traceparent, length=length)


def names(data):
    """Returns the names of its headers."""
    first, *lines = data.decode().removesuffix("\r\n\r\n").split("\r\n")
    assert first == "POST /v1/x HTTP/1.1"
    return [line.partition(":")[0] for line in lines]


def test_a_request_carries_what_it_needs():
    """Byte for byte."""
    assert (
        b"POST /v1/x HTTP/1.1\r\nHost: host:8000\r\nAccept: */*\r\nAccept-Encoding: identity\r\n"
        b"Content-Type: application/json\r\nUser-Agent: suffice\r\nAuthorization: Bearer sk-1\r\n"
        b"traceparent: " + PARENT.encode() + b"\r\nContent-Length: 7\r\n\r\n"
    ) == head("http://host:8000/v1/", key="sk-1", traceparent=PARENT)


@pytest.mark.parametrize(
    ("base_url", "host", "path"),
    [
        ("http://h", b"h", b"/x"),
        ("http://H:80/v1", b"h", b"/v1/x"),
        ("https://h:443/v1", b"h", b"/v1/x"),
        ("https://h:80/v1", b"h:80", b"/v1/x"),
        ("http://[::1]:8000/v1", b"[::1]:8000", b"/v1/x"),
        ("http://bücher.example/v1", b"xn--bcher-kva.example", b"/v1/x"),
        ("http://h/a b/ü/%20", b"h", b"/a%20b/%C3%BC/%20/x"),
        ("http://h/v1\r\nX: y", b"h", b"/v1X:%20y/x"),
    ],
)
def test_where_a_request_goes(base_url, host, path):
    """Usual ports are left out, other signs than ASCII are written as the standards have it."""
    lines = head(base_url).split(b"\r\n")
    assert [b"POST " + path + b" HTTP/1.1", b"Host: " + host] == lines[:2]


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "ü" * 64])
def test_what_can_be_no_host_is_said_at_the_start(host):
    """With the name, before any call."""
    with pytest.raises(SpecError, match="which can be no host"):
        Origin(f"http://{host}/v1")


@given(key=st.text(), traceparent=st.text(), path=st.text())
def test_nothing_adds_a_header(key, traceparent, path):
    """Whatever a key, a trace or a path holds: the known headers once each, or nothing is made."""
    try:
        data = head(key=key, traceparent=traceparent, path="/x")
    except ValueError:
        pass
    else:
        more = [name for name, given in (("Authorization", key), ("traceparent", traceparent)) if given]
        found = names(data)
        assert len(found) == len(set(found))
        assert HEADERS <= set(found) <= HEADERS | set(more)
    try:
        data = head(path=path)
    except ValueError:
        return
    assert 1 == data.count(b"\r\n\r\n") == data.count(b" HTTP/1.1\r\n")
    assert len(HEADERS) + 2 == data.count(b"\r\n")


@pytest.mark.parametrize("key", ["sk-a\r\nX-Evil: 1", "sk\n", "sk-ä", "sk\0", "\x7f"])
def test_a_key_that_no_header_may_have_makes_nothing(key):
    """It is not shortened, mended or sent."""
    with pytest.raises(ValueError, match="no header may have"):
        head(key=key)


def test_what_varies_is_not_kept():
    """Length and trace of one request are not another's."""
    heads = RequestHeads(Origin("http://h"))
    first = heads.head("/x", key=None, traceparent=PARENT, length=1)
    second = heads.head("/x", key=None, traceparent="", length=22)
    assert (True, True) == (PARENT.encode() in first, b"Content-Length: 1\r\n" in first)
    assert (False, True) == (PARENT.encode() in second, b"Content-Length: 22\r\n" in second)
