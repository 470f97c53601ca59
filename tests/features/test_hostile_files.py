"""A file that means ill, or is only huge, is read or refused at once and within little memory.

The real command runs with limits of its own. Python with pyrun and YAML takes 17 MiB of address space before
it reads a file; `MEMORY` leaves a file of 10 MiB room for its bytes, its text, the parser's buffer and the text
of one value. To keep a project for the next start takes more, so here there is no place to keep it.
"""

import os
import resource
import subprocess
import sys

import pytest
import yaml

PYRUN = os.path.join(os.path.dirname(sys.executable), "pyrun")
MIB = 1 << 20
MEMORY = 96 * MIB
CPU_SECONDS = 1, 2
"""The kernel counts whole seconds: a signal comes after the first, the end after the second."""

assert yaml.__with_libyaml__, "the bounds here are those of PyYAML's parser in C: install a wheel of it"


def limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, CPU_SECONDS)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def list_tasks(folder: str, data: bytes, name: str = "tasks.yml") -> tuple[str, str, int]:
    """What `pyrun --list` says of a file."""
    with open(f"{folder}/{name}", "wb") as file:
        file.write(data)
    # A home that is no folder: nothing can be kept there.
    environment = {"PATH": os.environ["PATH"], "HOME": f"{folder}/{name}", "LANG": "C.UTF-8"}
    done = subprocess.run(
        [PYRUN, "--list"], cwd=folder, env=environment, capture_output=True, check=False, timeout=60,
        preexec_fn=limit,
    )  # fmt: skip
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def bomb(entry: str, first: str) -> bytes:
    """Nine anchors, each of nine times the one before."""
    rows = [f"a0: &a0 {first}"]
    rows += [f"a{n}: &a{n} {entry.format(', '.join([f'*a{n - 1}'] * 9))}" for n in range(1, 10)]
    return "\n".join(rows).encode()


REFUSED = {
    "a bomb of lists": (bomb("[{}]", "[x]"), "its aliases make this file too large"),
    "a bomb of merged maps": (bomb("{{<<: [{}]}}", "{x: 1}"), "`a0` is not a key of the file"),
    "a bomb of long texts": (b"a: &a " + b"x" * MIB + b"\nb: [" + b"*a, " * 1000 + b"]", "its aliases make"),
    "a circle": (b"tasks: &t {a: *t}", "`*t` stands within what it stands for"),
    "a circle of merges": (b"tasks: &t\n  a: {<<: *t}", "`*t` stands within what it stands for"),
    "lists in lists": (b"tasks: " + b"[" * 10_000 + b"]" * 10_000, "this is nested more than 200 deep"),
    "lists without end": (b"[" * MIB, "this is nested more than 200 deep"),
    "maps in maps": (b"{a: " * 10_000, "this is nested more than 200 deep"),
    "items in items": (b"- " * 10_000 + b"x", "this is nested more than 200 deep"),
    "indented without end": (
        b"".join(b" " * n + b"a:\n" for n in range(1000)),
        "this is nested more than 200",
    ),
    "a list never closed": (b"tasks: {a: {source: [" + b"x, " * 50_000, "`[` is never closed"),
    "a quote never closed": (b'tasks: "' + b"x\n" * MIB, "this quote is never closed"),
    "many escapes and no end": (b'tasks: "' + b"\\n" * MIB, "this quote is never closed"),
    "many holes without quotes": (
        b"tasks: [" + b"x${y}, " * 40_000 + b"]",
        "within brackets a text with `${…}`",
    ),
    "many quotes behind a hole": (
        b"tasks: [${x}, " + b'"\\"", ' * 100_000 + b"]",
        "within brackets a text with",
    ),
    "many tags": (
        b"tasks: [" + b"!x y, " * 20_000 + b"]",
        "a text that begins with `!` must stand in quotes",
    ),
    "many doubled keys": (b"tasks:\n" + b"  a: {}\n" * 20_000, "`a` stands here a second time"),
    "small tasks without end": (
        b"tasks:\n" + b"".join(b"  t%07d: {run: echo}\n" % n for n in range(10 * MIB // 25)),
        "this file holds more than 100000 keys and values",
    ),
    "items without end": (
        b"tasks: {a: {run: [" + b"x, " * (10 * MIB // 3) + b"]}}",
        "more than 100000 keys and",
    ),
    "holes without end": (
        b"tasks: {a: {args: {x: {}}, run: '" + b"${x} " * (2 * MIB) + b"'}}",
        "this file has more than 50000 `${`",
    ),
    "aliases of holes": (
        b"tasks: {a: {run: &s '" + b"${HOME}" * 40_000 + b"'}, b: {run: *s}, c: {run: *s}}",
        "its aliases make this file too large",
    ),
    "a second document": (b"tasks: {a: {run: a}}\n---\ntasks: {}\n", "a second document begins here"),
    "a second document that is wrong": (b"tasks: {a: {run: a}}\n---\n@x", "must stand in quotes"),
    "a shell's condition": (
        b"tasks:\n  a:\n    run: [[ -e x ]]\n",
        "a text that begins with `[` must stand in quotes",
    ),
    "many unknown keys": (b"".join(b"k%d: 1\n" % n for n in range(20_000)), "`k0` is not a key of the file"),
    "a long line with a colon": (b"x" * 2 * MIB + b": y: z", "this can't be a key here"),
    "a long key": (b"? " + b"x" * MIB + b"\n: y", "is not a key of the file"),
    "a NUL": (b"tasks: {a\0b: {}}", "the control character 0x00 has no place in YAML"),
    "an escaped NUL": (b'tasks: {a: {run: "a\\0b"}}', "a text can't hold this character"),
    "a terminal's escape": (b"tasks: {a\x1b[2Jb: {}}", "the control character 0x1b has no place in YAML"),
    "Latin-1": (b"tasks: {a: {usage: caf\xe9}}", "this is not UTF-8"),
    "UTF-16": ("tasks: {}".encode("utf-16"), "this is not UTF-8"),
    "half a letter": (b"tasks: {a: {usage: caf\xc3", "this is not UTF-8"),
    "a mark in the middle": (
        b"tasks:\n  \xef\xbb\xbfa: {}",
        "the control character 0xfeff has no place in YAML",
    ),
    "bytes": (bytes(range(256)) * 100, "this is not UTF-8"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_this_is_refused_with_one_message_and_its_place(tmp_path: object, name: str) -> None:
    data, message = REFUSED[name]
    out, err, code = list_tasks(str(tmp_path), data)
    assert (out, code) == ("", 2), err[-2000:]
    assert err.startswith("pyrun: tasks.yml:")
    assert message in err
    assert "Traceback" not in err
    assert len(err) < 100_000 or "long" in name


SCRIPT = b"tasks:\n  a:\n    args: {x: {}}\n    run: |\n      "
READ = {
    "a long text": b'tasks: {a: {run: "' + b"x" * 10 * MIB + b'"}}',
    "a long plain text": b"tasks: {a: {usage: " + b"x" * 10 * MIB + b"}}",
    "a long text in single quotes": b"tasks: {a: {usage: '" + b"x" * 10 * MIB + b"'}}",
    "a long block": b"tasks:\n  a:\n    run: |\n      " + b"x" * 10 * MIB,
    "many lines": b"tasks:\n  a:\n    run: |\n" + (b"      echo " + b"x" * 94 + b"\n") * (10 * MIB // 105),
    "many folded lines": b"tasks:\n  a:\n    usage: >\n" + (b"      echo " + b"x" * 94 + b"\n") * (10 * MIB // 105),
    "many escapes": b'tasks: {a: {usage: "' + b"\\n" * (5 * MIB) + b'"}}',
    "many long letters": b'tasks: {a: {usage: "' + "é".encode() * (5 * MIB) + b'"}}',
    "only comments": b"tasks: {a: {}}\n" + b"# nothing to see here\n" * (10 * MIB // 22),
    "only blank lines": b"tasks: {a: {}}\n" + b"\n" * 10 * MIB,
    "many holes in a folded text": b"tasks:\n  a:\n    args: {x: {}}\n    dir: >\n" + b"      ${x} y\n" * 20_000,
    "many holes in a script": b"tasks:\n  a:\n    args: {x: {}}\n    run: |\n" + b"      echo ${x}\n" * 25_000,
    "a command of many words": SCRIPT + b"a " * 40_000 + b"${x}\n",
    "a command of many programs": SCRIPT + b"ssh ${x} " * 8_000 + b"\n",
    "a word of many holes": SCRIPT + b"a " + b"b${x}" * 40_000 + b"\n",
    "many names that may be nothing": SCRIPT + b"${x} " * 25_000 + b"\n",
    "many pipes into a shell": SCRIPT + b"{ a ${x}; } | sh; " * 10_000 + b"\n",
    "a line of many holes": SCRIPT + b"cat <<E\n      " + b"a${x}" * 40_000 + b"\n      E\n",
    "lines of DOS": b"tasks:\r\n  a:\r\n    run: |\r\n      echo\r\n",
    "lines of old": b"tasks:\r  a:\r    run: echo\r",
    "a mark at the begin": b"\xef\xbb\xbftasks: {a: {run: echo}}",
    "as deep as may be": b"tasks: {a: {run: echo}} # " + b"[" * 10_000,
    "a chain of merges": b"tasks: {a: &a {usage: a}, b: &b {<<: *a}, c: &c {<<: [*b, *a]}, d: {<<: *c, run: d}}",
    "aliases in reason": b"tasks: {a: {env: &e {" + b"".join(b"V%d: x, " % n for n in range(500)) + b"}}, b: {env: *e}}",
    "a second document with nothing": b"tasks: {a: {run: a}}\n---\n# nothing\n",
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_this_is_read(tmp_path: object, name: str) -> None:
    out, err, code = list_tasks(str(tmp_path), READ[name])
    assert (err[-2000:], code) == ("", 0)
    assert out.split()[0] == "a"


def test_a_tusk_file_ends_with_its_first_document(tmp_path: object) -> None:
    out, err, code = list_tasks(str(tmp_path), b"tasks: {a: {run: a}}\n---\n[", "tusk.yml")
    assert (out.split()[0], err, code) == ("a", "", 0)


def test_a_large_monorepo_is_read(tmp_path: object) -> None:
    rows = [b"tasks:"] + [
        b"  t%05d: {run: echo %d, source: [x], deps: [t00000]}" % (n, n) for n in range(5000)
    ]
    out, err, code = list_tasks(str(tmp_path), b"\n".join(rows))
    assert (err[-2000:], code) == ("", 0)
    assert len(out.splitlines()) == 5000
