"""What the data look like before any model: classes, imbalance, noise, and how right the reference is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from suffice.errors import DataError
from suffice.measurement import Interval
from suffice.readers.findings import Finding, Severity, listed
from suffice.readers.samples import Gathered
from suffice.readers.values import canonical
from suffice.stats.intervals import clopper_pearson
from suffice.task import Kind, Sample

_IMBALANCE = 20
_FEW_ROWS = 5
_FEW_REPEATS = 30
_FREE_TEXT_SHARE = 0.5
_LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class ShareOf:
    """A share with its n and exact interval."""

    value: float
    n: int
    interval: Interval


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Counts over all distinct samples; None where there is nothing to count.

    `label_disagreement`: among inputs labelled more than once, how many got two different labels. Where
    labels err independently, one label is wrong about half as often.
    """

    rows: int
    samples: int
    labelled: int
    with_reference: int
    class_counts: Mapping[str, int] = field(default_factory=dict)
    reference_accuracy: ShareOf | None = None
    label_disagreement: ShareOf | None = None

    @property
    def imbalance(self) -> float | None:
        """Returns the largest class over the smallest; None without classes."""
        counts = self.class_counts.values()
        return max(counts) / min(counts) if counts else None


def share_of(count: int, n: int) -> ShareOf | None:
    """Returns count / n with the exact 95% interval (Clopper, Pearson 1934); None where n is 0."""
    if n == 0:
        return None
    bounds = clopper_pearson(count, n, _LEVEL)
    interval = Interval(lower=bounds.lower, upper=bounds.upper, level=bounds.level, method=bounds.method)
    return ShareOf(value=count / n, n=n, interval=interval)


def profile_of(gathered: Sequence[Gathered], kind: Kind) -> Profile:
    """Returns the profile of everything that was gathered, before it is split."""
    samples = [sample for part in gathered for sample in part.samples]
    labelled = [sample for sample in samples if sample.target is not None]
    both = [sample for sample in labelled if sample.reference is not None]
    right = sum(canonical(sample.target) == canonical(sample.reference) for sample in both)
    counts = Counter(canonical(sample.target) for sample in labelled) if kind is Kind.CLASSIFY else Counter()
    return Profile(
        rows=sum(part.rows for part in gathered),
        samples=len(samples),
        labelled=len(labelled),
        with_reference=sum(sample.reference is not None for sample in samples),
        class_counts=dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))),
        reference_accuracy=share_of(right, len(both)) if kind is Kind.CLASSIFY else None,
        label_disagreement=share_of(
            sum(part.conflicts for part in gathered), sum(part.labelled_twice for part in gathered)
        ),
    )


def findings_of(profile: Profile, gathered: Sequence[Gathered]) -> tuple[Finding, ...]:
    """Returns what the profile and the merging mean for the user."""
    return (*_merging(gathered, profile), *_classes(profile), *_reference(profile))


def _noise(share: ShareOf) -> str:
    if share.n < _FEW_REPEATS:
        return f"{share.n:,} inputs labelled twice are too few to tell how noisy the labels are"
    lower, upper = share.interval.lower, share.interval.upper
    return (
        f"of {share.n:,} inputs labelled twice {share.value:.1%} disagree (95% interval {lower:.1%} to "
        f"{upper:.1%}): about {share.value / 2:.1%} of the labels are wrong if they err "
        "independently, unless the input lacks what tells the rows apart"
    )


def _merging(gathered: Sequence[Gathered], profile: Profile) -> list[Finding]:
    found: list[Finding] = []
    repeated = sum(part.repeated for part in gathered)
    if repeated:
        found.append(
            Finding(what="repeated inputs", count=repeated, detail="equal inputs count as one sample")
        )
    places = tuple(place for part in gathered for place in part.conflicting)
    if profile.label_disagreement and places:
        undecided = sum(part.undecided for part in gathered)
        found.append(
            Finding(
                what="equal inputs with different labels",
                count=sum(part.disputed for part in gathered),
                detail=f"the label most rows give was kept, none on a tie ({undecided:,}); "
                + _noise(profile.label_disagreement),
                examples=places[:5],
                severity=Severity.WARNING,
            )
        )
    for part in gathered:
        if part.distinct_dropped:
            megabytes = part.characters / 1e6
            found.append(
                Finding(
                    what="rows beyond max_rows",
                    count=part.rows,
                    detail=f"{part.rows:,} rows were read; the {len(part.samples):,} distinct inputs "
                    "with the smallest content hashes were kept "
                    f"({megabytes:,.1f} million characters in memory)",
                    severity=Severity.WARNING,
                )
            )
    return found


def _classes(profile: Profile) -> list[Finding]:
    counts = profile.class_counts
    found: list[Finding] = []
    rare = [label for label, count in counts.items() if count < _FEW_ROWS]
    if rare:
        found.append(
            Finding(
                what="classes with fewer than 5 labelled rows",
                count=len(rare),
                detail="too few to learn from and to test on",
                examples=tuple(f"{label} ({counts[label]})" for label in rare[:5]),
                severity=Severity.WARNING,
            )
        )
    if profile.imbalance is not None and profile.imbalance > _IMBALANCE:
        largest, smallest = next(iter(counts)), list(counts)[-1]
        found.append(
            Finding(
                what="class imbalance",
                count=len(counts),
                detail=f"{largest!r} has {counts[largest]:,} rows, {smallest!r} {counts[smallest]:,}; "
                "accuracy says little about rare classes: see macro_f1",
                severity=Severity.WARNING,
            )
        )
    alike = Counter(" ".join(label.casefold().split()) for label in counts)
    twins = sorted(label for label in counts if alike[" ".join(label.casefold().split())] > 1)
    if twins:
        found.append(
            Finding(
                what="labels that differ only in case or blanks",
                count=len(twins),
                detail="they count as different classes",
                examples=tuple(twins[:6]),
                severity=Severity.WARNING,
            )
        )
    if profile.labelled >= 50 and len(counts) > _FREE_TEXT_SHARE * profile.labelled:
        found.append(
            Finding(
                what="labels that look like free text",
                count=len(counts),
                detail=f"{profile.labelled:,} labelled rows have {len(counts):,} different labels, e.g. "
                f"{listed(counts, 3)}; is `target:` the right field, and the kind classify?",
                severity=Severity.PROBLEM,
            )
        )
    return found


def _reference(profile: Profile) -> list[Finding]:
    share = profile.reference_accuracy
    if share is None:
        return []
    return [
        Finding(
            what="reference against truth",
            count=share.n,
            detail=f"the reference's answer equals the truth on {share.value:.1%} of {share.n:,} rows "
            f"that have both (95% interval {share.interval.lower:.1%} to {share.interval.upper:.1%})",
        )
    ]


def unseen(splits_train: Sequence[Sample], others: Sequence[Sample]) -> Counter[str]:
    """Returns the labels that rows of another split have and no train row has, with their counts."""
    known = {canonical(sample.target) for sample in splits_train if sample.target is not None}
    return Counter(
        canonical(sample.target)
        for sample in others
        if sample.target is not None and canonical(sample.target) not in known
    )


def foreign_answers(
    gathered: Sequence[Gathered], labels: Sequence[str], profile: Profile
) -> tuple[Finding, ...]:
    """Returns a finding where answers of the reference are no label at all, and so count as wrong.

    Raises:
        DataError: not one of them is a label: the field holds something else, and any model would
            look good beside it.
    """
    known = {label.strip().casefold() for label in (*labels, *profile.class_counts)}
    answers = [s.reference for part in gathered for s in part.samples if s.reference is not None]
    foreign = [a for a in map(canonical, answers) if a.strip().casefold() not in known]
    if not foreign:
        return ()
    shown = tuple(repr(answer[:60]) for answer in dict.fromkeys(foreign))[:3]
    if len(foreign) == len(answers):
        raise DataError(
            f"not one of the reference's {len(answers):,} answers is a label, e.g. {shown[0]}; "
            f"the labels are {listed(labels, 5)}",
            hint="name the field of the bare label in `reference.answers`, or strip the words around it",
        )
    share = len(foreign) / len(answers)
    return (
        Finding(
            what="reference answers that are no label",
            count=len(foreign),
            detail=f"{share:.1%} of {len(answers):,} answers; they count as wrong, which makes the reference "
            "look worse than it is if only their form is",
            examples=shown,
            severity=Severity.WARNING,
        ),
    )
