"""Finds secrets: tokens by their issuers' prefixes, private keys, and what is named as one and looks random.

Prefixes: the issuers' own pages on secret scanning; signed tokens: RFC 7519; private keys: RFC 7468. Without
a name or a prefix: what mixes all kinds of signs as passwords do, and long random strings.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.glance import has_long_piece, mixes_signs
from suffice.serve.privacy.numbers import Tick

_T = r"[A-Za-z0-9_\-]"
# What begins an issuer's tokens, and the token. Bounded, so that no text makes them slow.
_ISSUED: tuple[tuple[str, str], ...] = (
    ("sk-", rf"sk-(?={_T}{{0,100}}[0-9]){_T}{{16,500}}"),  # this gateway, OpenAI, Anthropic, OpenRouter
    ("sk_live_", r"sk_live_[A-Za-z0-9]{16,250}"),  # Stripe
    ("rk_live_", r"rk_live_[A-Za-z0-9]{16,250}"),
    ("sk_test_", r"sk_test_[A-Za-z0-9]{16,250}"),
    ("rk_test_", r"rk_test_[A-Za-z0-9]{16,250}"),
    ("whsec_", r"whsec_[A-Za-z0-9+/=]{24,250}"),
    ("ghp_", r"ghp_[A-Za-z0-9]{30,250}"),  # GitHub
    ("gho_", r"gho_[A-Za-z0-9]{30,250}"),
    ("ghu_", r"ghu_[A-Za-z0-9]{30,250}"),
    ("ghs_", r"ghs_[A-Za-z0-9]{30,250}"),
    ("ghr_", r"ghr_[A-Za-z0-9]{30,250}"),
    ("github_pat_", r"github_pat_[A-Za-z0-9_]{40,250}"),
    ("glpat-", rf"glpat-{_T}{{20,250}}"),  # GitLab
    ("xox", r"xox[abeoprs]-[A-Za-z0-9\-]{10,250}"),  # Slack
    ("xapp-", r"xapp-[A-Za-z0-9\-]{20,250}"),
    ("hooks.slack.com", r"hooks\.slack\.com/services/[A-Za-z0-9/]{20,250}"),
    ("AKIA", r"AKIA[A-Z0-9]{16}(?![A-Za-z0-9])"),  # Amazon
    ("ASIA", r"ASIA[A-Z0-9]{16}(?![A-Za-z0-9])"),
    ("AIza", rf"AIza{_T}{{35}}"),  # Google
    ("ya29.", rf"ya29\.{_T}{{20,500}}"),
    ("GOCSPX-", rf"GOCSPX-{_T}{{20,250}}"),
    ("hf_", r"hf_[A-Za-z0-9]{30,250}"),  # Hugging Face
    ("npm_", r"npm_[A-Za-z0-9]{36}"),
    ("pypi-", rf"pypi-{_T}{{50,500}}"),
    ("SG.", rf"SG\.{_T}{{16,32}}\.{_T}{{16,64}}"),  # SendGrid
    ("key-", r"key-[0-9a-f]{32}"),  # Mailgun
    ("dop_v1_", r"dop_v1_[a-f0-9]{64}"),  # DigitalOcean
    ("shp", r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"),  # Shopify
    ("dapi", r"dapi[a-f0-9]{32}"),  # Databricks
    ("gsk_", r"gsk_[A-Za-z0-9]{32,250}"),  # Groq
    ("xai-", r"xai-[A-Za-z0-9]{32,250}"),
    ("AGE-SECRET-KEY-", r"AGE-SECRET-KEY-1[A-Z0-9]{50,250}"),
    ("eyJ", rf"eyJ{_T}{{8,2000}}\.eyJ{_T}{{8,8000}}(?:\.{_T}{{0,2000}})?"),
    (
        "-----BEGIN ",
        (
            r"-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
            r"(?s:.{0,8000}?-----END [A-Z0-9 ]{0,30}-----|.{0,8000})"
        ),  # cut off, or long: all that is there
    ),
    ("://", r"://[^\s/@:]{0,64}:(?P<value>[^\s/@]{3,128})@"),  # a password within an address
)
_PATTERNS = tuple((mark, re.compile(pattern)) for mark, pattern in _ISSUED)
# By a sign that a text may well not have, so that most of them need not be looked for.
_TOKENS = {
    "_": tuple(each for each in _PATTERNS if "_" in each[0]),
    "-": tuple(each for each in _PATTERNS if "-" in each[0]),
    "": tuple(each for each in _PATTERNS if "_" not in each[0] and "-" not in each[0]),
}

# What is called a key or a password, and what stands behind the name.
_KEY_NAMES = ("key", "token", "secret", "credential", "authorization", "bearer")
_PASSWORD_NAMES = ("pass", "pwd", "kennwort", "contrase", "senha", "wachtwoord", "hasło", "पासवर्ड", "密码")
_VALUE = r"(?P<value>[^\s\"'`,;<>()\[\]{}\\]{6,512})"
_NAMED = re.compile(
    r"\w{0,24}[\"'`]?(?:\s{0,3}(?:=>|:=|[:=：]|\b(?:is|ist|lautet|est|es|é|to)\b)\s{0,3}|\s)"
    rf"(?:(?:bearer|basic|token) )?[\"'`]?{_VALUE}",
    re.IGNORECASE,
)
# Told by nothing but its signs: a password as rules for passwords ask for, and a key of letters and digits.
# `bench.privacy` counts how often ordinary texts have either.
_BOUNDED = r"(?<![^\s\"'`(:=]){}(?=[\s\"'`),.;:]|$)"
_MIXED = re.compile(
    _BOUNDED.format(
        r"(?=[A-Za-z0-9]{1,30}[!@#$^&?~])(?=\S{0,40}[a-z])(?=\S{0,40}[A-Z])(?=\S{0,40}[0-9])"
        r"[A-Za-z0-9!@#$^&?~*+_-]{8,40}"
    )
)
_RANDOM = re.compile(
    _BOUNDED.format(
        r"(?=[A-Za-z0-9]{20})(?=\S{0,40}[a-z])(?=\S{0,40}[A-Z])(?=(?:[A-Za-z]{0,40}[0-9]){2})"
        r"[A-Za-z0-9]{20,64}"
    )
)
_LONG = 16  # signs of a key; a password may be shorter
_BITS = 3.0  # Shannon entropy, in bits a sign: random hexadecimal has 3.4 and more at this length, words less
_TOLD = re.compile(r"[:=：]|\s(?:is|ist|lautet|est|es|é|to)\s")
_KINDS_OF_SIGNS = tuple(map(re.compile, (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]")))


def secrets(text: str, tick: Tick) -> Iterator[Find]:
    """Returns the secrets of a text."""
    for sign, tokens in _TOKENS.items():
        if sign in text:
            for mark, pattern in tokens:
                yield from _issued(text, mark, pattern, tick)
    yield from _untold(text, tick)
    lower = text.lower()
    if len(lower) != len(text):  # a few capital letters become two signs
        lower = "".join(sign.lower()[:1] for sign in text)
    for names, is_secret in ((_PASSWORD_NAMES, _is_password), (_KEY_NAMES, _is_key)):
        for name in names:
            for place in _places(lower, name):
                tick()
                found = _NAMED.match(text, place + len(name))
                value = found["value"].rstrip(".!?") if found is not None else ""
                if found is not None and is_secret(value, text[place : found.start("value")]):
                    yield Find(found.start("value"), found.start("value") + len(value), "secret")


def _untold(text: str, tick: Tick) -> Iterator[Find]:
    """Returns what only its own signs tell: passwords of all kinds of signs, long random strings."""
    for pattern, may_match in ((_MIXED, mixes_signs(text)), (_RANDOM, has_long_piece(text))):
        for found in pattern.finditer(text) if may_match else ():
            tick()
            yield Find(*found.span(), "secret")


def _issued(text: str, mark: str, pattern: re.Pattern[str], tick: Tick) -> Iterator[Find]:
    """Returns the tokens that begin with a mark, at a word's beginning unless the mark is one of its own."""
    for place in _places(text, mark):
        tick()
        found = pattern.match(text, place)
        if found is not None and (not mark[0].isalnum() or not text[place - 1 : place].isalnum()):
            yield Find(*found.span("value" if pattern.groups else 0), "secret")


def _places(text: str, mark: str) -> Iterator[int]:
    """Returns where a mark stands in a text."""
    place = text.find(mark)
    while place >= 0:
        yield place
        place = text.find(mark, place + len(mark))


def _is_key(value: str, _: str) -> bool:
    """Says whether a value is long and no word: digits among letters, and many different signs."""
    if len(value) < _LONG or _KINDS_OF_SIGNS[2].search(value) is None:
        return False
    return any(sign.isalpha() for sign in value) and _bits(value) >= _BITS


def _is_password(value: str, named: str) -> bool:
    """Says whether a value may be a password: two kinds of signs; after a space alone three, digits too."""
    kinds = [kind.search(value) is not None for kind in _KINDS_OF_SIGNS]
    if _TOLD.search(named) is not None:
        return sum(kinds) >= 2
    return sum(kinds) >= 3 and kinds[2]


def _bits(value: str) -> float:
    """Returns the Shannon entropy of a value's signs, in bits a sign."""
    n = len(value)
    return -sum(count / n * math.log2(count / n) for count in Counter(value).values())
