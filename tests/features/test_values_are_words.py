"""Values are words, whatever they are and wherever the shell text has its hole: asked of real shells.

Commands are drawn from a grammar that knows what a program must be given; then the text is run by the shells
that are here, and what they gave it is compared. A second test draws any text at all, which no grammar could
foresee, and only asks that no value is ever run.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path  # noqa: TID251 - a test may load what a start may not

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config.shell import parse_script
from runner.errors import PlanError
from runner.location import Position
from runner.model.template import HEREDOC, HEREDOC_RAW, PLAIN, Hole
from runner.plan.quote import write

AT = Position("tasks.yml", 1, 1)
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]
assert SHELLS, "these tests ask real shells: install dash or bash"

Value = str | tuple[str, ...]
Draw = Callable[[st.SearchStrategy[str]], str]

HOSTILE = [
    "", " ", "\n", "\t", "'", '"', "\\", "`", "$", "!", "*", "?", "[a]", "{a,b}", "~", "#", "a", "b c", "-rf",
    "--", "=", "A=b", "; rm -rf x", "&", "|", "<", ">", "(", ")", "$(exit 9)", "`exit 9`", "${A}", "$A", "$'a'",
    "\\'", "\\n", "%s", "EOF", "\nEOF\n", "\tEOF", "E", "OF", "esac", "done", "if", "2", "*)", ";;", "é", "日本",
    "\r", "\x01", "\x7f", "\u2028", "\U0001f600", "\n\n",
]  # fmt: skip
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
PIECES = st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join)
LONG = st.sampled_from(HOSTILE).map(lambda piece: (piece * 16_384)[:16_384])
VALUES = st.integers(0, 19).flatmap(lambda number: LONG if number == 0 else TEXTS if number < 7 else PIECES)
LISTS = st.lists(VALUES, max_size=3).map(tuple)
LITERALS = st.sampled_from(["a", "b.c", "/", "--x=", "é", "1", ":", ""])


class Sheet:
    """What a script is being made of.

    Args:
        data: Where choices come from.

    Attributes:
        values: What the holes stand for.
    """

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.values: dict[str, Value] = {}

    def hole(self, value: Value) -> str:
        """A new hole with this value."""
        name = f"hole-{len(self.values)}"
        self.values[name] = value
        return "${" + name + "}"

    def value(self) -> tuple[str, str]:
        """A hole and its value."""
        value = self.data.draw(VALUES)
        return self.hole(value), value

    def word(self) -> tuple[str, str]:
        """A word with holes in and outside of quotes, and what it stands for."""
        script, meaning = "", ""
        for kind in self.data.draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=4)):
            more, stands_for = KINDS[kind](self)
            script += more
            meaning += stands_for
        return (script, meaning) if script else ("''", "")


def literal(sheet: Sheet) -> tuple[str, str]:
    text = sheet.data.draw(LITERALS)
    return text, text


def double(sheet: Sheet) -> tuple[str, str]:
    hole, value = sheet.value()
    other, more = sheet.value()
    return f'"a\'$V{hole} \\"{other}\\\\"', f"a'vv{value} \"{more}\\"


def double_list(sheet: Sheet) -> tuple[str, str]:
    values = sheet.data.draw(LISTS)
    return f'"<{sheet.hole(values)}>"', "<" + " ".join(values) + ">"


def single(sheet: Sheet) -> tuple[str, str]:
    hole, value = sheet.value()
    return f"'a\"$V\\{hole}'", f'a"$V\\{value}'


def variable(sheet: Sheet) -> tuple[str, str]:
    hole, value = sheet.value()
    return f"$V{hole}", f"vv{value}"


def substitution(sheet: Sheet) -> tuple[str, str]:
    hole, value = sheet.value()
    return f'"$(printf %s. {hole} ")")"', f"{value}.)."


def default(sheet: Sheet) -> tuple[str, str]:
    hole, value = sheet.value()
    return f'"${{NONE:-$(printf %s. {hole})}}"', f"{value}."


KINDS: Mapping[str, Callable[[Sheet], tuple[str, str]]] = {
    "bare": Sheet.value,
    "default": default,
    "double": double,
    "double list": double_list,
    "literal": literal,
    "single": single,
    "substitution": substitution,
    "variable": variable,
}


def arguments(sheet: Sheet) -> tuple[str, list[str]]:
    one, first = sheet.word()
    two, second = sheet.word()
    return f"show {one} {two} # it's", [first, second]


def many(sheet: Sheet) -> tuple[str, list[str]]:
    values = sheet.data.draw(LISTS)
    return f"show , {sheet.hole(values)} .", [",", *values, "."]


def glued(sheet: Sheet) -> tuple[str, list[str]]:
    values = sheet.data.draw(LISTS)
    found = list(values) or [""]
    found[0] = "a" + found[0]
    found[-1] += "#"
    return f"show a{sheet.hole(values)}#", found


def assignment(sheet: Sheet) -> tuple[str, list[str]]:
    one, first = sheet.word()
    two, second = sheet.word()
    values = sheet.data.draw(LISTS)
    script = f'A={one} B=x && export C={two} D={sheet.hole(values)}; show "$A" "$B" "$C" "$D"'
    return script, [first, "x", second, " ".join(values)]


def loop(sheet: Sheet) -> tuple[str, list[str]]:
    one, first = sheet.word()
    values = sheet.data.draw(LISTS)
    return f'for i in {one} {sheet.hole(values)}; do show "$i"; done', [first, *values]


def choice(sheet: Sheet) -> tuple[str, list[str]]:
    value = sheet.data.draw(VALUES)
    one, other = sheet.hole(value), sheet.hole(value)
    script = f"case a{one} in (b | a{other}) show same;; *) show other;; esac"
    return script, ["same"]


def condition(sheet: Sheet) -> tuple[str, list[str]]:
    value = sheet.data.draw(VALUES)
    one, other = sheet.hole(value), sheet.hole(value)
    return f"if [ {one} = '{other}' ]; then show same; else show other; fi", ["same"]


def pipe(sheet: Sheet) -> tuple[str, list[str]]:
    one, first = sheet.word()
    return f"(printf %s {one}) | {{ cat; printf '\\0'; }}", [first]


def function(sheet: Sheet) -> tuple[str, list[str]]:
    one, first = sheet.word()
    two, second = sheet.word()
    return f'f() {{ show {one} "$@"; }}\nf {two}', [first, second]


def positional(sheet: Sheet) -> tuple[str, list[str]]:
    one, first = sheet.word()
    return f'sh -c \'printf "%s\\0" "$@"\' sh {one}', [first]


def here_document(sheet: Sheet) -> tuple[str, list[str]]:
    hole, value = sheet.value()
    other, more = sheet.value()
    last, third = sheet.value()
    one, word = sheet.word()
    script = f"cat <<EOF && show {one}\n$V{hole} '{other}'\n{last}\nEOF"
    return script, [f"vv{value} '{more}'\n{third}\n{word}"]


def raw_here_document(sheet: Sheet) -> tuple[str, list[str]]:
    hole, value = sheet.value()
    other, more = sheet.value()
    script = f"A=$(cat <<-'EOF'\n\t: $V{hole}{other}\n\tEOF\n)\nshow \"$A.\""
    return script, [f": $V{value}{more}".rstrip("\n") + "."]


COMMANDS = [
    arguments,
    many,
    glued,
    assignment,
    loop,
    choice,
    condition,
    pipe,
    function,
    positional,
    here_document,
    raw_here_document,
]


def filled(script: str, values: Mapping[str, Value]) -> str:
    """The script with its values.

    Raises:
        PlanError: One is refused, in a here-document; elsewhere that is a failed test.
    """
    out = []
    for part in parse_script(script, values, AT).parts:
        if isinstance(part, str):
            out.append(part)
            continue
        try:
            out.append(write(values[part.name], part))
        except PlanError:
            assert part.context in (HEREDOC, HEREDOC_RAW), (script, part)
            raise
    return "".join(out)


def run(shell: str, script: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run a script by a shell in a folder of its own."""
    file = folder / "script"
    file.write_bytes(script.encode())
    return subprocess.run(
        [shutil.which(shell) or shell, str(file)],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_a_program_sees_exactly_the_value_that_was_typed(tmp_path: Path, data: st.DataObject) -> None:
    script = "V=vv\nshow() { printf '%s\\0' \"$@\"; }\n"
    expected: list[str] = []
    for make in data.draw(st.lists(st.sampled_from(COMMANDS), min_size=1, max_size=8)):
        sheet = Sheet(data)
        template, found = make(sheet)
        try:
            script += filled(template, sheet.values) + "\n"
        except PlanError:
            continue
        expected += found
    for shell in SHELLS:
        done = run(shell, script, tmp_path)
        assert done.stderr == b""
        assert done.stdout == "".join(word + "\0" for word in expected).encode()


ATTACK = ": >attacked"
ATTACKS = [
    "$(%s)", "`%s`", ";%s;", "\n%s\n", "';%s;'", '";%s;"', "a[$(%s)]", "a[$(%s)]=1", "x\nEOF\n%s\n",
    "EOF\n%s\nEOF",
    "\tEOF\n%s\nEOF", "OF\n%s\n", "EOF\n%s\nE", "'\n%s\n'", '"\n%s\n"', "&%s&", "|%s|", ")\n%s\n", "}\n%s\n",
    "\\\n%s\n", "))\n%s\n#", "]]\n%s\n", "esac\n%s\n",
]  # fmt: skip
BITS = [
    "", "`", "'", '"', "\\", "$", "\n", "EOF", "E", "OF", "if", "done", "PATH=", "-n", "-v", "2", "a", "(", ")",
    "}", "{", "~", "#",
]  # fmt: skip
DANGERS = st.one_of(st.sampled_from(ATTACKS).map(lambda text: text % ATTACK), st.sampled_from(BITS))
DULL = st.sampled_from(["a", "2", "E", "OF", "EOF", "if", "done", "A=b", "PATH="])
TOKENS = [
    "'", '"', "`", "$", "$(", ")", "((", "))", "$((", "(", "{ ", "}", " }", "${A:-", "<<EOF\n", "<<-EOF\n",
    "<<'EOF'\n", "\nEOF\n", "\n\tEOF\n", "E", "OF", "\\", "\n", "\\\n", ";", "|", "&", "&&", "#", " #", " ",
    "\t", "case a in ", "a) ", "*) ", ";;", " esac", "if ", "; then ", "; fi", "for k in ", "; do ", "; done",
    "[[ ", " ]]", "echo ", "a=", "b[", "]", "\nunset ", "\n[ -v ", " ]", "$A", "$1", "~", "{a,", "..", "@(",
    "=", "<", ">", ">&", "<(", "<<<", "$'", '$"', "\nlocal ", "\nexport ", "\neval ", "\nread ", "f() ", "\ncat ",
    "\ndeclare -i n=", "\nn=", "cat <<EOF\n", "\n", "echo ${x}\n", "$(echo ${x})", '"$(echo "${x}")"', '"${x}"',
    "'${x}'", "$A${x}", "case ${x} in ${x}) echo ${x};; esac\n", "for k in ${x}; do echo ${x}; done\n",
    "f() { echo ${x}; }; f ${x}\n", "cat <<EOF\n${x}\nEOF\n", "cat <<-EOF\n\t${x}${x}\nE${x}\n\tEOF\n",
    "a=${x} ", "a=(${x})\n", "${x}", "${x}", "${x}", "${x}",
]  # fmt: skip


@settings(max_examples=800, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=9).map("".join), st.data())
def test_no_value_is_ever_run_whatever_the_text_is(tmp_path: Path, script: str, data: st.DataObject) -> None:
    def value(hole: Hole) -> str:
        if hole.context == PLAIN:
            return write(data.draw(DULL), hole)
        return write(data.draw(st.one_of(DANGERS, st.lists(DANGERS, max_size=2).map(tuple))), hole)

    parts = parse_script(script, ("x",), AT).parts
    try:
        text = "".join(part if isinstance(part, str) else value(part) for part in parts)
    except PlanError:
        return
    for shell in SHELLS:
        run(shell, text, tmp_path)
        assert not (tmp_path / "attacked").exists()
