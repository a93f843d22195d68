"""A tiny model, loaded once for all tests of a module."""

from collections.abc import Iterator

import pytest

from suffice.models.gguf.engine import LlamaEngine
from tests.unit.models.gguf import tiny_gguf


@pytest.fixture(name="engine", scope="module")
def _engine(tmp_path_factory) -> Iterator[LlamaEngine]:
    pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")
    path = tiny_gguf.write_byte_bpe(tmp_path_factory.mktemp("gguf") / "model.gguf")
    engine = LlamaEngine(path)
    yield engine
    engine.close()
