"""A command line as it stands in bash while somebody types it.

Bash breaks a word not only at blanks but also at `:` and `=`, replaces only what stands behind the last such
break, and takes the replacement as it is. So its script gives the whole line up to the cursor, and the part of
its last word that bash will replace; what is inserted for `api:build` behind a typed `api:bu` is `build`, with its
signs quoted for the place where it stands.

The line is taken apart as bash would, but nothing in it is expanded: `$(x)` stays these four letters.
"""

_BREAKS = " \t\n"
_PLAIN = frozenset("_@%+=:,./-")
_WITHIN_DOUBLE = frozenset('$`"\\')


class BashLine:
    """A line and where in its last word bash inserts.

    Args:
        line: The line from the program's name to the cursor, as typed.
        replaced: The end of it that is replaced by what is inserted.
    """

    __slots__ = ("_fixed", "_quote", "words")

    def __init__(self, line: str, replaced: str) -> None:
        spelt = split(line)[1:] or [""]
        self.words = [unquoted(word)[0] for word in spelt]
        last = spelt[-1]
        kept = last[: len(last) - len(replaced)] if last.endswith(replaced) else ""
        self._fixed, self._quote = unquoted(kept)

    def insertion(self, word: str) -> str:
        """What to insert so that the last word becomes `word`; empty if what is typed does not lead there."""
        if not word.startswith(self.words[-1]):
            return ""
        rest = word[len(self._fixed) :]
        if not self._quote:
            return "".join(letter if _is_plain(letter) else f"\\{letter}" for letter in rest)
        # Within quotes there is no way to write these.
        if "'" in rest if self._quote == "'" else "!" in rest:
            return ""
        if self._quote == "'":
            return rest
        return "".join(f"\\{letter}" if letter in _WITHIN_DOUBLE else letter for letter in rest)


def split(line: str) -> list[str]:
    """The words of a line as they are spelt, quotes kept; the last one empty if the line ends behind a blank."""
    words, word, quote, index = [], "", "", 0
    while index < len(line):
        letter = line[index]
        if not quote and letter in _BREAKS:
            if word:
                words.append(word)
            word = ""
        else:
            if letter == "\\" and quote != "'":
                index += 1
                letter = line[index - 1 : index + 1]
            elif letter == quote:
                quote = ""
            elif not quote and letter in "'\"":
                quote = letter
            word += letter
        index += 1
    return [*words, word]


def unquoted(word: str) -> tuple[str, str]:
    """What a word means, nothing expanded, and the quote that is open at its end, or empty."""
    text, quote, index = "", "", 0
    while index < len(word):
        letter = word[index]
        if letter == "\\" and quote != "'":
            index += 1
            letter = word[index : index + 1]
            kept = "\\" if quote and letter not in _WITHIN_DOUBLE else ""
            text += kept + letter
        elif letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        else:
            text += letter
        index += 1
    return text, quote


def _is_plain(letter: str) -> bool:
    """Whether a letter stands for itself outside quotes."""
    return letter.isalnum() or letter in _PLAIN
