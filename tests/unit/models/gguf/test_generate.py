"""Answers are those of a plain loop over the model, however they are batched, cached, guessed or streamed."""

import json

import numpy as np
import pytest

from suffice.errors import ModelError, SpecError
from suffice.models.decode.generate import Completion, Job, complete, generate
from suffice.models.decode.sampling import Sampling
from suffice.models.engine import Grammar, Piece, Root
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.gguf.grammar import json_grammar
from suffice.models.prompt import Part

DOCUMENTS = ("the card and the refund", "lost", "a refund for the lost card and an", "re", "on the in the on")
SCHEMA = {
    "type": "object",
    "properties": {"intent": {"enum": ["refund", "lost card"]}, "count": {"type": "integer", "maximum": 99}},
    "required": ["intent", "count"],
    "additionalProperties": False,
}


def tokens_of(engine: LlamaEngine, text: str) -> list[int]:
    """Returns the tokens of a document and its mark."""
    parts = [Part(text=text, is_markup=False), Part(text="\n=>\n", is_markup=True)]
    return engine.tokenize(parts, is_start=True)


def plain_loop(engine: LlamaEngine, tokens: list[int], count: int) -> list[int]:
    """Returns the greedy answer, one token and one pass after another."""
    sequence, said = engine.open(), []
    logits = engine.extend([Piece(sequence=sequence, tokens=tokens)])[0]
    while len(said) < count:
        said.append(int(logits[-1].argmax()))
        if said[-1] in engine.end_tokens:
            break
        logits = engine.extend([Piece(sequence=sequence, tokens=[said[-1]])])[0]
    engine.drop(sequence)
    return said


def test_batches_say_what_a_plain_loop_says(engine: LlamaEngine):
    """Five answers in three places: who is done makes room for the next, and nobody hears the others."""
    prompts = [tokens_of(engine, text) for text in DOCUMENTS]
    jobs = [Job(tokens=tokens, max_tokens=20 + index) for index, tokens in enumerate(prompts)]
    done = complete(engine, jobs, parallel=3)
    for index, (tokens, completion) in enumerate(zip(prompts, done, strict=True)):
        assert plain_loop(engine, tokens, 20 + index) == list(completion.tokens)
        assert len(tokens) == completion.prompt_tokens
        assert len(completion.tokens) == len(completion.log_probabilities) == completion.passes


def test_a_shared_prefix_changes_nothing_but_the_work(engine: LlamaEngine):
    """Reading the beginning once gives the answers of reading it every time."""
    prefix = tokens_of(engine, "the beginning of it all")
    endings = [tokens_of(engine, text)[1:] for text in DOCUMENTS]
    whole = complete(engine, [Job(tokens=prefix + tokens, max_tokens=16) for tokens in endings])
    sequence = engine.open()
    engine.extend([Piece(sequence=sequence, tokens=prefix)])
    root = Root(sequence=sequence, length=len(prefix))
    shared = complete(engine, [Job(tokens=tokens, max_tokens=16) for tokens in endings], root=root)
    assert [one.tokens for one in whole] == [one.tokens for one in shared]
    assert [one.prompt_tokens for one in whole] == [one.prompt_tokens for one in shared]
    assert len(prefix) == engine.length(sequence)
    engine.drop(sequence)


def test_log_probabilities_are_the_models(engine: LlamaEngine):
    """Each token's is its logit's log-softmax in its place; the mean is over all of them."""
    tokens = tokens_of(engine, DOCUMENTS[0])
    done = complete(engine, [Job(tokens=tokens, max_tokens=8)])[0]
    sequence = engine.open()
    said = list(done.tokens)
    logits = engine.extend([Piece(sequence=sequence, tokens=tokens + said[:-1], wanted=len(said))])[0]
    engine.drop(sequence)
    expected = [float(row[token] - np.logaddexp.reduce(row)) for row, token in zip(logits, said, strict=True)]
    np.testing.assert_allclose(expected, done.log_probabilities, atol=2e-3)
    assert pytest.approx(np.mean(expected), abs=2e-3) == done.mean_log_probability


def test_guessing_from_the_prompt_loses_nothing(engine: LlamaEngine):
    """With and without looking up guesses the answer is the same."""
    prompts = [tokens_of(engine, text) for text in DOCUMENTS]
    plain = complete(engine, [Job(tokens=tokens, max_tokens=60) for tokens in prompts])
    guessed = complete(engine, [Job(tokens=tokens, max_tokens=60, guesses=8) for tokens in prompts])
    assert [one.tokens for one in plain] == [one.tokens for one in guessed]


def test_right_guesses_save_passes(engine: LlamaEngine):
    """An answer that copies its prompt takes fewer passes than it has tokens."""
    copied = "a lost card and the refund for it in the end, and no more"
    grammar = Grammar(kind="gbnf", text=f'root ::= "{copied}"')
    tokens = tokens_of(engine, f"they said: {copied}")
    plain, guessed = (
        complete(engine, [Job(tokens=tokens, max_tokens=90, grammar=grammar, guesses=guesses)])[0]
        for guesses in (0, 12)
    )
    assert copied == plain.text == guessed.text
    np.testing.assert_allclose(plain.log_probabilities, guessed.log_probabilities, atol=2e-3)
    assert guessed.passes < 0.7 * plain.passes


def test_streams_join_to_the_whole_answer(engine: LlamaEngine):
    """Pieces of text come in order, whole characters only, and the last one carries the completion."""
    jobs = [Job(tokens=tokens_of(engine, text), max_tokens=30) for text in DOCUMENTS]
    texts, completions = [""] * len(jobs), dict[int, Completion]()
    for chunk in generate(engine, jobs):
        assert chunk.job not in completions
        texts[chunk.job] += chunk.text
        if chunk.completion is not None:
            completions[chunk.job] = chunk.completion
    assert [completions[index].text for index in range(len(jobs))] == texts


def test_an_abandoned_stream_gives_its_sequences_back(engine: LlamaEngine):
    """Whoever stops listening leaks nothing."""
    jobs = [Job(tokens=tokens_of(engine, text), max_tokens=30) for text in DOCUMENTS]
    for _ in range(engine.sequences):
        stream = generate(engine, jobs)
        next(stream)
        stream.close()


def test_stop_strings_end_an_answer_before_them(engine: LlamaEngine):
    """The text is cut before the first stop string, across the borders of tokens."""
    tokens = tokens_of(engine, DOCUMENTS[0])
    whole = complete(engine, [Job(tokens=tokens, max_tokens=40)])[0].text
    stop = whole[9:12]
    done = complete(engine, [Job(tokens=tokens, max_tokens=40, stop=(stop, "never said"))])[0]
    assert (whole[: whole.index(stop)], "stop") == (done.text, done.reason)


def test_a_seed_fixes_what_is_drawn(engine: LlamaEngine):
    """The same seed gives the same answer, also in company; top-k of one is greedy."""
    tokens = tokens_of(engine, DOCUMENTS[0])

    def drawn(**how: float) -> tuple[int, ...]:
        return complete(engine, [Job(tokens=tokens, max_tokens=12, sampling=Sampling(**how))])[0].tokens

    assert drawn(temperature=1.0, seed=3) == drawn(temperature=1.0, seed=3)
    assert len({drawn(temperature=1.0, seed=seed) for seed in range(5)}) > 1
    greedy = drawn()
    assert greedy == drawn(temperature=1.0, top_k=1, seed=9)
    assert greedy == drawn(temperature=1.0, top_p=1e-9, seed=9)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=1.5, seed=1)])
@pytest.mark.parametrize("guesses", [0, 6])
def test_constrained_answers_are_valid_json(engine: LlamaEngine, sampling: Sampling, guesses: int):
    """A model of chance weights writes nothing but JSON of the schema, in its order and without spaces."""
    grammar = json_grammar(SCHEMA)
    jobs = [
        Job(
            tokens=tokens_of(engine, text), max_tokens=80, grammar=grammar, sampling=sampling, guesses=guesses
        )
        for text in DOCUMENTS
    ]
    for done in complete(engine, jobs):
        value = json.loads(done.text)
        assert "end" == done.reason
        assert value["intent"] in {"refund", "lost card"}
        assert value["count"] <= 99
        assert done.text == json.dumps(value, separators=(",", ":"))
        assert done.passes < len(done.tokens)  # keys are forced, and take no pass of their own


def test_a_constrained_answer_that_runs_out_of_tokens_says_so(engine: LlamaEngine):
    """What is not whole is never passed off as whole."""
    grammar = json_grammar({"type": "array", "items": {"type": "string", "minLength": 40}, "minItems": 9})
    done = complete(engine, [Job(tokens=tokens_of(engine, "a"), max_tokens=20, grammar=grammar)])[0]
    assert "length" == done.reason
    assert 20 == len(done.tokens)


@pytest.mark.parametrize(
    ("grammar", "said"),
    [
        (Grammar(kind="gbnf", text='root ::= "the " ("card" | "refund")'), {"the card", "the refund"}),
        (Grammar(kind="regex", text="(yes|no)!"), {"yes!", "no!"}),
        (Grammar(kind="lark", text='start: "one" | "two"'), {"one", "two"}),
    ],
)
def test_other_grammars_hold_as_well(engine: LlamaEngine, grammar: Grammar, said: set[str]):
    """GBNF, regular expressions and Lark."""
    jobs = [Job(tokens=tokens_of(engine, text), max_tokens=20, grammar=grammar) for text in DOCUMENTS]
    assert {(one.text, one.reason) for one in complete(engine, jobs)} <= {(text, "end") for text in said}


def test_a_schema_that_is_none_is_refused():
    """The error says what is wrong with it."""
    with pytest.raises(SpecError, match="no JSON Schema"):
        json_grammar({"type": "nothing"})


def test_a_job_that_does_not_fit_is_refused_with_both_numbers(engine: LlamaEngine):
    """The prompt is never cut."""
    with pytest.raises(ModelError, match=r"needs 600 tokens.*holds 512"):
        complete(engine, [Job(tokens=[7] * 500, max_tokens=100)])
    with pytest.raises(ModelError, match="without tokens"):
        complete(engine, [Job(tokens=[], max_tokens=5)])


def test_more_jobs_than_cells_take_turns(engine: LlamaEngine):
    """Long prompts that do not fit together are answered one after another, to the same answers."""
    prompts = [[7 + index] * 400 for index in range(6)]
    jobs = [Job(tokens=tokens, max_tokens=10) for tokens in prompts]
    alone = [complete(engine, [job])[0].tokens for job in jobs]
    assert alone == [one.tokens for one in complete(engine, jobs)]
