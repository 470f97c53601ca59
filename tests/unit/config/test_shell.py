"""The context of every hole of a script."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.config.shell import is_posix_shell, parse_script
from runner.errors import FileError
from runner.location import Position
from runner.model.template import (
    BARE,
    COMMAND,
    DOUBLE,
    HEREDOC,
    HEREDOC_RAW,
    PART,
    PLAIN,
    QUOTED,
    SINGLE,
    WORD,
    Hole,
)

AT = Position("tasks.yml", 3, 10)
KNOWN = frozenset({"x", "y", "z"})


def holes(script: str) -> list[Hole]:
    return [part for part in parse_script(script, KNOWN, AT).parts if not isinstance(part, str)]


def contexts(script: str) -> list[str]:
    """The context of each hole, with its detail if it has one that is no matter of words."""
    return [
        hole.context if hole.context == PLAIN or not hole.detail else f"{hole.context} {hole.detail}"
        for hole in holes(script)
    ]


ARGUMENT = BARE
NAME = f"{BARE} {COMMAND}"
ONE = f"{BARE} {WORD}"
INNER = f"{BARE} {PART}"
ALWAYS = f"{BARE} {QUOTED}"

QUOTING = {
    "echo ${x}": [ARGUMENT],
    "${x} ${y}": [NAME, ARGUMENT],
    "echo \"${x}\" '${y}'": [DOUBLE, SINGLE],
    "echo a${x}b": [INNER],
    "echo \"'${x}'\"": [DOUBLE],
    "echo '\"${x}\"'": [SINGLE],
    'echo "a\\"${x}"': [DOUBLE],
    "echo \\'${x}": [INNER],
    "echo 'a\\'${x}": [INNER],
    "echo \\${x}": [PLAIN],
    'echo "\\${x}"': [PLAIN],
    "echo \\\\${x}": [INNER],
    "echo \\\n${x}": [ARGUMENT],
    "echo $$${x}": [PLAIN],
    'echo "$$${x}${y}" ${z}': [PLAIN, PLAIN, ARGUMENT],
    "echo `ls ${x}` ${y}": [PLAIN, ARGUMENT],
    'echo "`ls ${x}`${y}"': [PLAIN, DOUBLE],
    "echo `ls '\\`' ${x}` ${y}": [PLAIN, ARGUMENT],
    "echo $'${x}' ${y}": [PLAIN, ARGUMENT],
    'echo $"${x}" ${y}': [PLAIN, ARGUMENT],
    "echo ${A:-${x}} ${y}": [PLAIN, ARGUMENT],
    'echo "${A#"${x}"}${y}"': [PLAIN, DOUBLE],
    "echo ${A:-$(f ${x})}": [ARGUMENT],
    "echo ${A:-'${x}'}": [PLAIN],
    "echo $((1 + ${x})) ${y}": [PLAIN, ARGUMENT],
    "echo $((1 + $(f ${x})))": [ARGUMENT],
    "((i += ${x})); echo ${y}": [PLAIN, ARGUMENT],
    "for ((i = 0; i < ${x}; i++)); do echo ${y}; done": [PLAIN, ARGUMENT],
    'echo "$(f \'${x}\' "${y}" ${z})"': [SINGLE, DOUBLE, ARGUMENT],
    "echo $(f ')' ${x}) ${y}": [ARGUMENT, ARGUMENT],
    "echo $(case a in a) f ${x};; esac) ${y}": [ARGUMENT, ARGUMENT],
    "echo $(f # it's a ) here\n) ${x}": [ARGUMENT],
    "cat <(f ${x}) ${y}": [ARGUMENT, ARGUMENT],
    "echo ~${x} ~/${y} a=b:~${z}": [PLAIN, INNER, PLAIN],
    "echo {a,${x}} {1..${y}} {${z}": [ALWAYS, PLAIN, ALWAYS],
    "echo [${x}]* ${y}~": [ALWAYS, ALWAYS],
    "ls @(${x}|b)": [ALWAYS],
}

COMMANDS = {
    "A=${x} B=a${y} ${z}": [ONE, ONE, NAME],
    'A="${x}" f': [DOUBLE],
    "a=(${x} [1]=${y} [${z}]=1)": [ARGUMENT, PLAIN, PLAIN],
    "a+=${x}": [ONE],
    "a[${x}]=${y}": [PLAIN, PLAIN],
    "a[b[1]]=${x} a[b[${y}]]=1": [ONE, PLAIN],
    "${x} A=${y}": [NAME, ONE],
    "[ {${x} ]": [ALWAYS],
    "[ -f ${x} ]": [ONE],
    "${x}=1": [PLAIN],
    "PS4=${x}": [PLAIN],
    "f > ${x} 2>> ${y} < ${z}": [ONE, ONE, ONE],
    "f <<< ${x}": [ONE],
    "f >& ${x}": [PLAIN],
    "f | ${x} && ${y} || ${z}": [NAME, NAME, NAME],
    "(${x}); { ${y}; }": [NAME, NAME],
    "if ${x}; then ${y}; else ${z}; fi": [NAME, NAME, NAME],
    "while f ${x}; do ${y}; done > ${z}": [ARGUMENT, NAME, ONE],
    "for i in ${x} a; do f ${y}; done": [NAME, ARGUMENT],
    "for i\nin ${x} ${z}\ndo f ${y}\ndone": [NAME, ARGUMENT, ARGUMENT],
    "for i in e${x} a${y}; do f; done": [ALWAYS, INNER],
    "for i in b${x}; do f; done": [INNER],
    "for ${x} in a; do f; done": [PLAIN],
    "for i; do f ${x}; done": [ARGUMENT],
    "for i do f ${x}; done": [ARGUMENT],
    "local a=(${x} b) b=${y}": [ARGUMENT, ONE],
    "[[ ( a < b ) && ${x} =~ ^(a|b)$ ]] || f ${y}": [PLAIN, ARGUMENT],
    "case ${x} in ${y} | b) ${z};; esac": [ONE, ALWAYS, NAME],
    "case a in\n  (a) f ${x};;\n  *) f ${y}\nesac\nf ${z}": [ARGUMENT, ARGUMENT, ARGUMENT],
    "f() { g ${x}; }; f ${y}": [ARGUMENT, ARGUMENT],
    "function f { g ${x}; }; f ${y}": [ARGUMENT, ARGUMENT],
    "${x}() { g; }": [PLAIN],
    "[[ ${x} == '${y}' ]] && f ${z}": [PLAIN, PLAIN, ARGUMENT],
    "[[ -f $(f ${x}) ]]": [ARGUMENT],
    "f # ${x}\ng ${y}": [PLAIN, ARGUMENT],
    "f a#${x} $#${y}": [INNER, INNER],
    "./${x} go${y}": [f"{BARE} {PART}", INNER],
    "go${x} build": [ALWAYS],
    "! ${x}": [NAME],
    "time ${x}": [NAME],
}

HERE_DOCUMENTS = {
    "cat <<EOF\n${x} '${y}'\nEOF\nf ${z}": [f"{HEREDOC} << EOF", f"{HEREDOC} << EOF", ARGUMENT],
    "cat <<'EOF'\n${x} $(f ${y})\nEOF": [f"{HEREDOC_RAW} << EOF"] * 2,
    "cat <<\\EOF\n${x}\nEOF": [f"{HEREDOC_RAW} << EOF"],
    "cat <<-EOF\n\t${x}\n\tEOF\nf ${y}": [f"{HEREDOC} <<- EOF", ARGUMENT],
    "cat <<A <<'B' ${x}\n${y}\nA\n${z}\nB": [ARGUMENT, f"{HEREDOC} << A", f"{HEREDOC_RAW} << B"],
    "cat <<EOF\n$(f ${x}) `g ${y}` ${A:-${z}}\nEOF": [PLAIN, PLAIN, PLAIN],
    "cat <<EOF\n\\${x} $$${y}\nEOF": [PLAIN, PLAIN],
    "cat <<EOF\n${x}${y}\nEOF": [f"{HEREDOC} <<+ EOF"] * 2,
    "cat <<EOF\nE${x}\nEOF": [f"{HEREDOC} <<+= EOF"],
    "cat <<EOF\n${x}F)\nEOF": [f"{HEREDOC} <<+ EOF"],
    "cat <<EOF\nx${x}é${y}F\nEOF": [f"{HEREDOC} <<+ EOF"] * 2,
    "cat <<EOF\n${x}é\nEOF": [f"{HEREDOC} <<+ EOF"],
    "cat <<EOF\n${x}F\nEOF": [f"{HEREDOC} <<+ EOF"],
    "cat <<EOF\nname: ${x}, ${y}\nEOF": [f"{HEREDOC} << EOF"] * 2,
    "cat <<EOF\nE${x}OF\nEOF": [PLAIN],
    "cat <<EOF\nE\\\n${x}\nEOF": [f"{HEREDOC} <<+= EOF"],
    "cat <<EOF\nx\\\n${x}\nEOF": [f"{HEREDOC} <<+ EOF"],
    'f "$(cat <<EOF\n${x}\nEOF\n)" ${y}': [f"{HEREDOC} << EOF", ARGUMENT],
    "cat <<EOF\n${x}\\\nF\nEOF": [f"{HEREDOC} <<+ EOF"],
    "cat <<EOF |\n${x}\nEOF\nf ${y}": [f"{HEREDOC} << EOF", ARGUMENT],
    "cat <<EOF |\n${x}\nEOF\nsh": [PLAIN],
    "cat <<EOF | f ${x}\n${y}\nEOF": [ARGUMENT, f"{HEREDOC} << EOF"],
}

CODE = {
    "eval f ${x}": [PLAIN],
    "command eval f ${x}": [PLAIN],
    "$SUDO eval f ${x}": [PLAIN],
    "${x}eval f ${y}": [ALWAYS, PLAIN],
    "echo eval ${x}": [ARGUMENT],
    "trap 'rm ${x}' EXIT": [PLAIN],
    "sh -c 'f ${x} \"$1\"' sh ${y}": [PLAIN, ARGUMENT],
    'bash -euo pipefail -c "f ${x}" sh ${y}': [PLAIN, ARGUMENT],
    "sudo -u me /bin/bash -lc ${x}": [PLAIN],
    "xargs -0 sh -c 'f ${x}' < ${y}": [PLAIN, ONE],
    "find . -name ${x} -exec sh -c 'f ${y}' {} \\;": [ARGUMENT, PLAIN],
    "docker run --rm ${x} bash -c 'f ${y}'": [ARGUMENT, PLAIN],
    "bash run.sh ${x}": [ARGUMENT],
    "bash ${x} ${y}": [ARGUMENT, PLAIN],
    "bash <(f ${x})": [PLAIN],
    ". <(f ${x})": [PLAIN],
    "ssh host f ${x}": [PLAIN],
    "sshpass -e ssh host f ${x}": [PLAIN],
    "su - me -c 'f ${x}'": [PLAIN],
    "watch f ${x}": [PLAIN],
    "env -S 'f ${x}'": [PLAIN],
    "env A=${x} f ${y}": [INNER, ARGUMENT],
    "python3 -c 'f(${x})' ${y}": [PLAIN, ARGUMENT],
    "python3 run.py -c ${x}": [ARGUMENT],
    "perl -ne 'print ${x}' ${y}": [PLAIN, ARGUMENT],
    "node --eval=${x} ${y}": [PLAIN, ARGUMENT],
    "psql -h ${x} -c 'select ${y}'": [ARGUMENT, PLAIN],
    "sed -i s/a/${x}/ ${y}": [PLAIN, ARGUMENT],
    "sed -i '' -e s/a/${x}/ ${y}": [PLAIN, ARGUMENT],
    "awk -v a=${x} '{ print a, ${y} }' ${z}": [ONE, PLAIN, ARGUMENT],
    "jq --arg a ${x} '.b = ${y}' ${z}": [ONE, PLAIN, ARGUMENT],
    "command -p eval ${x}": [PLAIN],
    "echo ${x} | xargs -I{} sh -c '{}'": [PLAIN],
    "echo ${x} | python3 -u": [PLAIN],
    "echo ${x} | python3 -m json.tool": [ARGUMENT],
    "echo ${x} | node -e 'a'": [ARGUMENT],
    "sqlite3 ${x} 'select ${y}'": [ARGUMENT, PLAIN],
    "$PYTHON -${x} ${y}": [INNER, PLAIN],
    "bash <<< ${x}": [PLAIN],
    "bash < <(f ${x})": [PLAIN],
    "unset ${x}": [PLAIN],
    "read -p ${x} ${y}": [ONE, PLAIN],
    "printf -v ${x} ${y}": [PLAIN, ARGUMENT],
    "printf '%s' ${x}": [ARGUMENT],
    "export A=${x} ${y}": [ONE, PLAIN],
    "declare -i A=${x}": [PLAIN],
    "declare -i A; A=${x}": [PLAIN],
    "local -r A=${x}": [ONE],
    "test -v ${x}": [PLAIN],
    "[ ${x} = ${y} ]": [ONE, ONE],
    "[ ${x} -gt 1 ]": [PLAIN],
    "echo ${x} | sudo sh": [PLAIN],
    "echo ${x} | sh run.sh ${y}": [ARGUMENT, ARGUMENT],
    "f ${z}; echo ${x} | tr a b | bash -s ${y}": [ARGUMENT, PLAIN, PLAIN],
    "cat <<EOF | ssh host\n${x}\nEOF\nf ${y}": [PLAIN, ARGUMENT],
    "python3 - <<'EOF'\n${x}\nEOF\nf ${y}": [PLAIN, ARGUMENT],
    "sh < ${x}": [ONE],
    "{ echo ${x}; } | sh": [PLAIN],
    "echo ${x} | { sh; }": [PLAIN],
    "while read a; do ssh b; done <<EOF\n${x}\nEOF": [PLAIN],
}

NOT_FOLLOWED = [
    "echo 'a",
    'echo "a',
    "echo `a",
    "echo $(a",
    "echo ${A",
    "echo ${A#'}'}",
    "((a = 'b'))",
    "a ( b )",
    "a (\n)",
    "echo $'a\\''",
    "echo $[1]",
    "(a",
    "a)",
    "a <<EOF",
    "a <<EOF\nb",
    "a <<$A\nb\n$A",
    "a <<''\n\n",
    "a <<EOF\nb\\\nEOF\nEOF",
    "$(a <<EOF)\nb\nEOF",
    "ls @(a b)",
    "echo $'a",
    "a <<EOF; b 'c\n'\nEOF",
    "a <<EOF; b ${A#'\n'}\nEOF",
    "$(" * 50 + ")" * 50,
    "a <<EOF $(b\n)\nEOF",
    "a <<EOF\n$(b\n${x})\nEOF",
    "a <<E\\\nOF\nEOF",
    "alias a=b",
    "coproc a",
    "$(a <<EOF\nEOF ${x})\nEOF\n)",
    "a $(b=(${x}))",
    "a <((b) )",
    "a " + "@(" * 100 + ")" * 100,
    "case a in b",
    "case a b",
    "a;; b",
    "esac",
    "a (b)",
    "{ a; } b",
    "[[ a",
    "a <\\\n<b",
    "((a) b)",
    "echo ${ a; }",
    "${x} if a; then b; fi",
    "> ;",
    "a[1 + ${x}]=2",
    "a[b[1] + ${x}]=2",
    "a=([1 + ${x}]=2)",
    "${x} a[1 + ${y}]=2",
    "f() {\n<<EOF ${A:-'\n'}\nEOF\n}",
    "! (a) (b)",
    "a !(b)",
    "${x}(b)",
    "for a b; do c; done",
    "case a in b c) d;; esac",
]


@pytest.mark.parametrize(
    ("script", "found"), [*QUOTING.items(), *COMMANDS.items(), *HERE_DOCUMENTS.items(), *CODE.items()]
)
def test_where_holes_stand(script: str, found: list[str]) -> None:
    assert contexts(script) == found


@pytest.mark.parametrize("script", NOT_FOLLOWED)
def test_what_cannot_be_followed_takes_plain_values_only(script: str) -> None:
    found = holes("echo ${x}\n" + script)
    assert {hole.context for hole in found} == {PLAIN}
    assert all("can't be followed" in hole.detail for hole in found)


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("echo 'a\n${x}", "a script that can't be followed because of the `'` in its line 1 is never closed"),
        ("eval ${x}", "the text of `eval`"),
        ("sh -c ${x}", "the script of `sh -c`"),
        ("echo $((${x}))", "arithmetic, `$(( ))`"),
        ("# ${x}", "a comment"),
        ("sed s/${x}//", "the program of `sed`"),
        ("python3 <<EOF\n${x}\nEOF", "a script for `python3`"),
    ],
)
def test_a_place_without_quoting_is_said_in_words(script: str, detail: str) -> None:
    assert [hole.detail for hole in holes(script)] == [detail]


def test_other_interpreters_take_plain_values_only() -> None:
    template = parse_script("print('${x}')", KNOWN, AT, ("python3", "-c"))
    assert template.parts[1] == Hole("x", PLAIN, "a script for `python3 -c`", AT.shifted(7, 4))


@pytest.mark.parametrize(
    ("script", "literals"),
    [
        ('echo $A${x} "$1${y}"', ["echo ${A}", ' "${1}', '"']),
        ("echo $A\\\n${x}", ["echo ${A}\\\n"]),
        ("echo $A.${x}", ["echo $A."]),
        ("echo $$$$${x}", ["echo ${$}"]),
        ("echo ${x}>f ${y} >g", ["echo ", " >f ", " >g"]),
        ("echo ${HOME} $${x}", ["echo ${HOME} ${x}"]),
    ],
)
def test_text_beside_a_hole_keeps_its_meaning(script: str, literals: list[str]) -> None:
    assert [part for part in parse_script(script, KNOWN, AT).parts if isinstance(part, str)] == literals


def test_a_hole_says_where_it_stands() -> None:
    asked: list[tuple[int, int]] = []

    def at_offset(offset: int, length: int) -> Position:
        asked.append((offset, length))
        return AT

    parse_script("echo $$HOME$A${x}\n${y}", KNOWN, AT, at_offset=at_offset)
    assert asked == [(13, 4), (18, 4)]


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(FileError, match="NUL"):
        parse_script("echo \0", KNOWN, AT)


@pytest.mark.parametrize(
    ("interpreter", "posix"),
    [
        ("sh -c", True),
        ("/bin/bash -euo pipefail -c", True),
        ("/usr/bin/env dash -ec", True),
        ("busybox sh -c", True),
        ("bash", False),
        ("bash -O extglob -c", False),
        ("bash run.sh", False),
        ("bash --login -c", False),
        ("zsh -c", False),
        ("fish -c", False),
        ("python3 -c", False),
        ("docker exec a sh -c", False),
        ("", False),
    ],
)
def test_which_interpreters_are_shells(interpreter: str, posix: bool) -> None:
    assert is_posix_shell(tuple(interpreter.split())) is posix


PIECES = [
    *"'\"`$()\\{}<>|&;#~[]!=\n\t ", "$(", "$((", "))", "${A", "<<EOF\n", "<<-'E'\n", "\nEOF\n", "\nE\n",
    "case a in ",
    "esac", ";;", "if ", "then ", "fi", "for a in ", "do ", "done", "[[ ", " ]]", "eval ", "a=", "${x}", "${y}",
    "${HOME}", "$$", "f ", "2", "sh -c ", "| sh", "function ", "\\\n",
]  # fmt: skip


@settings(max_examples=400)
@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_any_text_is_read_and_every_hole_is_found_in_order(script: str) -> None:
    template = parse_script(script, KNOWN, AT)
    resolved = "".join(part if isinstance(part, str) else "${" + part.name + "}" for part in template.parts)
    for part in template.parts:
        if not isinstance(part, str):
            begin = part.position.column - AT.column
            assert script[begin : begin + part.position.length] == "${" + part.name + "}"
            assert (part.context == PLAIN) <= bool(part.detail)
    dull = str.maketrans("", "", "${} ")
    assert resolved.translate(dull) == script.translate(dull)


def test_a_long_script_takes_no_time_that_grows_with_its_square() -> None:
    # A scan that copies what it has for each letter would not end here.
    body = "x" * 400_000
    assert contexts(f"f '{body}' \"{body}\" {body} ${{x}}\ncat <<EOF\n{body} ${{y}}\nEOF") == [
        ARGUMENT,
        f"{HEREDOC} << EOF",
    ]
