"""Shell text that finds what a pattern names, where a task of a Dockerfile has made it.

A Dockerfile's own wildcards are other ones: they know no `**` and no braces, and lose the folders on the way.
"""

from runner.plan.pattern import DEEP
from runner.plan.run_script import path_word, quoted
from runner.plan.wildcard import ONE, STAR, CharSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runner.plan.pattern import Alternative, Pattern

_SPECIAL = "\\.[]{}()*+?^$|"


def match_lines(target: "Pattern", to: str) -> list[str]:
    """Shell text that copies the files that a pattern names into a folder, which it makes.

    What matches keeps its path below the pattern's first wildcard; what is written out keeps its name.

    Args:
        target: The pattern, relative to the working folder.
        to: The folder, absolute.
    """
    prefix, folder = target.literal_prefix, path_word(to)
    if not target.has_wildcard:
        # Of something that need not be there.
        path = path_word(prefix)
        name = path_word(f"{to}/{prefix.rpartition('/')[2]}")
        return [f"mkdir -p {folder}", f"[ ! -e {path} ] || cp -RHp {path} {name} || exit"]
    return [
        f"mkdir -p {folder}",
        f"( cd {path_word(prefix)} 2>/dev/null || exit 0" if prefix else "(",
        f"  find . -type f -o -type l | sed 's,^\\./,,' | grep -E {quoted(f'^({expression(target)})$')} |",
        "  while IFS= read -r file; do",
        '    [ -f "$file" ] || continue',
        f'    case $file in */*) mkdir -p {folder}/"${{file%/*}}" ;; esac',
        f'    cp -pL "./$file" {folder}/"$file" || exit',
        "  done",
        ") || exit",
    ]


def expression(target: "Pattern") -> str:
    """An extended regular expression for the paths that a pattern names, below its first wildcard."""
    depth = len(target.literal_prefix.split("/")) if target.literal_prefix else 0
    return "|".join(_row(row[depth:], files_only=target.files_only) for row in target.alternatives)


def _row(row: "Alternative", *, files_only: bool) -> str:
    if not row:
        return ".+"
    found = ""
    for number, segment in enumerate(row, 1):
        last = number == len(row)
        if segment is DEEP:
            found += ".+" if last else "(.*/)?"
            continue
        found += _literal(segment) if isinstance(segment, str) else "".join(map(_token, segment.tokens))
        found += "" if last else "/"
    # A folder that it names stands for all beneath.
    return found if files_only or row[-1] is DEEP else f"{found}(/.*)?"


def _token(token: "str | int | CharSet") -> str:
    if isinstance(token, str):
        return _literal(token)
    if isinstance(token, CharSet):
        return _set(token)
    return {STAR: "[^/]*", ONE: "[^/]"}.get(token, ".*")


def _set(token: CharSet) -> str:
    """A set as a list of characters, where `]` stands first, `^` not first and `-` last."""
    ranges = "".join(f"{first}-{last}" for first, last in token.ranges)
    plain = "".join(sorted(one for one in token.chars if one not in "]^-"))
    first, caret, dash = ("".join(one for one in token.chars if one == special) for special in "]^-")
    if token.negated:
        return f"[^{first}/{ranges}{plain}{caret}{dash}]"
    if caret and not (first or ranges or plain):
        return f"({_literal('^')}|-)" if dash else _literal("^")
    return f"[{first}{ranges}{plain}{caret}{dash}]"


def _literal(text: str) -> str:
    return "".join(f"\\{one}" if one in _SPECIAL else one for one in text)
