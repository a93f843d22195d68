"""A reference that is asked live, through the command line, against a real server on loopback."""

import asyncio
import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from suffice.cli.main import main
from tests.flow.command_line import started, suffice
from tests.flow.conftest import WORDS, made_rows

pytestmark = pytest.mark.slow

PASSED, INCONCLUSIVE, REFUSED = 0, 3, 2


class Server:
    """Answers chats on a thread of its own, and counts what it was asked.

    `says` gives the reply's text by the message and the right label; None is a status 400.
    """

    def __init__(self, says=lambda _, label: label, *, pause_s=0.0):
        self.asked = Counter()
        self.bodies = []
        self._says, self.pause_s = says, pause_s
        self._loop = asyncio.new_event_loop()
        self._stop = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        self._ready.wait(20)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)

    def _serve(self):
        asyncio.set_event_loop(self._loop)
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._answer)
        runner = web.AppRunner(app, shutdown_timeout=0.01)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    async def _answer(self, request):
        body = await request.json()
        self.bodies.append(body)
        text = body["messages"][-1]["content"]
        self.asked[text] += 1
        await asyncio.sleep(self.pause_s)
        label = next((name for name, phrases in WORDS.items() if any(p in text for p in phrases)), None)
        said = self._says(text, label)
        if said is None:
            return web.json_response({"error": "too odd"}, status=400)
        usage = {"prompt_tokens": 60, "completion_tokens": 2}
        return web.json_response({"choices": [{"message": {"content": said}}], "usage": usage})


def task_file(place, url, rows, *, keys="", margin=0.05):
    """Returns a task file whose reference is asked at this address."""
    text = "".join(json.dumps({k: row[k] for k in ("text", "label")}) + "\n" for row in rows)
    (place / "rows.jsonl").write_text(text)
    (place / "task.yaml").write_text(
        "version: 1\nname: live\nkind: classify\ndata: rows.jsonl\ninput: text\ntarget: label\n"
        f"reference: {{openai: {{base_url: '{url}', model: big{keys}}}}}\n"
        f"bars: {{quality: {{target: non_inferior, margin: {margin}}}}}\n"
        "ladder: [{kind: linear, name: linear}]\n"
    )
    return place / "task.yaml"


def command(task, *more):
    """Returns the command that runs a task, and its environment."""
    words = [sys.executable, "-m", "suffice", "run", str(task), "--out", str(task.parent / "run"), "--json"]
    return [*words, *more], {**os.environ, "SUFFICE_HOME": str(task.parent / "home")}


def run(task, *more):
    """Returns the command's exit code and the JSON it printed; run in this process, to save time."""
    words, environment = command(task, *more)
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.setenv("SUFFICE_HOME", environment["SUFFICE_HOME"])
        with pytest.raises(SystemExit) as left:
            main(words[3:])
    return left.value.code, json.loads(printed.getvalue())


def is_odd(text, *, one_in):
    """Says whether a text is one of a fixed share of all, whatever it says."""
    return zlib.crc32(text.encode()) % one_in == 0


PRICED = ", usd_per_1m_input: 2.5, usd_per_1m_output: 10.0"


def test_a_live_reference_is_asked_once_and_replaced(tmp_path):
    """Offline does not bar this machine: asked for dev and certify only, then certified; again: no call."""
    with Server(lambda text, label: "refund" if is_odd(text, one_in=20) else label) as server:
        task = task_file(
            tmp_path, server.url, made_rows(700, reference_errs=0), keys=", prompt: 'One of {labels}'"
        )
        code, facts = run(task, "--offline")
        assert PASSED == code, facts
        assert ("live", "linear") == (facts["reference"]["mode"], facts["chosen"]["name"])
        assert {1} == set(server.asked.values())
        assert 300 < len(server.asked) < 400
        assert "One of - delivery\n- invoice\n- login\n- refund" == server.bodies[0]["messages"][0]["content"]
        assert PASSED == run(task, "--offline")[0]
        assert {1} == set(server.asked.values())


def test_money_is_asked_for_before_the_first_call(tmp_path):
    """No cap, a cap below the whole run's estimate, in the file or the flag: refused, and nothing asked."""
    rows = made_rows(300, reference_errs=0)
    with Server() as server:
        for keys, more in (
            (PRICED, ()),
            (PRICED, ("--max-usd", "0.03")),
            (PRICED + ", spend_cap_usd: 0.03", ("--max-usd", "5")),
            (PRICED + ", spend_cap_usd: 5", ("--max-usd", "0.03")),
        ):
            code, said = run(task_file(tmp_path, server.url, rows, keys=keys), *more)
            assert REFUSED == code
            assert "would cost about" in said["error"]
            assert not server.asked
        code, said = run(task_file(tmp_path, server.url, rows, keys=PRICED + ", spend_cap_usd: 1"))
        assert code in {PASSED, INCONCLUSIVE}
        assert server.asked


def test_another_machine_is_not_asked_when_offline(tmp_path):
    """With --offline a server elsewhere is refused by name, before any call."""
    rows = made_rows(60, reference_errs=0)
    task = task_file(tmp_path, "https://models.example.com/v1", rows, keys=PRICED)
    code, said = run(task, "--offline", "--max-usd", "5")
    assert REFUSED == code
    assert "not on this machine" in said["error"]


def test_a_killed_run_pays_no_answer_twice(tmp_path):
    """Killed while the reference is asked: what had come is kept; only calls under way come again."""
    with Server(pause_s=0.05) as server:
        keys = PRICED + ", spend_cap_usd: 5, concurrency: 4"
        task = task_file(tmp_path, server.url, made_rows(300, reference_errs=0), keys=keys)
        words, environment = command(task)
        process = subprocess.Popen(
            words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while len(server.asked) < 40 and time.monotonic() < until:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert 40 <= len(server.asked) < 140
        code, _ = run(task)
        assert code in {PASSED, INCONCLUSIVE}
        twice = [text for text, times in server.asked.items() if times > 1]
        assert len(twice) <= 4


def test_a_reply_that_is_no_label_is_a_wrong_answer(tmp_path):
    """A reference that explains itself on a tenth of the rows is counted wrong there, on no fewer rows."""
    with Server(lambda text, label: f"It is {label}." if is_odd(text, one_in=10) else label) as server:
        task = task_file(tmp_path, server.url, made_rows(700, reference_errs=0))
        _, facts = run(task)
    assert facts["reference"]["quality"]["n"] == facts["data"]["dev"]
    assert 0.85 < facts["reference"]["quality"]["estimate"] < 1.0


def test_a_few_rows_without_an_answer_are_left_out_and_told(tmp_path):
    """Rows the server refuses are counted in a note; the paired test has the others."""
    with Server(lambda text, label: None if is_odd(text, one_in=60) else label) as server:
        task = task_file(tmp_path, server.url, made_rows(700, reference_errs=0))
        code, facts = run(task)
        asked = len(server.bodies)
        refused = sum(is_odd(text, one_in=60) for text in server.asked)
        code_again, again = run(task)  # only the refused ones are asked again, and fail together
        assert asked + refused == len(server.bodies)
    assert 0 < refused
    assert code in {PASSED, INCONCLUSIVE}
    assert any(note.startswith(f"{refused} row") for note in facts["notes"])
    assert (code, facts["notes"], facts["evidence"]) == (code_again, again["notes"], again["evidence"])


def test_many_rows_without_an_answer_are_refused(tmp_path):
    """A reference that fails on a fifth of the rows cannot be compared with; the message says what to do."""
    with Server(lambda text, label: None if is_odd(text, one_in=5) else label) as server:
        code, said = run(task_file(tmp_path, server.url, made_rows(300, reference_errs=0)))
    assert REFUSED == code
    assert "did not answer" in said["error"]
    assert "status 400" in said["error"]


@dataclass
class Paid:
    """A certified cascade of a small model and a paid one: what its two runs said, and the paid server."""

    server: Server
    truth: dict[str, str]
    task: Path
    refused: tuple[int, dict[str, Any]]
    passed: tuple[int, dict[str, Any]]
    asked: Counter[str]


def opaque(number):
    """Returns a text that tells the small model nothing."""
    return f"please help again no{number} q{number * 7919 % 1000}"


@pytest.fixture(name="paid", scope="module")
def _paid(tmp_path_factory):
    """Runs a task whose small model is good on a part of the rows only: without a cap, then with one."""
    rows = made_rows(1500, reference_errs=0, seed=3)
    for number, row in enumerate(rows):
        if number % 5 == 0:
            row["text"] = opaque(number)
    truth = {row["text"]: row["label"] for row in rows}
    with Server(lambda text, _: truth[text]) as server:
        task = task_file(tmp_path_factory.mktemp("paid"), server.url, rows)
        text = task.read_text()
        head = text[: text.index("reference:")]
        task.write_text(
            head + "bars: {quality: {target: absolute, at_least: 0.97}}\nladder:\n"
            "  - {kind: linear, name: linear}\n"
            f"  - {{kind: openai, name: big, base_url: '{server.url}', model: big{PRICED}}}\n"
        )
        refused = run(task)
        assert not server.asked
        passed = run(task, "--max-usd", "1")
        yield Paid(server, truth, task, refused, passed, Counter(server.asked))


def test_a_paid_candidate_is_a_tier_and_is_asked_each_row_once(paid):
    """Where the small model is good on a part only, a cascade to a paid one is certified, within the cap."""
    code, said = paid.refused
    assert REFUSED == code
    assert "asking big" in said["error"]
    code, facts = paid.passed
    assert PASSED == code, facts
    assert facts["chosen"]["name"].startswith("linear -> big @")
    assert {1} == set(paid.asked.values())


def new_rows(paid, place, *, n, seed):
    """Returns the file and the texts of n new rows; every third tells the small model nothing."""
    rows = made_rows(n, reference_errs=0, seed=seed)
    for number in range(0, n, 3):
        rows[number]["text"] = opaque(seed * 100_000 + number)
    texts = [row["text"] for row in rows]
    paid.truth.update({row["text"]: row["label"] for row in rows})
    (place / "new.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return place / "new.jsonl", texts


def predict(paid, source, *more):
    """Returns what predicting into a file beside the input says."""
    out = source.with_name("out.jsonl")
    return suffice("predict", paid.task.parent / "run", "--input", source, "--out", out, *more, "--json")


def answers_in(path):
    """Returns the rows of a predicted file."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_predict_asks_a_paid_tier_under_a_cap_only(paid, tmp_path):
    """Without --max-usd nothing is asked and nothing left behind; with it, what answering cost is told."""
    source, texts = new_rows(paid, tmp_path, n=30, seed=11)
    said = predict(paid, source)
    assert REFUSED == said.code
    assert "asking big" in said.value["error"]
    assert "no spend cap is set" in said.value["error"]
    assert ["new.jsonl"] == [path.name for path in tmp_path.iterdir()]
    assert not set(texts) & set(paid.server.asked)
    said = predict(paid, source, "--max-usd", "1")
    assert (0, 30, 0) == (said.code, said.value["rows"], said.value["failed"])
    asked = [text for text in texts if text in paid.server.asked]
    assert 5 < len(asked) < 30
    assert pytest.approx(len(asked) * (60 * 2.5 + 2 * 10.0) / 1e6) == said.value["spent_usd"]
    rows = answers_in(tmp_path / "out.jsonl")
    assert [("big" if text in asked else "linear") for text in texts] == [row["tier"] for row in rows]
    assert [paid.truth[text] for text in asked] == [row["answer"] for row in rows if row["tier"] == "big"]
    assert {"new.jsonl", "out.jsonl"} == {path.name for path in tmp_path.iterdir()}


def test_predict_stops_at_the_cap_and_goes_on_after_it(paid, tmp_path):
    """Each command spends its cap, puts the rows so far into the output, and none is paid for twice."""
    source, texts = new_rows(paid, tmp_path, n=90, seed=12)
    shown = []
    for _ in range(20):
        said = predict(paid, source, "--max-usd", "0.002")
        if said.code != REFUSED:
            break
        assert said.value["error"].startswith(f"stopped after {len(answers_in(tmp_path / 'out.jsonl'))} rows")
        assert "same command again" in said.value["hint"]
        shown.append(answers_in(tmp_path / "out.jsonl"))
    assert (0, 90) == (said.code, said.value["rows"])
    assert len(shown) >= 2
    whole = answers_in(tmp_path / "out.jsonl")
    assert 90 == len(whole)
    lengths = [len(rows) for rows in shown]
    assert sorted(set(lengths)) == lengths
    assert all(rows == whole[: len(rows)] for rows in shown)
    assert {0, 1} == {paid.server.asked[text] for text in texts}
    assert {"new.jsonl", "out.jsonl"} == {path.name for path in tmp_path.iterdir()}


def test_a_killed_prediction_pays_no_answer_twice(paid, tmp_path):
    """Killed while the paid tier is asked: what had come is kept, and the same command goes on."""
    source, texts = new_rows(paid, tmp_path, n=300, seed=13)
    out = tmp_path / "out.jsonl"
    paid.server.pause_s = 0.05
    words = ["predict", paid.task.parent / "run", "--input", source, "--out", out, "--max-usd", "1"]
    process = started(*words)
    until = time.monotonic() + 60
    while not 20 <= sum(paid.server.asked[text] for text in texts) and time.monotonic() < until:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    paid.server.pause_s = 0.0
    assert not out.exists()
    assert 20 <= sum(paid.server.asked[text] for text in texts) < 100
    assert 0 == predict(paid, source, "--max-usd", "1").code
    assert 300 == len(answers_in(out))
    twice = [text for text in texts if paid.server.asked[text] > 1]
    assert len(twice) <= 8  # the calls that were under way
