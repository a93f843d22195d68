"""New connections: to checked addresses only, to the next one where one is dead, by TLS with the name."""

import asyncio
import datetime as dt
import ipaddress
import socket
import ssl

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from suffice.serve.tiers.upstreams.addresses import Reachable
from suffice.serve.tiers.upstreams.http1.connecting import Connecting
from suffice.serve.tiers.upstreams.http1.failures import (
    AddressesRefused,
    ConnectTimedOut,
    NotConnected,
    NotTrusted,
)
from suffice.serve.tiers.upstreams.http1.request_head import Origin
from tests.unit.serve.tiers.upstreams.http1.raw_server import WHOLE, Client, serving

KINDS = pytest.mark.parametrize("kind", [asyncio.SelectorEventLoop, uvloop.Loop], ids=["asyncio", "uvloop"])
HERE = Reachable(private=True)


def run(kind, asked, *addresses):
    """Returns what a coroutine returns in a loop whose look-up leads every name to these addresses."""

    class Leading(kind):
        async def getaddrinfo(self, host, port, **_):
            found = addresses if host == "model.example" else [(host, port)]
            families = {True: socket.AF_INET6, False: socket.AF_INET}
            return [(families[":" in at[0]], socket.SOCK_STREAM, 6, "", at) for at in found]

    with asyncio.Runner(loop_factory=Leading) as runner:
        return runner.run(asked)


class Noting(asyncio.Protocol):
    """Notes where it was connected to, and that it was closed."""

    def connection_made(self, transport):
        """Notes the port."""
        self.transport = transport
        self.port = transport.get_extra_info("peername")[1]
        self.lost = asyncio.get_running_loop().create_future()

    def connection_lost(self, _):
        """Notes the end."""
        self.lost.set_result(None)


async def ports(times=1, *, reachable=HERE, connect_s=0.4, url="http://model.example"):
    """Returns the ports that so many connections led to."""
    connecting = Connecting(Origin(url), reachable, connect_s=connect_s)
    found = []
    for _ in range(times):
        made = await connecting(Noting)
        found.append(made.port)
        made.transport.abort()
        await made.lost
    return found


class Silent:
    """A port of this machine that neither takes nor refuses a connection: its queue is full."""

    def __enter__(self):
        self.sockets = [socket.create_server(("127.0.0.1", 0), backlog=0)]
        self.at = self.sockets[0].getsockname()
        for _ in range(4):
            waiting = socket.socket()
            waiting.settimeout(0)
            waiting.connect_ex(self.at)
            self.sockets.append(waiting)
        return self.at

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()


@pytest.fixture
def alive():
    """Returns the address of a port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()


@pytest.fixture
def closed():
    """Returns the address of a port that refuses connections."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()


@KINDS
def test_a_dead_first_address_does_not_fail_the_call(kind, alive, closed):
    """The next one is tried; the one that was good is tried first from then on."""
    assert [alive[1]] * 2 == run(kind, ports(2), closed, closed, alive)


@KINDS
def test_a_silent_first_address_leaves_the_next_one_its_time(kind, alive):
    """It gets its share of the time to connect, and is no longer asked first."""

    async def timed():
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        found = await ports(3)
        return found, loop.time() - began_s

    with Silent() as silent:
        found, took_s = run(kind, timed(), silent, alive)
    assert [alive[1]] * 3 == found
    assert took_s < 0.55  # not 0.2 s for each of the three


@KINDS
def test_where_no_address_answers_in_time(kind):
    """The error says how long was waited."""
    with Silent() as silent, pytest.raises(ConnectTimedOut, match=r"took no connection in 0\.1 s"):
        run(kind, ports(connect_s=0.1), silent, silent)


@KINDS
def test_where_every_address_refuses(kind, closed):
    """Without the address."""
    with pytest.raises(NotConnected, match=r"^takes no connection$"):
        run(kind, ports(), closed, closed)


@KINDS
def test_where_there_is_no_address(kind):
    """A name may lead nowhere."""
    with pytest.raises(NotConnected):
        run(kind, ports())


@KINDS
def test_refused_addresses_are_passed_over(kind, alive):
    """Nothing is sent to them; one that is allowed is used."""
    refused = ("169.254.169.254", alive[1])
    assert [alive[1]] == run(kind, ports(), refused, alive, refused)


@KINDS
@pytest.mark.parametrize("address", ["169.254.169.254", "10.0.0.1", "127.0.0.1", "::ffff:10.0.0.1"])
def test_a_name_that_leads_only_to_refused_addresses(kind, address, alive):
    """Whatever resolves it: the check is on the address that would be connected to."""
    with pytest.raises(AddressesRefused):
        run(kind, ports(reachable=Reachable()), (address, alive[1]))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Returns the file of a certificate for the names model.example and 127.0.0.1, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("model.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


def served_by(certificate):
    """Returns the server's side of TLS, which notes what the client offers and asks for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.noted = []
    context.sni_callback = lambda _, name, __: context.noted.append(name)
    return context


async def asked_by_tls(certificate, host):
    """Returns the reply's body, the names that were asked for, and the protocol that was agreed on."""
    context = served_by(certificate)
    async with serving([WHOLE], tls=context) as raw:
        client = Client(f"https://{host}:{raw.port}/v1")
        try:
            reply, body = await client.ask()
            assert 200 == reply.status
            connection = client.pool.idle()
            agreed = connection._transport.get_extra_info("ssl_object").selected_alpn_protocol()
            client.pool.give_back(connection)
            return body, context.noted, agreed
        finally:
            await client.pool.close()
            await asyncio.sleep(0.01)


class ToThatPort:
    """A look-up that leads every name to a port of this machine."""

    def __init__(self, kind):
        class Leading(kind):
            async def getaddrinfo(self, _, port, **__):
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        self.kind = Leading

    def run(self, asked):
        """Returns what a coroutine returns."""
        with asyncio.Runner(loop_factory=self.kind) as runner:
            return runner.run(asked)


@KINDS
@pytest.mark.parametrize(("host", "noted"), [("model.example", ["model.example"]), ("127.0.0.1", [None])])
def test_tls_asks_for_the_servers_name_and_http_1(kind, host, noted, certificate, monkeypatch):
    """The certificate is checked against it; of the protocols HTTP/1.1 is agreed on."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert (b"{}", noted, "http/1.1") == ToThatPort(kind).run(asked_by_tls(certificate, host))


@KINDS
@pytest.mark.parametrize("host", ["other.example", "127.0.0.2"])
def test_a_certificate_for_another_name_is_not_trusted(kind, host, certificate, monkeypatch):
    """Nothing is sent."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(NotTrusted, match="no certificate that can be trusted"):
        ToThatPort(kind).run(asked_by_tls(certificate, host))


@KINDS
def test_a_certificate_of_nobody_is_not_trusted(kind, certificate, monkeypatch):
    """One that no known authority has signed."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    with pytest.raises(NotTrusted):
        ToThatPort(kind).run(asked_by_tls(certificate, "model.example"))


@KINDS
def test_a_server_without_tls_takes_no_connection(kind):
    """What it says instead is not read as a reply."""

    async def asked():
        async def words(reader, writer):
            writer.write(b"220 mail.example ESMTP\r\n")
            await reader.read(1)
            writer.close()

        server = await asyncio.start_server(words, "127.0.0.1", 0)
        async with server:
            client = Client(f"https://model.example:{server.sockets[0].getsockname()[1]}")
            try:
                await client.ask()
            finally:
                await client.pool.close()
                await asyncio.sleep(0.01)

    with pytest.raises(NotConnected):
        ToThatPort(kind).run(asked())


@KINDS
def test_a_handshake_that_hangs_ends_in_time(kind):
    """The time to connect covers it, and nothing is left open."""

    async def asked():
        async def silence(reader, writer):
            await reader.read(-1)
            writer.close()

        server = await asyncio.start_server(silence, "127.0.0.1", 0)
        async with server:
            client = Client(f"https://model.example:{server.sockets[0].getsockname()[1]}", connect_s=0.1)
            try:
                await client.ask()
            finally:
                await client.pool.close()
                await asyncio.sleep(0.02)

    with pytest.raises(ConnectTimedOut):
        ToThatPort(kind).run(asked())
