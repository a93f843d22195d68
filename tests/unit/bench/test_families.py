"""The page of families says what the chains showed, failed ones included."""

import dataclasses
import random
from pathlib import Path

import pytest

pytest.importorskip("torch")

from bench import families, family_chain
from suffice.adapt.decoder.published.families import FAMILIES

_PAGE = Path(__file__).parents[3] / "docs" / "families.md"
_CHANCE = random.Random(0)
_WORDS = ["".join(_CHANCE.choices("abcdefghijklmnop'", k=_CHANCE.randint(2, 9))) for _ in range(400)]
_TEXTS = [" ".join(_CHANCE.choices(_WORDS, k=8)) + f", {_CHANCE.randint(0, 9999)}." for _ in range(300)]


def test_the_committed_page_lists_every_family():
    """Each family of the registry has a row in both tables, and none is there that is not registered."""
    lines = _PAGE.read_text(encoding="utf-8").splitlines()
    named = [line.split(" | ")[0].removeprefix("| ") for line in lines if line.startswith("| ")]
    assert sorted([*(family.name for family in FAMILIES)] * 2) == sorted(
        name for name in named if name != "family"
    )


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning:peft")
@pytest.mark.parametrize("name", ["Gemma 2", "Mixtral", "Qwen3"])
def test_a_family_comes_through_the_whole_chain(name, tmp_path: Path):
    """Random weights, LoRA, merge, GGUF, two types, llama.cpp: equal logits, tokens, chat and stops."""
    family = next(family for family in FAMILIES if family.name == name)
    outcome = family_chain.run(family, tmp_path, texts=_TEXTS, data=None)
    assert [] == families.Row(family=family, outcome=outcome).reasons()
    assert outcome.lora_loss[1] < outcome.lora_loss[0]
    assert outcome.q4_k_m_file.bytes < outcome.q8_0_file.bytes < (tmp_path / "f32.gguf").stat().st_size
    assert 0 <= outcome.cache_measured - outcome.cache_computed <= 24


@pytest.mark.train
@pytest.mark.slow
def test_what_differs_is_named_and_prompts_are_still_the_same(tmp_path: Path):
    """TinyLlama's tokenizer puts fewer spaces into a chat than llama.cpp; our prompts become equal tokens."""
    family = next(family for family in FAMILIES if family.name == "TinyLlama")
    outcome = family_chain.run(family, tmp_path, texts=_TEXTS, data=None)
    assert (True, False, True) == outcome.chat
    (reason,) = families.Row(family=family, outcome=outcome).reasons()
    assert reason.startswith("in chats llama.cpp puts a space after control tokens")


@pytest.mark.train
def test_a_chain_that_breaks_off_is_a_row_with_its_reason():
    """An architecture that transformers does not have is in the table, by name."""
    odd = dataclasses.replace(FAMILIES[0], name="Odd", config_class="OddConfig")
    (row,) = families.rows([odd], texts=_TEXTS, data=None)
    assert row.reasons()[0].endswith("has no OddConfig")
    page = families.page(
        [dataclasses.replace(row, family=dataclasses.replace(FAMILIES[0], name="Odd"))], seconds=1
    )
    assert "| Odd | PhiConfig |" in page
    assert f"- Odd: {row.reasons()[0]}." in page
