"""One family's way from a configuration to a quantised GGUF file, each step checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from bench import engine_parity, family_tokenizers
from bench.engine_parity import Parity
from suffice.adapt.decoder.gguf_files import export
from suffice.adapt.decoder.gguf_files.quantise import QuantisedFile, quantise
from suffice.adapt.decoder.published import families_accounts
from suffice.adapt.decoder.published.families import Family
from suffice.models import chat_template
from suffice.models.engine import DecoderEngine
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.prompt import Part, Prompt
from suffice.models.transformers.engine import TransformersEngine, quiet
from suffice.ports import Request

WIDTH, LAYERS, HEADS, HEAD, INNER = 256, 2, 4, 64, 512
CONTEXT = 512
POSITIONS = 192
WINDOW = 64
_STEPS = 2
_CHAT = [
    {"role": "user", "content": "What is 2 + 2?"},
    {"role": "assistant", "content": "4"},
    {"role": "user", "content": "And 3 + 3?"},
]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one family's chain showed; `window` is the parity where texts are longer than its window."""

    own_tokenizer: bool
    lora_loss: tuple[float, float]
    merged_difference: float
    f32: Parity
    q8_0: Parity
    q4_k_m: Parity
    window: Parity | None
    q8_0_file: QuantisedFile
    q4_k_m_file: QuantisedFile
    same_tokens: tuple[int, int]
    same_greedy: tuple[int, int]
    chat: tuple[bool, bool, bool] | None
    stops: tuple[frozenset[int], frozenset[int]]
    cache_computed: int
    cache_measured: float
    vectors: tuple[int, int] | None


def run(family: Family, folder: Path, *, texts: Sequence[str], data: Path | None) -> Outcome:
    """Returns what the whole chain showed for one family, from tiny random weights.

    Raises:
        SufficeError: a step refused; the message says which and why.
    """
    own = family_tokenizers.write(family, folder, texts=texts, data=data)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    config = tiny_configuration(family, len(tokenizer))
    model = _model(config)
    merged, losses, difference = _tuned(model, tokenizer, texts)
    _save(merged, family, tokenizer, folder)
    export.write_gguf(folder, folder / "f32.gguf", outtype="f32")
    q8_0 = quantise(folder / "f32.gguf", folder / "Q8_0.gguf", type="Q8_0")
    q4_k_m = quantise(folder / "f32.gguf", folder / "Q4_K_M.gguf", type="Q4_K_M")
    reference, engine = TransformersEngine(folder), LlamaEngine(folder / "f32.gguf")
    tokens = _first_tokens(reference, texts)
    wanted = engine_parity.logits(reference, tokens)
    return Outcome(
        own_tokenizer=own,
        lora_loss=losses,
        merged_difference=difference,
        f32=engine_parity.parity(wanted, engine_parity.logits(engine, tokens)),
        q8_0=engine_parity.parity(wanted, engine_parity.logits_of(q8_0.path, tokens)),
        q4_k_m=engine_parity.parity(wanted, engine_parity.logits_of(q4_k_m.path, tokens)),
        window=_window_parity(family, config, folder, tokens),
        q8_0_file=q8_0,
        q4_k_m_file=q4_k_m,
        same_tokens=engine_parity.same_tokens(reference, engine, texts),
        same_greedy=engine_parity.same_greedy(reference, engine, tokens[:8]),
        chat=_chat_equal(family, tokenizer, (reference, engine)),
        stops=(reference.end_tokens, engine.end_tokens),
        cache_computed=families_accounts.context(config).bytes_per_token,
        cache_measured=engine_parity.cache_bytes_per_token(engine, tokens),
        vectors=engine_parity.published_ids(engine, data) if own and data is not None else None,
    )


def tiny_configuration(family: Family, vocabulary: int, *, window: int | None = None) -> Any:
    """Returns the family's configuration with 2 layers of width 256; `window` is for those that have one."""
    published = families_accounts.configuration(family)
    shape = families_accounts.context(published)
    key_heads = max(1, HEADS * shape.key_heads // shape.query_heads)
    tokens = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"))
    changes: dict[str, Any] = {"vocab_size": vocabulary, **tokens}
    if family.config_class == "GPT2Config":
        changes |= {"n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": CONTEXT}
        return families_accounts.configuration(family, **changes)
    changes |= {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH if family.name == "Phi-2" else INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": CONTEXT,
    }
    if "partial_rotary_factor" in family.sizes:
        changes["partial_rotary_factor"] = 0.5  # of a head of 64; 0.4 would rotate a broken number
    if "rope_parameters" in family.sizes:
        changes["rope_parameters"] = {
            **family.sizes["rope_parameters"],
            "original_max_position_embeddings": CONTEXT // 4,
        }
    if "num_key_value_heads" in family.sizes:
        changes["num_key_value_heads"] = key_heads
    if "head_dim" in family.sizes:
        changes["head_dim"] = HEAD
    if family.config_class.startswith("Gemma") and family.name != "Gemma 1":
        changes["query_pre_attn_scalar"] = HEAD
    if shape.window is not None:
        changes["sliding_window"] = CONTEXT if window is None else window
    return families_accounts.configuration(family, **changes)


def _model(config: Any) -> Any:
    """Returns a model of random weights whose norms and biases are random too, so that parity tests them."""
    torch.manual_seed(0)
    with quiet(transformers):
        model = transformers.AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for tensor in model.parameters():
            if tensor.dim() == 1:
                tensor.add_(torch.randn_like(tensor), alpha=0.1)
    return model.eval()


def _tuned(model: Any, tokenizer: Any, texts: Sequence[str]) -> tuple[Any, tuple[float, float], float]:
    """Returns the model with its adapter merged, the loss before and after, how far merging moved logits."""
    import peft  # noqa: PLC0415 - it takes seconds to import

    torch.manual_seed(1)
    ids = torch.tensor([tokenizer("\n".join(texts[:40])).input_ids[:128]])
    with quiet(transformers):
        tuned = peft.get_peft_model(model, peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear"))
        optimiser = torch.optim.AdamW([one for one in tuned.parameters() if one.requires_grad], lr=1e-2)
        losses = []
        for _ in range(_STEPS):
            loss = tuned(input_ids=ids, labels=ids).loss
            losses.append(float(loss.detach()))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        with torch.no_grad():
            apart = tuned(input_ids=ids, labels=ids)
            merged = tuned.merge_and_unload()
            difference = float((merged(input_ids=ids).logits - apart.logits).abs().max())
    return merged, (losses[0], float(apart.loss)), difference


def _save(merged: Any, family: Family, tokenizer: Any, folder: Path) -> None:
    """Writes the merged model into the folder, with the family's stop tokens."""
    stops = [tokenizer.convert_tokens_to_ids(token) for token in family.stops]
    merged.config.eos_token_id = stops[0]
    merged.generation_config.eos_token_id = stops
    merged.generation_config.do_sample = False
    with quiet(transformers):
        merged.save_pretrained(folder)


def _first_tokens(engine: DecoderEngine, texts: Sequence[str]) -> list[int]:
    part = Part(text="\n".join(texts), is_markup=False)
    return engine.tokenize([part], is_start=True)[:POSITIONS]


def _window_parity(family: Family, config: Any, folder: Path, tokens: Sequence[int]) -> Parity | None:
    if families_accounts.context(config).window is None:
        return None
    narrow = tiny_configuration(family, config.vocab_size, window=WINDOW)
    place = folder / "window"
    place.mkdir()
    for file in folder.glob("tokenizer*"):
        (place / file.name).write_bytes(file.read_bytes())
    model = _model(narrow)
    model.config.eos_token_id = transformers.AutoTokenizer.from_pretrained(place).eos_token_id
    with quiet(transformers):
        model.save_pretrained(place)
    export.write_gguf(place, place / "f32.gguf", outtype="f32")
    return engine_parity.parity(
        engine_parity.logits(TransformersEngine(place), tokens),
        engine_parity.logits_of(place / "f32.gguf", tokens),
    )


def _chat_equal(
    family: Family, tokenizer: Any, engines: tuple[TransformersEngine, LlamaEngine]
) -> tuple[bool, bool, bool] | None:
    """Says whether both sides agree on a chat's text and tokens, and on a prompt's; None without template.

    The text is the GGUF file's template rendered here against apply_chat_template; the tokens are the
    whole chat's, by the tokenizer and by llama.cpp; the prompt is one with shots as suffice puts it,
    each part for itself, by the two engines.
    """
    if family.chat is None:
        return None
    reference, engine = engines
    bos, eos = tokenizer.bos_token or "", tokenizer.eos_token
    template = engine.header.values["tokenizer.chat_template"]
    here = tokenizer.apply_chat_template(_CHAT, tokenize=False, add_generation_prompt=True)
    there = chat_template.render(template, _CHAT, bos=bos, eos=eos)
    tokens = engine.tokenize([Part(text=there, is_markup=True)], is_start=False)
    shots = ((_CHAT[0]["content"], _CHAT[1]["content"]),)
    prompt = Prompt(
        style="chat", instruction="Be short.", shots=shots, chat_template=template, bos=bos, eos=eos
    )
    parts = prompt.parts(Request(text=f"And {eos} 3 + 3?"))
    put = [one.tokenize(parts, is_start=True) for one in (reference, engine)]
    return here == there, tokenizer(here, add_special_tokens=False).input_ids == tokens, put[0] == put[1]
