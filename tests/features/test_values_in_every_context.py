"""A value stays data in every nesting of shell text that can be written: thousands of scripts, by real shells.

A grammar writes scripts of quotes, here-documents, substitutions and compound commands, several deep, and knows
what each must show. Every shell that is here then runs them, each script from a file and in a subshell of its
own, and what it shows is compared byte by byte. A value must be refused where only plain ones may stand, and
nowhere else; a piece of a value that is run would leave a file.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path  # noqa: TID251 - a test may load what a start may not
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config.shell import parse_script
from runner.errors import PlanError
from runner.location import Position
from runner.plan.expand import fill
from runner.plan.quote import is_plain

AT = Position("tasks.yml", 1, 1)
SHELLS = [
    [found, *rest]
    for name, *rest in (["dash"], ["bash"], ["busybox", "sh"])
    if (found := shutil.which(name)) is not None
]
assert SHELLS, "these tests ask real shells: install dash or bash"
PRINTF = shutil.which("printf")
assert PRINTF is not None

CANARY = "canary"
RUN = f": >$D/{CANARY}"
HOSTILE = (
    *("", " ", "\n", "\t", "'", '"', "\\", "`", "$", "!", "*", "?", "[a]", "{a,b}", "~", "#", "a", "b c", "-rf"),
    *("--", "-", "=", "A=b", "&", "|", "<", ">", "(", ")", "${A}", "$A", "$'a'", "\\'", "\\n", "%s", "%", "é", "日本"),
    *("\r", "\x01", "\x02", "\x1b[1m", "\x7f", "\x80", "\x85", "\u2028", "\U0001f600", "\n\n", "\\\n", "X", "\nX\n"),
    *("X\n", "\tX", "esac", "done", "fi", "}", "in", "if", "2", "*)", ";;", ")\n", "))", "]]", "a\\", "/", "+", "."),
    *(f"$({RUN})", f"`{RUN}`", f";{RUN};", f"\n{RUN}\n", f"';{RUN};'", f'";{RUN};"', f"a[$({RUN})]", f"&{RUN}&"),
    *(f"|{RUN}|", f")\n{RUN}\n", f"\nX\n{RUN}\n", f"\\\n{RUN}\n", f"}}\n{RUN}\n", f"$(({RUN}))", f"<({RUN})"),
)  # fmt: skip
PLAIN = ("a", "2", "10", "a.b", "x/y", "A=b", "if", "done", "X", "%s", "+", "@")

Value = str | tuple[str, ...]
Text = tuple[str, str]
"""A piece of a script and what it stands for or shows."""
T = TypeVar("T")


class Sheet:
    """A script in the making.

    Args:
        pick: Gives a number from 0 to below its argument.

    Attributes:
        values: What the holes stand for.
        plain: Whether a value stands where it must be refused.
        maybe: Whether one stands where it may be refused: in a here-document, or an array in a substitution.
        substitutions: How many substitutions are open.
        bash: Whether only bash knows what is written.
        deep: How many constructs are open.
        files: How many files were made.
    """

    def __init__(self, pick: Callable[[int], int]) -> None:
        self.pick = pick
        self.values: dict[str, Value] = {}
        self.plain = False
        self.maybe = False
        self.substitutions = 0
        self.bash = False
        self.deep = 0
        self.files = 0

    def one(self, choices: Sequence[T]) -> T:
        return choices[self.pick(len(choices))]

    def text(self) -> str:
        """A value, mostly a hostile one."""
        size = self.pick(400)
        if size > 396:
            return (self.one(HOSTILE) * 20_000)[: 100_000 if size == 399 else 16_384]
        return "".join([self.one(HOSTILE) for _ in range(size % 5)])

    def hole(self, value: Value) -> str:
        name = f"h-{len(self.values)}"
        self.values[name] = value
        return "${" + name + "}"

    def hostile(self) -> Text:
        value = self.text()
        return self.hole(value), value

    def only_plain(self) -> Text:
        """A hole where no quoting is known."""
        value = self.one(PLAIN) if self.pick(8) else self.text()
        self.plain = self.plain or not is_plain(value) or value[0] == "-"
        return self.hole(value), value

    def many(self) -> tuple[str, tuple[str, ...]]:
        values = tuple(self.text() for _ in range(self.pick(4)))
        return self.hole(values), values


# Words


def word(sheet: Sheet) -> Text:
    """A word with holes in and outside of quotes."""
    script, meaning = "", ""
    for _ in range(1 + sheet.pick(3)):
        more, stands_for = sheet.one(PIECES)(sheet)
        script += more
        meaning += stands_for
    return script or "''", meaning


def literal(sheet: Sheet) -> Text:
    return sheet.one(
        (("a", "a"), ("--x=", "--x="), ("\\ ", " "), ("é.", "é."), ("/", "/"), ("\\'", "'"), ("''", ""))
    )


def single(sheet: Sheet) -> Text:
    hole, value = sheet.hostile()
    return f"'$V\"`{hole}\\'", f'$V"`{value}\\'


def variable(sheet: Sheet) -> Text:
    hole, value = sheet.hostile()
    return f'"$V"{hole}', f"vv{value}"


def double(sheet: Sheet) -> Text:
    """Double quotes around any number of things."""
    script, meaning = "", ""
    for _ in range(sheet.pick(4)):
        more, stands_for = sheet.one(QUOTED)(sheet)
        script += more
        meaning += stands_for
    return f'"{script}"', meaning


def quoted_literal(sheet: Sheet) -> Text:
    return sheet.one(
        (
            ("it's", "it's"),
            ("\\\\", "\\"),
            ('\\"', '"'),
            ("$V.", "vv."),
            ("\\$.", "$."),
            ("#", "#"),
            ("\n", "\n"),
        )
    )


def quoted_many(sheet: Sheet) -> Text:
    hole, values = sheet.many()
    return hole, " ".join(values)


def quoted_substitution(sheet: Sheet) -> Text:
    script, shown = substitution(sheet)
    return f"$({sheet.one((' ', chr(10)))}{script}\nprintf .)", f"{shown}."


def quoted_default(sheet: Sheet) -> Text:
    if sheet.pick(2):
        hole, value = sheet.only_plain()
        return f"${{NONE:-{hole}}}", value
    script, shown = substitution(sheet)
    return f"${{NONE:-$( {script}\nprintf .)}}", f"{shown}."


def backquoted(sheet: Sheet) -> Text:
    hole, value = sheet.only_plain()
    return f"`printf %s. {hole}`", f"{value}."


def sum_of(sheet: Sheet) -> Text:
    value = sheet.one(("1", "20")) if sheet.pick(8) else " " + sheet.text()
    sheet.plain = sheet.plain or not is_plain(value)
    return f"$((1 + {sheet.hole(value)}))", "2" if value == "1" else "21"


PIECES: tuple[Callable[[Sheet], Text], ...] = (
    Sheet.hostile, Sheet.hostile, Sheet.hostile, literal, double, double, single, variable,
)  # fmt: skip
QUOTED: tuple[Callable[[Sheet], Text], ...] = (
    Sheet.hostile, Sheet.hostile, quoted_literal, quoted_many, quoted_substitution, quoted_default, backquoted, sum_of,
)  # fmt: skip


# Commands


def shown(*values: str) -> str:
    """What the function `show` prints."""
    return str(len(values)) + "".join(f"<{value}>" for value in values)


def command(sheet: Sheet) -> Text:
    """A command, and what it prints."""
    sheet.deep += 1
    made = sheet.one(SIMPLE if sheet.deep > 3 else COMMANDS)(sheet)
    sheet.deep -= 1
    return made


def substitution(sheet: Sheet) -> Text:
    """A command in a substitution."""
    sheet.substitutions += 1
    made = command(sheet)
    sheet.substitutions -= 1
    return made


def arguments(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, second = word(sheet)
    comment = sheet.one(("", " # it's", ' # "$( `', " \\\n"))
    return f"show {one} {two}{comment}", shown(first, second)


def too_long(*values: str) -> bool:
    """Whether the kernel lets no program have one of the values, which takes 128 KiB at the most."""
    return any(len(value.encode()) > 120_000 for value in values)


def program(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, values = sheet.many()
    if too_long(first, *values):
        return f"show {one} {two}", shown(first, *values)
    return f"{PRINTF} '<%s>' {one} {two}", "".join(f"<{value}>" for value in (first, *values))


def many(sheet: Sheet) -> Text:
    one, values = sheet.many()
    two, others = sheet.many()
    return f"show {one} , {two}", shown(*values, ",", *others)


def glued(sheet: Sheet) -> Text:
    one, values = sheet.many()
    found = list(values) or [""]
    found[0] = "a" + found[0]
    found[-1] += "#"
    return f"show a{one}#", shown(*found)


def positional(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, values = sheet.many()
    return f'set -- {one} {two}; show "$@"', shown(first, *values)


def inner_shell(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, values = sheet.many()
    if too_long(first, *values):
        return f"show {one} {two}", shown(first, *values)
    script = f'A={one} sh -c \'printf "<%s>" "$A" "$@"\' sh {two}'
    return script, "".join(f"<{value}>" for value in (first, *values))


def assignment(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, second = word(sheet)
    three, values = sheet.many()
    verb = sheet.one(("export", "readonly", ""))
    return f'A={one} B=1 && {verb} C={two} E={three}; show "$A" "$C" "$E"', shown(
        first, second, " ".join(values)
    )


def evaluated(sheet: Sheet) -> Text:
    hole, value = sheet.only_plain()
    # What feeds a loop may feed the command in it.
    sheet.maybe = True
    return sheet.one((
        (f"eval show {hole}", shown(value)),
        (f'eval "show {hole}"', shown(value)),
        (f"sh -c 'printf \"<%s>\" {hole}'", f"<{value}>"),
        (f'sh -c "printf \'<%s>\' {hole}"', f"<{value}>"),
        (f"ssh host show {hole}", shown(value)),
        (f"trap 'show {hole}' USR1; trap - USR1", ""),
        (f"# {hole}\n:", ""),
    ))  # fmt: skip


def no_program(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, second = word(sheet)
    if too_long(first, second):
        return f"show {one} {two}", shown(first, second)
    return f"./none{one} {two} 2>/dev/null || show gone", shown("gone")


def document(sheet: Sheet) -> Text:
    """A here-document of any kind."""
    tabs = sheet.pick(2)
    end = sheet.one(("X", "'X'", '"X"', "\\X"))
    script, meaning = "", ""
    for _ in range(sheet.pick(4)):
        line, stands_for = document_line(sheet, raw=end != "X")
        script += "\t" * (tabs * sheet.pick(3)) + line + "\n"
        meaning += stands_for + "\n"
    head = sheet.one(
        ("cat <<{}", "cat <<{} |\ncat", "<<{} cat && printf .", "while cat; do break; done <<{}")
    )
    head = head.format(("-" if tabs else "") + end)
    meaning += "." if head.endswith(".") else ""
    last = "\t" * tabs + "X\n"
    if head.endswith("\ncat"):
        return head.replace("\n", f"\n{script}{last}"), meaning
    return f"{head}\n{script}{last}:", meaning


def document_line(sheet: Sheet, *, raw: bool) -> Text:
    """A line of a here-document that is not its end."""
    script, meaning = sheet.one((("", ""), (": ", ": "), ("it's \"", "it's \""), ("x", "x")))
    for _ in range(sheet.pick(3)):
        hole, value = sheet.hostile()
        risky = (
            any(letter in value for letter in "X\t\x01\x7f")
            or value[:1] == "\n"
            or value[-1:] == "\n"
            or not value
        )
        sheet.maybe = sheet.maybe or risky
        more, stands_for = sheet.one(
            (("", ""), ("$V", "$V" if raw else "vv"), ("' ", "' "), ("\\\\", "\\\\" if raw else "\\"))
        )
        script += hole + more
        meaning += value + stands_for
    if not script:
        return ".", "."
    return script, meaning


SIMPLE: tuple[Callable[[Sheet], Text], ...] = (
    arguments, arguments, program, many, glued, positional, inner_shell, assignment, evaluated, no_program, document, document,
)  # fmt: skip


def loop(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, values = sheet.many()
    body, printed = command(sheet)
    # What `exit` ends, ends in a subshell.
    script = f'for i in {one} {two}; do show "$i"; ( {body}\n) ; done'
    return script, "".join(shown(value) + printed for value in (first, *values))


def choice(sheet: Sheet) -> Text:
    value = sheet.text()
    same, other = sheet.hole(value), sheet.hole(value)
    body, printed = command(sheet)
    subject = sheet.one((f"a{same}", f'"a{same}"', f"'a{same}'"))
    pattern = sheet.one((f"a{other}", f'"a{other}"', f"(b | a'{other}'", f"zz*|a{other}"))
    return f"case {subject} in\n{pattern}) {body}\n;; *) show other;; esac", printed


def condition(sheet: Sheet) -> Text:
    value = sheet.text()
    same, other = sheet.hole(value), sheet.hole(value)
    body, printed = command(sheet)
    return f'if [ {same} = "{other}" ] && :; then {body}\nelse show other; fi', printed


def double_condition(sheet: Sheet) -> Text:
    value = sheet.one(PLAIN) if sheet.pick(8) else sheet.text()
    sheet.plain = sheet.plain or not is_plain(value) or value[0] == "-"
    sheet.bash = True
    same, other = sheet.hole(value), sheet.hole(value)
    return f'if [[ {same} == "{other}" ]]; then show same; fi', shown("same")


def wrapped(sheet: Sheet) -> Text:
    body, printed = command(sheet)
    script = sheet.one((
        "{{ {}\n}}", "( {}\n)", "(\n{}\n)\n", "while :; do {}\nbreak; done", "until ! :; do {}\nbreak\ndone", "{{ {}\n}} | cat",
        "( {}\n) |\ncat", ": && {{ {}\n}} || show no", "if ! :; then :; elif :; then {}\nfi", "true & wait; {}", ":; {}",
        "case x in (x) {}\nesac", "f() {{ {}\n}}; f", "f() ( {}\n)\nf", "{{ {}\n}} 2>&1 >&1",
    ))  # fmt: skip
    return script.format(body), printed


def substituted(sheet: Sheet) -> Text:
    body, printed = substitution(sheet)
    return f'A=$( {body}\nprintf .)\nshow "$A"', shown(f"{printed}.")


def function(sheet: Sheet) -> Text:
    one, first = word(sheet)
    two, second = word(sheet)
    three, values = sheet.many()
    return f'g() {{ local A={one}; show "$A" "$@"; }}\ng {two} {three}', shown(first, second, *values)


def file(sheet: Sheet) -> Text:
    """A file that is named by a value."""
    value = sheet.text().replace("/", "")
    value = value if len(value.encode()) < 200 else "long"
    body, printed = command(sheet)
    sheet.files += 1
    folder = f"$D/{sheet.files}"
    hole, again = sheet.hole(value), sheet.hole(value)
    script = f'(mkdir {folder}; {{ {body}\n}} >{folder}/x{hole}; cd {folder}; for i in *; do show "$i"; done; cat "./x{again}"; rm -r {folder})'
    return script, shown(f"x{value}") + printed


def here_string(sheet: Sheet) -> Text:
    one, first = word(sheet)
    sheet.bash = True
    return f"cat <<< {one}", f"{first}\n"


def array(sheet: Sheet) -> Text:
    if sheet.substitutions:
        # bash itself takes no array there for what it is.
        return arguments(sheet)
    one, first = word(sheet)
    two, values = sheet.many()
    sheet.bash = True
    # bash changes these control characters in the quotes of an array.
    used = "".join("".join(value) for value in sheet.values.values())
    sheet.maybe = sheet.maybe or "\x01" in used or "\x7f" in used
    return f'A=({one}\n{two}); show "${{A[@]}}"', shown(first, *values)


def process(sheet: Sheet) -> Text:
    body, printed = substitution(sheet)
    sheet.bash = True
    return f"cat <( {body}\n)", printed


COMMANDS = (
    *SIMPLE, loop, choice, condition, double_condition, wrapped, wrapped, wrapped, wrapped, substituted, substituted,
    function, file, here_string, array, process,
)  # fmt: skip


# Scripts


class Case:
    """A script with its values in it, and what it must print; `script` is None if it was refused."""

    def __init__(self, pick: Callable[[int], int]) -> None:
        sheet = Sheet(pick)
        self.template, self.expected = command(sheet)
        self.bash = sheet.bash
        self.script: str | None = None
        template = parse_script(self.template, sheet.values, AT)
        refused = ""
        try:
            self.script = fill(template, sheet.values)
        except PlanError as error:
            refused = f"{error.at!r}: {error.message}"
        if refused:
            assert sheet.plain or sheet.maybe, (refused, self.template, sheet.values)
            assert refused.startswith("Position(tasks.yml:1:")
        else:
            assert not sheet.plain, ("not refused", self.template, sheet.values)


PROLOGUE = """V=vv
show() { printf %s $#; [ $# = 0 ] || printf '<%s>' "$@"; }
ssh() { shift; eval "$*"; }
"""
MARK = "\n--- next\n"


def check(cases: Sequence[Case], folder: str) -> None:
    """Let each shell run the cases, all in one process for each."""
    for number, case in enumerate(cases):
        if case.script is not None:
            with open(f"{folder}/{number}", "w", encoding="utf-8", newline="\n") as made:
                made.write(case.script + "\n")
    for shell in SHELLS:
        ran = [
            (number, case)
            for number, case in enumerate(cases)
            if case.script is not None and (not case.bash or shell[0].endswith("bash"))
        ]
        text = PROLOGUE + "".join(f"(. ./{number})\nprintf '{MARK}'\n" for number, _ in ran)
        with open(f"{folder}/all", "w", encoding="utf-8") as made:
            made.write(text)
        os.makedirs(f"{folder}/d", exist_ok=True)
        done = subprocess.run(
            [*shell, "./all"], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=120,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "D": f"{folder}/d"},
        )  # fmt: skip
        found = done.stdout.split(MARK.encode())
        assert not os.path.exists(f"{folder}/d/{CANARY}"), [case.script for _, case in ran]
        for (_, case), output in zip(ran, found, strict=False):
            assert output == case.expected.encode(), (shell, output, done.stderr)
        assert (len(found), done.stderr) == (len(ran) + 1, b""), (shell, [case.template for _, case in ran])


@pytest.mark.long
@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(st.data())
def test_every_shell_takes_every_value_for_data_in_every_context(tmp_path: Path, data: st.DataObject) -> None:
    def pick(count: int) -> int:
        return data.draw(st.integers(0, count - 1))

    check([Case(pick) for _ in range(25)], str(tmp_path))
