"""A whole gateway where there is no network but loopback; and where there is, but no key yet."""

import json
import shutil
import subprocess
import sys
import textwrap

import pytest

from suffice.clock import SystemClock
from suffice.compose.serving import serve
from suffice.errors import SpecError
from suffice.serve.site.read import site_of

SITE = """\
suffice: 1
listen: 127.0.0.1:0
home: home
models: {{chat: {{tiers: [near]}}}}
tiers: {{near: {{kind: upstream, base_url: "http://127.0.0.1:{port}/v1", model: m}}}}
privacy: {{default: allow}}
"""

# Runs in the namespace: a server, the gateway before it, a client; and a try to get out, by each.
DRIVER = """
import json, pathlib, socket, subprocess, sys, urllib.error, urllib.request
from tests.gateway.standing import CHAT, upstream

folder = pathlib.Path(sys.argv[1])
told = {"interfaces": sorted(name for _, name in socket.if_nameindex())}
try:
    socket.create_connection(("192.0.2.1", 443), timeout=2)
except OSError as error:
    told["elsewhere"] = error.strerror
with upstream() as server:
    site = folder / "site.yaml"
    site.write_text(site.read_text().format(port=server.port))
    command = [sys.executable, "-m", "suffice", "serve", str(site), "--offline", "--json"]
    gateway = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        begun = json.loads(gateway.stdout.readline())
        headers = {"authorization": "Bearer " + begun["key"], "content-type": "application/json"}
        url = begun["url"] + "/v1/chat/completions"
        for name in ("first", "second"):
            request = urllib.request.Request(url, json.dumps(CHAT).encode(), headers)
            with urllib.request.urlopen(request, timeout=20) as response:
                told[name] = json.load(response)["choices"][0]["message"]["content"]
        maps = pathlib.Path(f"/proc/{gateway.pid}/maps").read_text()
        told["uvloop"] = "uvloop" in maps
    finally:
        gateway.terminate()
        told["code"] = gateway.wait(20)
        gateway.stdout.close()
print(json.dumps(told))
"""


def why_no_namespace() -> str:
    """Returns why this user cannot make a network namespace with a loopback interface; "" where it can."""
    unshare, ip = shutil.which("unshare"), shutil.which("ip")
    if unshare is None or ip is None:
        return "the commands unshare and ip are not installed"
    command = [unshare, "-n", ip, "link", "set", "lo", "up"]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    return made.stderr.strip() if made.returncode else ""


WHY_NOT = why_no_namespace()


@pytest.mark.slow
@pytest.mark.skipif(bool(WHY_NOT), reason=f"no network namespace: {WHY_NOT}")
def test_the_gateway_serves_where_there_is_no_network(tmp_path):
    """With loopback alone it starts, answers through a tier, and ends: nothing else is ever needed."""
    (tmp_path / "site.yaml").write_text(SITE)
    inside = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    command = ["unshare", "-n", *inside, sys.executable, "-c", textwrap.dedent(DRIVER), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert 0 == done.returncode, done.stderr
    assert json.loads(done.stdout) == {
        "interfaces": ["lo"],
        "elsewhere": "Network is unreachable",
        "first": "billing",
        "second": "billing",
        "uvloop": False,
        "code": 0,
    }


def test_ollama_a_bind_beyond_this_machine_needs_a_key(tmp_path):
    """175,000 open servers: without a key the gateway does not begin to serve other machines."""
    place = tmp_path / "site.yaml"
    place.write_text(SITE.format(port=1))
    begun = []
    with pytest.raises(SpecError, match="there is no key yet") as caught:
        serve(site_of(place, listen="0.0.0.0:0"), clock=SystemClock(), heard=begun.append)
    assert "suffice keys create" in caught.value.hint
    assert [] == begun
