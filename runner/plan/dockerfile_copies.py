"""Which files a Dockerfile copies from its context, read from its text.

What can't be told for sure, as a name with a variable in it, stands for the whole context: more than needed never
makes an image that is out of date, less would.
"""

_EVERYTHING = "**"
_HEREDOC = "<<"


def copied_patterns(text: str) -> tuple[str, ...]:
    """The patterns of the files that a Dockerfile copies or adds, each once, in the words of a `source`.

    Args:
        text: The Dockerfile.
    """
    found: dict[str, None] = {}
    for words in _instructions(text):
        name, *rest = words
        if name.upper() == "RUN" and any(_binds(word) for word in rest):
            return (_EVERYTHING,)
        if name.upper() not in {"COPY", "ADD"}:
            continue
        flags = [word for word in rest if word.startswith("--")]
        if any(flag.startswith("--from=") for flag in flags):
            continue
        sources = _sources([word for word in rest if not word.startswith("--")])
        for source in sources:
            if source.startswith(_HEREDOC) or "://" in source:
                continue
            if "$" in source or "[" in source or "\\" in source:
                return (_EVERYTHING,)
            path = source.lstrip("/").rstrip("/")
            while path.startswith("./"):
                path = path[2:]
            if path in {"", "."}:
                return (_EVERYTHING,)
            found[path] = None
    return tuple(found)


def _binds(word: str) -> bool:
    """Whether a flag lets a command see files of the context; a mount is of that kind if it names none."""
    if not word.startswith("--mount=") or "from=" in word:
        return False
    return "type=" not in word or "type=bind" in word


def _instructions(text: str) -> "list[list[str]]":
    """The words of each instruction, continued lines joined and comments left out."""
    found: list[list[str]] = []
    held = ""
    for line in text.splitlines():
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        held += bare
        if held.endswith("\\"):
            held = f"{held[:-1]} "
            continue
        found.append(held.split())
        held = ""
    if held.split():
        found.append(held.split())
    return found


def _sources(words: "list[str]") -> "list[str]":
    """What is copied: all words but the last, or the same of a list in JSON."""
    whole = " ".join(words)
    if whole.startswith("["):
        names = [name.strip().strip('"') for name in whole.strip("[]").split(",")]
        return names[:-1]
    return words[:-1]
