"""The method `finetune` trains the whole encoder, goes on after a kill, and exports what is served."""

from pathlib import Path

import numpy as np
import pytest

from suffice import extras, fingerprint
from suffice.adapt.encoder import bert_graph, bert_torch, finetune_loop
from suffice.adapt.encoder.finetune import FinetuneMethod, recipe_of
from suffice.adapt.encoder.finetune_loop import Job, Recipe, TokenRows
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError, SpecError
from suffice.ledger.home import home
from suffice.models.embedder import open_session
from suffice.models.encoder import EncoderModel
from suffice.ports import TrainingRows
from suffice.task import Sample
from tests.unit import tiny_encoder

pytestmark = [
    pytest.mark.train,
    pytest.mark.skipif(not extras.is_installed("train"), reason="needs the extra `train`"),
]

_LABELS = ("card", "weather")
_WORDS = {"card": ["lost", "stolen", "card", "my"], "weather": ["rain", "sunny", "today", "hot"]}
_CANDIDATE = Candidate(
    name="tuned",
    kind="encoder",
    method="finetune",
    settings=(("epochs", 2), ("threads", 1), ("batch_texts", 32)),
)


def _samples(n: int, seed: int) -> list[Sample]:
    rng = np.random.default_rng(seed)
    made = []
    for row in range(n):
        label = _LABELS[row % 2]
        text = " ".join(rng.choice(_WORDS[label], int(rng.integers(3, 6)))) + f" {row} {seed}"
        made.append(Sample(key=fingerprint.of_text(text), text=text, target=label))
    return made


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    """The tiny encoder is slower on two threads than on one."""
    bert_torch.require_torch().set_num_threads(1)


def _silent(what: str, done: float, total: float) -> None:
    """Hears progress and says nothing."""


def _apply(method: FinetuneMethod, out: Path, rows: TrainingRows, candidate: Candidate = _CANDIDATE) -> None:
    out.mkdir()
    method.apply(candidate, rows, out=out, teacher=None, seed=0, progress=_silent)


def _job(recipe: Recipe) -> Job:
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 2, 80)
    # The first word decides; the rest is noise.
    ids = [
        [2, 10 + 15 * int(label), *map(int, rng.integers(4, 60, 3 + row % 2)), 3]
        for row, label in enumerate(classes)
    ]
    rows = TokenRows(ids=ids, classes=classes)
    return Job(train=rows, dev=rows, heads=2, unknown_id=1, recipe=recipe, seed=0)


def _start() -> bert_torch.Parameters:
    torch = bert_torch.require_torch()
    parameters = bert_torch.to_parameters(tiny_encoder.tensors(), device="cpu")
    parameters["head.weight"] = torch.zeros(2, tiny_encoder.WIDTH, requires_grad=True)
    parameters["head.bias"] = torch.zeros(2, requires_grad=True)
    return parameters


def test_torch_encoder_equals_the_graph() -> None:
    """The vectors that are trained are the vectors of the float graph; names survive the round trip."""
    torch = bert_torch.require_torch()
    tensors = tiny_encoder.tensors()
    parameters = bert_torch.to_parameters(tensors, device="cpu")
    ids = np.random.default_rng(0).integers(4, 60, (5, 70))
    session = open_session(bert_graph.bert_graph(tensors), threads=1)
    for length in (7, 70):
        mine = bert_torch.encode(parameters, torch.from_numpy(ids[:, :length]), heads=2).detach().numpy()
        (served,) = session.run(None, {bert_graph.INPUT: ids[:, :length]})
        assert float((mine * served).sum(axis=1).min()) > 0.99999
    back = bert_torch.to_tensors(parameters)
    assert set(tensors) == set(back)
    assert all(np.array_equal(tensors[name], back[name]) for name in tensors)


def test_batches_hold_each_text_once_and_one_length() -> None:
    """Every text is in exactly one batch, and the texts of a batch have one length."""
    ids = [[0] * (3 + row % 4) for row in range(50)]
    made = list(finetune_loop.batches(ids, 8, rng=np.random.default_rng(0)))
    assert list(range(50)) == sorted(int(row) for batch in made for row in batch)
    assert {1} == {len({len(ids[row]) for row in batch}) for batch in made}
    assert 8 >= max(len(batch) for batch in made)


def test_dropout_keeps_the_mean_and_zeroes_its_share() -> None:
    """A quarter of the values is zeroed at rate 1/4 and the mean stays."""
    torch = bert_torch.require_torch()
    dropped = bert_torch.Dropout(0.25, seed=(0, 0), device="cpu")(torch.ones(200, 500))
    assert abs(float((dropped == 0).float().mean()) - 0.25) < 0.01
    assert abs(float(dropped.mean()) - 1.0) < 0.01


@pytest.mark.parametrize(("consistency", "word_dropout"), [(0.0, 0.0), (1.0, 0.1)])
def test_training_learns(tmp_path: Path, consistency: float, word_dropout: float) -> None:
    """A word that decides is learned, with and without the consistency loss and lost words."""
    recipe = Recipe(
        epochs=10,
        batch_texts=16,
        learning_rate=1e-3,
        averaging=0.8,
        consistency=consistency,
        word_dropout=word_dropout,
    )
    tuned = finetune_loop.train(_start(), _job(recipe), folder=tmp_path, progress=_silent)
    assert tuned.dev_accuracy >= 0.95
    assert (tiny_encoder.WIDTH, 2) == tuned.weight.shape


def test_training_goes_on_after_a_kill(tmp_path: Path) -> None:
    """A run stopped after its first epoch and started again gives the weights of one never stopped."""
    job = _job(Recipe(epochs=3, batch_texts=16, averaging=0.8))
    whole = finetune_loop.train(_start(), job, folder=tmp_path / "whole", progress=_silent)

    def stop(what: str, done: float, total: float) -> None:  # noqa: ARG001 - the port's form
        if done == 1 and "dev accuracy" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finetune_loop.train(_start(), job, folder=tmp_path / "parts", progress=stop)
    parts = finetune_loop.train(_start(), job, folder=tmp_path / "parts", progress=_silent)
    assert all(np.array_equal(whole.tensors[name], parts.tensors[name]) for name in whole.tensors)
    assert np.array_equal(whole.weight, parts.weight)


def test_damaged_state_is_an_artefact_error(tmp_path: Path) -> None:
    """A state file that is cut is named, with what to remove."""
    (tmp_path / "state.safetensors").write_bytes(b"rubbish")
    with pytest.raises(ArtefactError, match="training state is damaged"):
        finetune_loop.train(_start(), _job(Recipe(epochs=1)), folder=tmp_path, progress=_silent)


def test_diverging_loss_is_an_error(tmp_path: Path) -> None:
    """A loss that is not a number stops the training and names the setting to change."""
    parameters = _start()
    parameters["head.bias"] = (parameters["head.bias"].detach() + float("nan")).requires_grad_()
    with pytest.raises(DataError, match="the loss is nan") as caught:
        finetune_loop.train(parameters, _job(Recipe(epochs=1)), folder=tmp_path, progress=_silent)
    assert "learning_rate" in str(caught.value.hint)


@pytest.mark.slow
def test_method_writes_a_model_and_clears_its_state(tmp_path: Path) -> None:
    """The artefact is served by the encoder's class, answers right, and no training state stays behind."""
    rows = TrainingRows(labels=_LABELS, train=_samples(240, 0), dev=_samples(40, 1))
    _apply(FinetuneMethod(tiny_encoder.write_source(tmp_path / "source")), tmp_path / "out", rows)
    model = EncoderModel.load(tmp_path / "out")
    samples = _samples(40, 2)
    best = model.classify([sample.text for sample in samples]).probabilities.argmax(axis=1)
    right = [sample.target == model.labels[at] for sample, at in zip(samples, best, strict=True)]
    assert np.mean(right) >= 0.8
    assert [] == list((home() / "training").iterdir())


def test_too_few_rows_are_refused_with_the_number(tmp_path: Path) -> None:
    """The message says how many rows it would want."""
    rows = TrainingRows(labels=_LABELS, train=_samples(60, 0), dev=_samples(40, 1))
    with pytest.raises(DataError, match="at least 200 train rows for 2 labels; there are 60"):
        _apply(FinetuneMethod(tiny_encoder.write_source(tmp_path / "source")), tmp_path / "out", rows)


def test_recipe_follows_the_rows_and_the_settings() -> None:
    """Few rows get more epochs; a setting wins; a setting that is no number is refused."""
    plain = Candidate(name="t", kind="encoder", method="finetune")
    assert 5 == recipe_of(plain, rows=100_000).epochs
    assert 30 == recipe_of(plain, rows=300).epochs
    assert 2 == recipe_of(_CANDIDATE, rows=300).epochs
    wrong = Candidate(name="t", kind="encoder", method="finetune", settings=(("dropout", "much"),))
    with pytest.raises(SpecError, match="dropout must be a number, not 'much'"):
        recipe_of(wrong, rows=300)
