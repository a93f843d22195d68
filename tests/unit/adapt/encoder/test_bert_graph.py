"""The encoder's graph computes what the reference implementation computes, in float and nearly in 8 bits."""

import numpy as np
import onnx
import pytest

from suffice.adapt.encoder import bert_graph, quantised_body
from suffice.errors import ArtefactError
from suffice.models.embedder import open_session
from tests.unit import tiny_encoder


def _vectors(graph: bytes, ids: np.ndarray) -> np.ndarray:
    vectors: np.ndarray = open_session(graph, threads=1).run(None, {bert_graph.INPUT: ids})[0]
    return vectors


@pytest.mark.train
@pytest.mark.slow
def test_float_graph_equals_transformers() -> None:
    """The float graph's vectors have cosine > 0.99999 with those of transformers' BertModel."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    weights = tiny_encoder.tensors()
    words, width = weights["embeddings.word_embeddings.weight"].shape
    config = transformers.BertConfig(
        vocab_size=words,
        hidden_size=width,
        num_hidden_layers=tiny_encoder.LAYERS,
        num_attention_heads=width // 32,
        intermediate_size=4 * width,
        layer_norm_eps=1e-12,
    )
    model = transformers.BertModel(config, add_pooling_layer=False).eval()
    state = {name: torch.from_numpy(value) for name, value in weights.items()}
    assert [] == model.load_state_dict(state, strict=False).unexpected_keys
    ids = np.random.default_rng(1).integers(4, words, (8, 11))
    with torch.no_grad():
        mean = model(torch.from_numpy(ids)).last_hidden_state.mean(dim=1)
        expected = torch.nn.functional.normalize(mean, dim=1).numpy()
    cosines = (expected * _vectors(bert_graph.bert_graph(weights), ids)).sum(axis=1)
    assert cosines.min() > 0.99999


def test_integer_graph_is_close_to_float() -> None:
    """8-bit vectors keep a mean cosine above 0.995 with the float ones, at under half the bytes."""
    weights = tiny_encoder.tensors(width=128)
    ids = np.random.default_rng(1).integers(4, 60, (16, 9))
    smoothing = quantised_body.activation_ranges(weights, quantised_body.pseudo_texts(weights))
    exact, small = bert_graph.bert_graph(weights), bert_graph.bert_graph(weights, smoothing=smoothing)
    cosines = (_vectors(exact, ids) * _vectors(small, ids)).sum(axis=1)
    assert cosines.mean() > 0.995
    assert len(small) < 0.45 * len(exact)


def test_integer_graph_survives_outlying_channels() -> None:
    """A channel fifty times larger than the others does not spoil the 8-bit vectors."""
    weights = tiny_encoder.tensors(width=128)
    for name in bert_graph.norm_names(bert_graph.shape_of(weights)):
        weights[f"{name}.weight"][7] *= 50.0
        for part in ("query", "key", "value"):
            layer_weight = name.replace("output.LayerNorm", f"attention.self.{part}.weight")
            if layer_weight in weights:
                weights[layer_weight][:, 7] /= 50.0
    ids = np.random.default_rng(1).integers(4, 60, (16, 9))
    smoothing = quantised_body.activation_ranges(weights, quantised_body.pseudo_texts(weights))
    even = {name: np.ones_like(value) for name, value in smoothing.items()}
    exact = _vectors(bert_graph.bert_graph(weights), ids)
    smooth = (exact * _vectors(bert_graph.bert_graph(weights, smoothing=smoothing), ids)).sum(axis=1)
    plain = (exact * _vectors(bert_graph.bert_graph(weights, smoothing=even), ids)).sum(axis=1)
    assert smooth.min() > 0.98
    assert smooth.mean() > plain.mean()


def test_same_weights_give_same_bytes() -> None:
    """Building twice gives equal files, so the artefact's hash is reproducible."""
    weights = tiny_encoder.tensors()
    smoothing = quantised_body.activation_ranges(weights, quantised_body.pseudo_texts(weights))
    built = [bert_graph.bert_graph(weights, smoothing=smoothing) for _ in range(2)]
    assert built[0] == built[1]


def test_weights_stay_below_saturation() -> None:
    """No 8-bit weight exceeds 64 levels: 255 * 64 * 2 fits the 16-bit sums of kernels without VNNI."""
    weights = tiny_encoder.tensors()
    smoothing = quantised_body.activation_ranges(weights, quantised_body.pseudo_texts(weights))
    model = onnx.load_model_from_string(bert_graph.bert_graph(weights, smoothing=smoothing))
    levels = [
        onnx.numpy_helper.to_array(constant)
        for constant in model.graph.initializer
        if constant.name.endswith(".levels") and not constant.name.startswith("words")
    ]
    assert 4 * tiny_encoder.LAYERS == len(levels)
    assert 64 == max(int(np.abs(level.astype(int)).max()) for level in levels)


def test_foreign_weights_are_refused() -> None:
    """Tensors of another architecture are named as such."""
    with pytest.raises(ArtefactError, match="no weights of a BERT encoder"):
        bert_graph.bert_graph({"encoder.layer.0.x": np.zeros((2, 2), np.float32)})


def test_unknown_width_is_refused() -> None:
    """A width that heads of 32 do not divide is refused."""
    weights = tiny_encoder.tensors(width=48)
    with pytest.raises(ArtefactError, match="width 48"):
        bert_graph.bert_graph(weights)


def test_token_states_average_to_the_embedding() -> None:
    """Their mean over tokens, normalised, is what the pooled graph says; a head is one product."""
    weights = tiny_encoder.tensors()
    smoothing = quantised_body.activation_ranges(weights, quantised_body.pseudo_texts(weights))
    ids = np.random.default_rng(1).integers(4, 60, (5, 9))
    states = _vectors(bert_graph.token_graph(weights, smoothing=smoothing), ids)
    mean = states.mean(axis=1)
    expected = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    np.testing.assert_allclose(
        expected, _vectors(bert_graph.bert_graph(weights, smoothing=smoothing), ids), atol=1e-5
    )
    rng = np.random.default_rng(2)
    head = rng.normal(size=(states.shape[2], 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    scores = _vectors(bert_graph.token_graph(weights, smoothing=smoothing, head=head), ids)
    np.testing.assert_allclose(states @ head[0] + head[1], scores, atol=1e-4)
