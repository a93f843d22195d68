"""The registry of families holds the numbers of published models."""

import pytest

from suffice.adapt.decoder.published import chat_formats, families_accounts
from suffice.adapt.decoder.published.families import FAMILIES, Family
from suffice.adapt.decoder.published.families_accounts import Context, Parameters
from suffice.models import chat_template

_CHAT = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Yes?"},
    {"role": "user", "content": "2"},
]


def _named(name: str) -> Family:
    return next(family for family in FAMILIES if family.name == name)


def test_every_family_has_its_own_name_and_a_known_template():
    """Names are unique; a chat model's template is one of the formats."""
    assert len(FAMILIES) == len({family.name for family in FAMILIES})
    assert {family.chat for family in FAMILIES} - {None} <= set(chat_formats.TEMPLATES)


@pytest.mark.parametrize(
    ("chat", "expected"),
    [
        ("chatml", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYes?<|im_end|>\n"),
        (
            "llama-3",
            "<s><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant",
        ),
        ("phi-3", "<|user|>\nHi<|end|>\n<|assistant|>\nYes?<|end|>\n"),
        ("phi-4", "<|im_start|>user<|im_sep|>Hi<|im_end|><|im_start|>assistant<|im_sep|>Yes?<|im_end|>"),
        ("zephyr", "<|user|>\nHi</s>\n<|assistant|>\nYes?</s>\n<|user|>\n2</s>\n<|assistant|>\n"),
        ("llama-2", "<s>[INST] Hi [/INST] Yes? </s><s>[INST] 2 [/INST]"),
        ("mistral", "<s>[INST] Hi [/INST] Yes?</s>[INST] 2 [/INST]"),
        ("gemma", "<s><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nYes?<end_of_turn>\n"),
    ],
)
def test_turns_are_marked_as_the_family_was_taught(chat, expected):
    """The markup around two turns is the published one."""
    rendered = chat_template.render(chat_formats.TEMPLATES[chat], _CHAT, bos="<s>", eos="</s>")
    assert expected == rendered[: len(expected)]


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "total", "active"),
    [
        ("Mixtral", 46_702_792_704, 12_879_925_248),
        ("Mistral 7B", 7_241_732_096, 7_241_732_096),
        ("GPT-2", 124_439_808, 124_439_808),
        ("SmolLM2", 134_515_008, 134_515_008),
        ("Qwen2.5", 494_032_768, 494_032_768),
        ("Llama 3.x", 1_235_814_400, 1_235_814_400),
        ("Gemma 3", 999_885_952, 999_885_952),
    ],
)
def test_parameters_are_those_published(name, total, active):
    """Counting the shape gives the number on the model's page; of 8 experts 2 take part in a token."""
    config = families_accounts.configuration(_named(name))
    assert Parameters(total=total, active=active) == families_accounts.parameters(config)


@pytest.mark.train
@pytest.mark.slow
def test_context_follows_heads_and_windows():
    """Gemma 3 has 22 of 26 layers with a window of 512: at 8,192 tokens they keep 1/16."""
    context = families_accounts.context(families_accounts.configuration(_named("Gemma 3")))
    assert 26 * 2 * 256 * 4 == context.bytes_per_token
    assert 2048 * (4 * 8192 + 22 * 512) == context.bytes_at(8192)
    plain = Context(layers=2, windowed_layers=0, window=None, key_heads=1, query_heads=4, head=8)
    assert 10 * plain.bytes_per_token == plain.bytes_at(10)


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "positions", "activation"),
    [
        ("GPT-2", "learned", "gelu_new"),
        ("Phi-2", "RoPE 10,000, 40% of a head", "gelu_new"),
        ("Gemma 3", "RoPE 1,000,000 (full), 10,000 (sliding)", "GeGLU"),
        ("Llama 3.x", "RoPE 500,000, llama3 scaling", "SwiGLU"),
    ],
)
def test_traits_are_read_from_the_configuration(name, positions, activation):
    """Positions and activation in the field's words."""
    traits = families_accounts.traits(families_accounts.configuration(_named(name)))
    assert (positions, activation) == (traits.positions, traits.activation)
