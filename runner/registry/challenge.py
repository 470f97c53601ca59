"""What a registry says of how to prove who one is: the header `WWW-Authenticate`, as RFC 9110 writes it.

It comes from somebody else, so what does not fit the grammar is left out and never guessed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_SCHEME = re.compile(rf"[\s,]*({_WORD})(?:\s+|$|(?=,))")
_PARAMETER = re.compile(rf"""[\s,]*({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_WORD}))\s*(?=,|$)""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove who one is.

    Args:
        scheme: `basic`, `bearer` or another one, in lower case.
        parameters: What it says further, names in lower case; of one name said twice the first.
    """

    scheme: str
    parameters: dict[str, str]


def parse_challenges(headers: Iterable[str]) -> tuple[Challenge, ...]:
    """The challenges of a response, in order.

    Args:
        headers: The values of its `WWW-Authenticate` headers.
    """
    found = []
    for header in headers:
        at = 0
        while scheme := _SCHEME.match(header, at):
            at = scheme.end()
            parameters: dict[str, str] = {}
            while parameter := _PARAMETER.match(header, at):
                at = parameter.end()
                name, quoted, plain = parameter.groups()
                value = re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) if plain is None else plain
                parameters.setdefault(name.lower(), value)
            found.append(Challenge(scheme[1].lower(), parameters))
    return tuple(found)
