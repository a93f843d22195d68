"""The small Llama in torch is transformers' Llama."""

from pathlib import Path

import pytest

from suffice.adapt.decoder.scratch import tokenizer
from suffice.adapt.decoder.scratch.shape import Shape
from suffice.adapt.decoder.scratch.tiny_net import TinyNet
from tests.unit.adapt.decoder import toy_frames

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

_LEARNT = tokenizer.learn([one.text for one in toy_frames.samples(50, seed=1)], most_tokens=300)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [2, 4])
def test_logits_are_those_of_transformers(tmp_path: Path, depth: int):
    """The folder that is saved gives the same logits there, to a hundred thousandth, filling or not."""
    transformers = pytest.importorskip("transformers")
    net = TinyNet(Shape(depth=depth), _LEARNT, seed=3)
    net.device, net._computed = "cpu", torch.float32
    net.save(net.trained, tmp_path, context=64)
    _LEARNT.save(tmp_path)
    other = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32)
    ids = torch.randint(0, _LEARNT.size, (3, 17), generator=torch.Generator().manual_seed(0))
    ids[0, 12:] = net.pad_id
    wanted = torch.ones_like(ids, dtype=torch.bool)
    wanted[:, 0] = False
    wanted[0, 12:] = False
    with torch.inference_mode():
        ours = net.logits(net.trained, ids, wanted)
        theirs = other(input_ids=ids).logits[:, :-1][wanted[:, 1:]]
    assert (11 + 16 + 16, _LEARNT.size) == tuple(ours.shape)
    assert torch.allclose(theirs, ours, atol=1e-5)


def test_a_token_and_its_twin_share_a_vector():
    """The exported vector of " Ann" is that of "Ann" and the space's."""
    net = TinyNet(Shape(depth=2), _LEARNT, seed=3)
    table = net.tensors(net.trained)["model.embed_tokens.weight"]
    twins = [token for token, spaced in enumerate(_LEARNT.has_space) if spaced]
    assert twins
    space = net.trained["space"].detach().cpu().numpy()[0]
    for token in twins:
        assert table[_LEARNT.base[token]] + space == pytest.approx(table[token], abs=1e-6)
