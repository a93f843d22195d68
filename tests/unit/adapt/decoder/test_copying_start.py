"""A decoder that can copy before it has learnt anything."""

import pytest

from suffice.adapt.decoder.scratch import tokenizer
from suffice.adapt.decoder.scratch.shape import Shape
from suffice.adapt.decoder.scratch.tiny_net import TinyNet
from tests.unit.adapt.decoder import toy_frames

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train

_LEARNT = tokenizer.learn([one.text for one in toy_frames.samples(50, seed=1)], most_tokens=300)


@pytest.mark.parametrize("depth", [2, 4, 6])
def test_what_followed_a_token_before_is_likelier_after_it_again(depth: int):
    """In a text that begins again, the next token's rank is far above chance without any training."""
    net = TinyNet(Shape(depth=depth), _LEARNT, seed=3)
    draw = torch.Generator().manual_seed(0)
    once = torch.randint(0, 250, (64, 12), generator=draw)
    ids = torch.cat([once, once[:, :7]], dim=1).to(net.device)
    wanted = torch.zeros_like(ids, dtype=torch.bool)
    wanted[:, 13:] = True
    with torch.inference_mode():
        logits = net.logits(net.trained, ids, wanted).float()
    truth = ids[wanted]
    rank = (logits > logits.gather(1, truth[:, None])).sum(dim=1).float()
    assert float(rank.median()) < 0.05 * _LEARNT.size
