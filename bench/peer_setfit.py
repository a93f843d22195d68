"""Train SetFit on texts and time it; run by the peers' own Python, without suffice: IN.json OUT.json."""

import json
import sys
import time
from pathlib import Path

import torch
from datasets import Dataset
from setfit import SetFitModel, Trainer, TrainingArguments


def main() -> None:
    """Read {weights, train, test, timed, iterations}, write {answers, ms, train_s, bytes}."""
    asked = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(int(asked["threads"]))
    texts, labels = zip(*asked["train"], strict=True)
    model = SetFitModel.from_pretrained(asked["weights"], labels=sorted(set(labels)))
    arguments = TrainingArguments(
        output_dir=asked["folder"],
        batch_size=16,
        num_epochs=1,
        num_iterations=asked["iterations"],
        seed=0,
        save_strategy="no",
        report_to="none",
        show_progress_bar=False,
    )
    began = time.perf_counter()
    rows = Dataset.from_dict({"text": list(texts), "label": list(labels)})
    Trainer(model=model, args=arguments, train_dataset=rows).train()
    took = time.perf_counter() - began
    answers = [str(answer) for answer in model.predict(asked["test"], show_progress_bar=False)]
    times = []
    for text in asked["test"][: asked["timed"]]:
        start = time.perf_counter_ns()
        model.predict([text], show_progress_bar=False)
        times.append((time.perf_counter_ns() - start) / 1e6)
    kept = Path(asked["folder"]) / "kept"
    model.save_pretrained(str(kept))
    size = sum(path.stat().st_size for path in kept.rglob("*") if path.is_file())
    found = {"answers": answers, "ms": times, "train_s": took, "bytes": size}
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
