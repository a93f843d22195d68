"""Train, dev and certify: cut by content hash, near-duplicates and groups on one side."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suffice import fingerprint
from suffice.readers.findings import Finding, Severity
from suffice.readers.near_duplicates import clusters, lowest_of_component
from suffice.readers.spec import SplitsSpec
from suffice.task import Sample, Split

_SALT = "suffice split 1:"  # another hash than the key's: which rows are sampled must not decide the split
_EXAMPLES = 5
_SET_ASIDE_WARNING = 0.2
_LARGE_CLUSTER = 0.05


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The three splits, each in order of its samples' keys, and what was found while cutting them."""

    train: tuple[Sample, ...]
    dev: tuple[Sample, ...]
    certify: tuple[Sample, ...]
    findings: tuple[Finding, ...] = ()

    def of(self, split: Split) -> tuple[Sample, ...]:
        """Returns one split."""
        return {Split.TRAIN: self.train, Split.DEV: self.dev, Split.CERTIFY: self.certify}[split]

    def fingerprint(self, split: Split) -> str:
        """Returns the sha256 over a split's sorted keys: which inputs it holds."""
        return fingerprint.of_text("\n".join(sorted(sample.key for sample in self.of(split))))


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One sample with the file set it was given in (None: to be split) and its cluster's name."""

    sample: Sample
    given: Split | None
    cluster: str


def cut(given: Mapping[Split | None, Sequence[Sample]], shares: SplitsSpec) -> Splits:
    """Returns the splits of samples given whole (key None) or apart (keys train, dev, certify).

    A row's split is a hash of its cluster: of its group, or of the smallest key among its near-duplicates.
    So adding rows never moves an old row, unless a new row ties two old clusters together or is a
    near-duplicate with a smaller key. What is not given apart is cut out of train. Of files given
    apart, rows of train and dev that (nearly) repeat a later split are dropped. Certify keeps one
    row per cluster, a labelled one if there is one, then the smallest key: correlated rows would
    make the proof look stronger than it is.
    """
    parts, crowd = _clustered(given)
    leaks, kept = _without_leaks(parts)
    by_split: dict[Split, list[_Part]] = {split: [] for split in Split}
    missing = [split for split in (Split.CERTIFY, Split.DEV) if not given.get(split)]
    for part in kept:
        by_split[_split_of(part, missing, shares)].append(part)
    certify, aside = _one_per_cluster(by_split[Split.CERTIFY])
    findings = [*leaks, *crowd, *_set_aside(aside, len(certify))]
    return Splits(
        train=_samples(by_split[Split.TRAIN]),
        dev=_samples(by_split[Split.DEV]),
        certify=_samples(certify),
        findings=tuple(findings),
    )


def position(cluster: str) -> float:
    """Returns a cluster's place in [0, 1): uniform, and independent of the key's order."""
    return (
        int(hashlib.sha256((_SALT + cluster).encode("utf-8", "surrogatepass")).hexdigest()[:13], 16) / 16**13
    )


def _split_of(part: _Part, missing: Sequence[Split], shares: SplitsSpec) -> Split:
    if part.given in {Split.DEV, Split.CERTIFY}:
        return part.given
    sizes = {split: getattr(shares, split.value) for split in missing}
    total = shares.train + sum(sizes.values())
    place = position(part.cluster) * total
    for split, size in sizes.items():
        if place < size:
            return split
        place -= size
    return Split.TRAIN


def _clustered(given: Mapping[Split | None, Sequence[Sample]]) -> tuple[list[_Part], list[Finding]]:
    flat = [(sample, split) for split, samples in given.items() for sample in samples]
    texts = [sample.text for sample, _ in flat]
    near = clusters(texts)
    ties = [(index, int(lowest)) for index, lowest in enumerate(near)]
    groups: dict[str, int] = {}
    keys: dict[str, int] = {}
    for index, (sample, _) in enumerate(flat):
        ties.append((index, keys.setdefault(sample.key, index)))
        if sample.group:
            ties.append((index, groups.setdefault(sample.group, index)))
    root = lowest_of_component(len(flat), np.array(ties, dtype=np.int64).reshape(-1, 2))
    members: dict[int, list[Sample]] = defaultdict(list)
    for (sample, _), lowest in zip(flat, root, strict=True):
        members[int(lowest)].append(sample)
    names = {lowest: _cluster_name(samples) for lowest, samples in members.items()}
    parts = [
        _Part(sample=sample, given=split, cluster=names[int(lowest)])
        for (sample, split), lowest in zip(flat, root, strict=True)
    ]
    return parts, _crowded(members, grouped=bool(groups), total=len(flat))


def _cluster_name(samples: Sequence[Sample]) -> str:
    groups = sorted({sample.group for sample in samples if sample.group})
    return f"group {groups[0]}" if groups else min(sample.key for sample in samples)


def _crowded(members: Mapping[int, Sequence[Sample]], *, grouped: bool, total: int) -> list[Finding]:
    sizes = [len(samples) for samples in members.values()]
    near = sum(size for size in sizes if size > 1)
    if not near:
        return []
    largest = max(members.values(), key=len)
    what = "rows of one group or near-duplicates" if grouped else "near-duplicates"
    crowded = total > 100 and len(largest) > _LARGE_CLUSTER * total
    tail = "; it lies in one split as a whole" if crowded else ""
    return [
        Finding(
            what=what,
            count=near,
            detail=f"tied together and kept on one side of every split; the largest cluster has "
            f"{len(largest):,} rows{tail}",
            examples=tuple(sample.source for sample in largest[:_EXAMPLES]),
            severity=Severity.WARNING if crowded else Severity.NOTE,
        )
    ]


def _without_leaks(parts: Sequence[_Part]) -> tuple[list[Finding], list[_Part]]:
    """Drops rows of train and dev that repeat a row of a later split given apart."""
    order = [Split.TRAIN, Split.DEV, Split.CERTIFY]
    last: dict[str, int] = {}
    seen: dict[str, _Part] = {}
    for part in parts:
        rank = order.index(part.given) if part.given else -1
        if rank > last.get(part.cluster, -1):
            last[part.cluster] = rank
            seen[part.cluster] = part
    kept: list[_Part] = []
    leaks: dict[tuple[str, str, bool], list[str]] = defaultdict(list)
    keys = {(part.given, part.sample.key) for part in parts}
    for part in parts:
        if part.given is None or order.index(part.given) == last[part.cluster]:
            kept.append(part)
            continue
        later = order[last[part.cluster]]
        exact = (later, part.sample.key) in keys
        twin = seen[part.cluster].sample.source
        leaks[(part.given.value, later.value, exact)].append(f"{part.sample.source} and {twin}")
    findings = [
        Finding(
            what=f"{source} rows that {'repeat' if exact else 'nearly repeat (or share a group with)'} "
            f"{later} rows",
            count=len(places),
            detail=f"leakage between the given files; dropped from {source}",
            examples=tuple(places[:_EXAMPLES]),
            severity=Severity.WARNING,
        )
        for (source, later, exact), places in sorted(leaks.items())
    ]
    return findings, kept


def _one_per_cluster(parts: Sequence[_Part]) -> tuple[list[_Part], list[_Part]]:
    best: dict[str, _Part] = {}
    aside: list[_Part] = []
    for part in sorted(parts, key=lambda part: (part.sample.target is None, part.sample.key)):
        if part.cluster in best:
            aside.append(part)
        else:
            best[part.cluster] = part
    return list(best.values()), aside


def _set_aside(aside: Sequence[_Part], left: int) -> list[Finding]:
    if not aside:
        return []
    much = len(aside) > _SET_ASIDE_WARNING * (left + len(aside))
    return [
        Finding(
            what="certify rows set aside",
            count=len(aside),
            detail=f"{left:,} stay, one of each cluster of near-duplicates or group; "
            "the certificate speaks of distinct inputs",
            examples=tuple(part.sample.source for part in aside[:_EXAMPLES]),
            severity=Severity.WARNING if much else Severity.NOTE,
        )
    ]


def _samples(parts: Sequence[_Part]) -> tuple[Sample, ...]:
    return tuple(sorted((part.sample for part in parts), key=lambda sample: sample.key))
