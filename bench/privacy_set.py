"""The made set of `bench.privacy`: sentences with private values, and with what only looks like them.

Everything is drawn from one seed; sentences are in eight languages. A tenth of the positives have no word and
no format that would tell what they are, a fifth are disguised.
"""

import base64
import random
import string
from collections.abc import Callable
from typing import NamedTuple

from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from bench.privacy_values import VALUES, digits, until

CLASSES = ("email", "phone", "card", "iban", "national_id", "secret", "ip_address")

_TOLD = {
    "email": (
        "Write to {}.",
        "Meine Adresse ist {}",
        "mon adresse : {}",
        "mi correo es {},",
        "邮箱：{}，谢谢",
    ),
    "phone": (
        "Call me on {}",
        "Tel.: {}",
        "mon téléphone est le {}",
        "Ruf mich an: {}.",
        "mi móvil: {}",
        "电话 {}",
    ),
    "card": (
        "Charge {} please",
        "Kartennummer {}",
        "carte {} exp 04/29",
        "numero da {}.",
        "card:{}",
        "卡号是{}谢谢",
    ),
    "iban": ("Pay to {} today", "Bitte auf {} überweisen", "virement vers {}.", "cuenta {}", "IBAN:{}"),
    "national_id": ("{word} {}", "My {word} is {}.", "{word}: {}, thanks", '{{"{word}": "{}"}}'),
    "secret": ("use {}", "Der Schlüssel: {}", "export X='{}'", "curl -H '{}'", "it is {} ok?"),
    "ip_address": ("ssh to {} fails", "Server {} antwortet nicht", "l'hôte {}.", "from {}: denied"),
}
_BARE = ("and then {}", "{}", "so {} it is", "ja {} gut")


class Text(NamedTuple):
    """One text of the set: `value` is the private part, "" for a negative; `how` it is written."""

    text: str
    value: str
    how: str


def positives(name: str, n: int, seed: int) -> list[Text]:
    """Returns n texts that hold a value of a class each."""
    draw = random.Random(f"{name} {seed}")
    found = []
    for at in range(n):
        how = "bare" if at % 10 == 0 and name in {"phone", "national_id", "secret"} else "told"
        how = "disguised" if at % 5 == 1 and name != "secret" else how
        value, word = VALUES[name](draw, how == "bare")
        if how == "disguised":
            value = draw.choice(_DISGUISES[name])(draw, value)
        sentence = draw.choice(_BARE if how == "bare" else _TOLD[name])
        dressed = word.replace("{}", value) if name == "secret" else value
        text = sentence.replace("{word}", word).replace("{{", "{").replace("}}", "}").replace("{}", dressed)
        found.append(Text(text, value, how))
    return found


def negatives(name: str, n: int, seed: int) -> list[Text]:
    """Returns n texts with what only looks like a value of a class."""
    draw = random.Random(f"not {name} {seed}")
    return [Text(_lookalike(draw, draw.choice(_LOOKALIKES[name])), "", "negative") for _ in range(n)]


_Disguise = Callable[[random.Random, str], str]


def _inserted(sign: str) -> _Disguise:
    """Returns what puts a sign somewhere into the middle of a value."""

    def disguise(draw: random.Random, value: str) -> str:
        at = draw.randint(2, len(value) - 3)
        return value[:at] + sign + value[at:]

    return disguise


def _wide(_: random.Random, value: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if sign.isascii() and sign.isalnum() else sign for sign in value)


def _other_gaps(draw: random.Random, value: str) -> str:
    gap = draw.choice((".", "\u00a0", "\u2013", "\u2009", "\n"))
    return value.replace(" ", gap).replace("-", gap)


def _at_escaped(draw: random.Random, value: str) -> str:
    return value.replace("@", draw.choice(("%40", "&#64;", "\\u0040", "\uff20", " [at] ", " @ ")))


def _oddly_parted(draw: random.Random, value: str) -> str:
    """Returns a value with something odd between its groups, or a control sign within where it has none."""
    gap = draw.choice(("*", "|", ":", ",", "·", "    ", "\x07"))
    return value.replace(" ", gap) if " " in value else _inserted("\x07")(draw, value)


def _in_base64(_: random.Random, value: str) -> str:
    return base64.b64encode(f"here it is: {value}, ok".encode()).decode()


_NUMBER: tuple[_Disguise, ...] = (_inserted("\u200b"), _wide, _other_gaps, _inserted("\x01"))
_SURE: tuple[_Disguise, ...] = (*_NUMBER, _oddly_parted, _in_base64)
_DISGUISES: dict[str, tuple[_Disguise, ...]] = {
    "email": (_at_escaped, _inserted("\u200b"), _inserted("\u00ad"), _inserted("\x01"), _in_base64),
    **dict.fromkeys(("card", "iban"), _SURE),
    **dict.fromkeys(("phone", "national_id"), _NUMBER),
    "ip_address": (_inserted("\u200b"), _wide),
}

# What only looks private: # is a digit, ^ a hexadecimal one, ~ a letter.
_SIGNS = {"#": string.digits, "^": "0123456789abcdef", "~": string.ascii_lowercase}
_NUMBERS = (
    *("order ####### has shipped", "order ########## has shipped", "order ############ has shipped"),
    *(
        "at 20##-0#-1# 1#:30:05.######",
        "ts=17###########",
        "the price is $#,###,###.99",
        "ISBN 978-3-16-######-#",
    ),
    *(
        "version 1#.##.####",
        "id ^^^^^^^^-####-4###-a###-############",
        "loss 0.################ after ##### steps",
    ),
    *("Rechnung Nr. ####/###### vom 1#.0#.2026", "tracking 1Z~~~~~~##########", "SKU ###-#####-##"),
    "rows #### #### ### ##### sum ######",
)
_LOOKALIKES: dict[str, tuple[str, ...]] = {
    "email": (
        *("npm install pkg@#.#.0", "thanks @~~~~~~ and @~~~~~!", "icon#@2x.png is missing", "icon#@3x.png"),
        *("import @types/~~~~~", "# apples @ $2.## each", "meet at example.com at #", "@app.route('/~~~~~')"),
        "user@localhost:####",
    ),
    "phone": _NUMBERS,
    "card": (*_NUMBERS, "{card}", "{card}", "IMEI 35#############"),
    "iban": (*_NUMBERS, "{iban}", "{iban}"),
    "national_id": (*_NUMBERS, "part ########A", "part ########O"),
    "secret": (
        *("commit " + "^" * 40, "sha256:" + "^" * 64, "the key to success in #### is practice"),
        *(
            "https://example.com/~~~~#~~~~#~~~~#~~~~~~~#~~?page=##",
            "uuid ^^^^^^^^-####-4abc-9def-^^^^^^^^^^^^",
        ),
        *("max_tokens: ####, tokenizer: bert-base-uncased", "the password must have ## signs, sent by post"),
        *("primary key: customer_identifier_~~~~~~", "risk-adjusted return of ##%, task-####"),
        "data:image/png;base64," + "~#" * 30,
    ),
    "ip_address": (
        *("version 3##.##.##.#", "at 1#:30:05 and 09:1#", "std::vector::~~~~~", "section #.#.#"),
        *_NUMBERS,
    ),
}


def _lookalike(draw: random.Random, form: str) -> str:
    """Returns a text of a form; `{card}` and `{iban}` are numbers whose checksum is wrong."""
    if form == "{card}":
        number = until(lambda: f"4{digits(draw, 15)}", lambda made: not luhn.is_valid(made))
        return f"number {number[:4]} {number[4:8]} {number[8:12]} {number[12:]}"
    if form == "{iban}":
        rest = until(lambda: digits(draw, 20), lambda made: not mod_97_10.is_valid(f"{made[2:]}DE{made[:2]}"))
        return f"ref DE{rest}"
    return "".join(draw.choice(_SIGNS[sign]) if sign in _SIGNS else sign for sign in form)
