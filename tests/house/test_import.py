"""What importing the package costs."""

import subprocess
import sys

import pytest

HEAVY = (
    "numpy", "scipy", "sklearn", "onnx", "onnxruntime", "torch", "transformers", "matplotlib",
    "pydantic", "aiohttp", "tokenizers", "pyarrow", "rich", "jinja2",
)  # fmt: skip


def loaded_by(statement):
    """Returns the modules a fresh interpreter has after a statement."""
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("statement", ["import suffice", "import suffice.errors, suffice.task, suffice.bar"])
def test_the_root_and_the_nouns_load_nothing_heavy(statement):
    """Importing the package or a noun loads the standard library and themselves."""
    assert set() == loaded_by(statement).intersection(HEAVY)


@pytest.mark.slow
def test_help_needs_no_model_code():
    """`suffice --help` answers without numpy, models or charts."""
    statement = "from suffice.cli.main import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass"
    assert set() == loaded_by(statement).intersection(
        {"numpy", "sklearn", "onnxruntime", "torch", "matplotlib"}
    )


def test_import_takes_under_300_ms():
    """The package adds under 0.3 s of processor time to an interpreter's start."""
    code = "import time; before = time.process_time(); import suffice; print(time.process_time() - before)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(done.stdout) < 0.3
