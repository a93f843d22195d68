"""The same stand-in for a large model behind every gateway: nginx, which answers at once with fixed bytes."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.gateway.machine import is_listening, taskset

_WORDS = 24
_CHUNK = {
    "id": "chatcmpl-fixed",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "imaginary-large-1",
}
_REPLY = {
    "id": "chatcmpl-fixed",
    "object": "chat.completion",
    "created": 1,
    "model": "imaginary-large-1",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": " ".join(["billing"] * 90)},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 220, "completion_tokens": 90, "total_tokens": 310},
}


def _events() -> str:
    """Returns a streamed answer of 24 words: a role, the words, the end, usage."""
    deltas = [{"role": "assistant", "content": ""}, *({"content": "billing "} for _ in range(_WORDS))]
    chunks = [
        {**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    chunks.append({**_CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    usage = {"prompt_tokens": 220, "completion_tokens": _WORDS, "total_tokens": 220 + _WORDS}
    chunks.append({**_CHUNK, "choices": [], "usage": usage})
    return "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"


def _configuration(folder: Path, *, whole: int, streamed: int) -> str:
    """Returns nginx's configuration: one worker, fixed files, connections kept open."""
    (folder / "reply.json").write_text(json.dumps(_REPLY))
    (folder / "events.txt").write_text(_events())
    servers = "".join(
        f"""
  server {{
    listen 127.0.0.1:{port} backlog=1024;
    keepalive_requests 1000000000;
    location / {{
      # A POST is answered with a file: nginx allows that only through its error page.
      root {folder};
      error_page 405 =200 /{name};
      default_type {kind};
      try_files /{name} =404;
    }}
  }}"""
        for port, name, kind in (
            (whole, "reply.json", "application/json"),
            (streamed, "events.txt", "text/event-stream"),
        )
    )
    return f"""worker_processes 1;
daemon off;
user {_user()};
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ }}{servers}
}}
"""


def _user() -> str:
    return "root" if os.geteuid() == 0 else os.environ.get("USER", "nobody")


@contextmanager
def upstream(folder: Path, *, whole: int, streamed: int, core: int) -> Iterator[None]:
    """Runs nginx on two ports of one core: one answers whole, the other streams."""
    program = shutil.which("nginx")
    if program is None:
        raise SystemExit("nginx is not installed: it stands in for the large model")
    configuration = folder / "nginx.conf"
    configuration.write_text(_configuration(folder, whole=whole, streamed=streamed))
    process = subprocess.Popen([taskset(), "-c", str(core), program, "-c", str(configuration)])
    try:
        while not (is_listening(whole) and is_listening(streamed)):
            if process.poll() is not None:
                raise SystemExit(f"nginx ended: {(folder / 'error.log').read_text()[-500:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()
