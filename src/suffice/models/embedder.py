"""Texts to unit vectors: tokenizer, windows, batches of one length, one onnxruntime session."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice import fingerprint
from suffice.errors import ArtefactError
from suffice.models.word_pieces import WordPieces

ENCODER_FILE, TOKENIZER_FILE = "encoder.onnx", "tokenizer.json"
WINDOW_TOKENS = 256  # the length the encoder was trained for, [CLS] and [SEP] included
MAX_WINDOWS = 8
# Far more than 8 windows can hold; bounds the tokenizer's time on texts of megabytes.
MAX_CHARACTERS = 60_000
_NOT_WHOLE = "the rest was not read"
_BATCH_TOKENS = 2048
_BATCH_TEXTS = 64


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """n unit vectors and how much of each text they stand for.

    `vectors`: (n, width) float32. `tokens_read`: (n,), with the special tokens. `notes`: what was
    not read of a text, or that it was read in windows.
    """

    vectors: NDArray[np.float32]
    tokens_read: NDArray[np.int64]
    notes: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """The windows of one text."""

    windows: tuple[tuple[int, ...], ...]
    note: str | None

    @property
    def tokens(self) -> int:
        return sum(map(len, self.windows))


class Embedder:
    """A sentence encoder on the CPU with a stated number of threads.

    A text of more than 256 tokens is read in windows of 256 whose vectors are averaged by length;
    beyond 8 windows the rest is left out and the note says so. The vector of a text does not
    depend on the texts beside it. `cache_texts` > 0 keeps that many vectors in memory by content
    hash, for training; a served model keeps none.
    """

    def __init__(self, folder: Path, *, threads: int = 1, cache_texts: int = 0) -> None:
        """Opens the encoder in a folder.

        Raises:
            ArtefactError: the graph or the tokenizer is missing or damaged.
        """
        self.folder = folder
        self.threads = threads
        self._session = open_session(folder / ENCODER_FILE, threads=threads)
        self._input = self._session.get_inputs()[0].name
        self._pieces = WordPieces(folder / TOKENIZER_FILE)
        self.unknown_id = self._pieces.unknown_id
        self._cache: OrderedDict[str, tuple[NDArray[np.float32], int, tuple[str, ...]]] = OrderedDict()
        self._cache_texts = cache_texts
        self.width = int(self._session.get_outputs()[0].shape[1])

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Returns one unit vector per text, in order."""
        keys = [fingerprint.of_text(text) for text in texts] if self._cache_texts else []
        if not keys:
            return self._compute(texts)
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in self._cache}
        made = self._compute(list(new.values()))
        fresh = dict(zip(new, zip(made.vectors, made.tokens_read, made.notes, strict=True), strict=True))
        found = [fresh[key] if key in fresh else self._cache[key] for key in keys]
        self._remember(fresh)
        return Embeddings(
            vectors=np.stack([vector for vector, _, _ in found]).reshape(len(texts), self.width),
            tokens_read=np.array([tokens for _, tokens, _ in found], np.int64),
            notes=tuple(notes for _, _, notes in found),
        )

    def token_ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns each text's ids with [CLS] and [SEP], cut to one window: what fine-tuning reads."""
        return [list(self._plan(text).windows[0]) for text in texts]

    def _remember(self, fresh: dict[str, Any]) -> None:
        self._cache.update(fresh)
        while len(self._cache) > self._cache_texts:
            self._cache.popitem(last=False)

    def _compute(self, texts: Sequence[str]) -> Embeddings:
        plans = [self._plan(text) for text in texts]
        sums = np.zeros((len(texts), self.width), np.float32)
        flat = [(row, window) for row, plan in enumerate(plans) for window in plan.windows]
        for batch in batches([window for _, window in flat]):
            ids = np.array([flat[place][1] for place in batch], np.int64)
            vectors = self._session.run(None, {self._input: ids})[0]
            rows = [flat[place][0] for place in batch]
            np.add.at(sums, rows, vectors * np.float32(ids.shape[1]))
        lengths = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
        return Embeddings(
            vectors=(sums / lengths).astype(np.float32),
            tokens_read=np.array([plan.tokens for plan in plans], np.int64),
            notes=tuple((plan.note,) if plan.note else () for plan in plans),
        )

    def _plan(self, text: str) -> _Plan:
        """Returns the windows of a text."""
        ids = self._pieces.ids(text[:MAX_CHARACTERS])
        room = WINDOW_TOKENS - 2
        kept = ids[: room * MAX_WINDOWS]
        first, last = self._pieces.edges
        pieces = [kept[start : start + room] for start in range(0, len(kept), room)] or [[]]
        windows = tuple((first, *piece, last) for piece in pieces)
        return _Plan(windows=windows, note=_note(len(kept), len(ids), len(windows), characters=len(text)))


def not_whole(notes: Sequence[str]) -> str | None:
    """Returns the remark, with both numbers, that a part of a text was not read; None for a whole one."""
    return next((note for note in notes if note.endswith(_NOT_WHOLE)), None)


def open_session(source: Path | bytes, *, threads: int) -> Any:
    """Returns an onnxruntime session that uses the CPU alone and the stated number of threads.

    Raises:
        ArtefactError: the graph is missing or damaged.
    """
    import onnxruntime  # noqa: PLC0415 - 0.2 s, needed only where an encoder is opened

    errors = onnxruntime.capi.onnxruntime_pybind11_state
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        data = source if isinstance(source, bytes) else source.read_bytes()
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except (
        OSError,
        errors.Fail,
        errors.InvalidProtobuf,
        errors.InvalidGraph,
        errors.InvalidArgument,
        errors.NotImplemented,
    ) as error:
        where = "the encoder's graph" if isinstance(source, bytes) else str(source)
        raise ArtefactError(
            f"{where} cannot be opened: {error}", hint="make the model again, or restore the file"
        ) from error


def batches(windows: Sequence[Sequence[int]]) -> Iterable[list[int]]:
    """Yields positions of windows of one exact length, bounded in texts and tokens."""
    by_length: dict[int, list[int]] = {}
    for place, window in enumerate(windows):
        by_length.setdefault(len(window), []).append(place)
    for length, places in sorted(by_length.items()):
        size = max(1, min(_BATCH_TEXTS, _BATCH_TOKENS // length))
        for start in range(0, len(places), size):
            yield places[start : start + size]


def _note(kept: int, known: int, windows: int, *, characters: int) -> str | None:
    if characters > MAX_CHARACTERS:
        return f"read the first {kept} tokens of {characters} characters; {_NOT_WHOLE}"
    if kept < known:
        return f"read the first {kept} of {known} tokens; {_NOT_WHOLE}"
    if windows > 1:
        return f"read {known} tokens in {windows} windows"
    return "the text holds no words" if known == 0 else None
