import pytest

from runner.config.programs import plain_programs
from runner.location import Position
from runner.model.template import BARE, Hole, Template

AT = Position("t", 1, 1)


def programs(script: str) -> tuple[str, ...]:
    """The programs of a script in which `@` stands for a hole."""
    parts: list[str | Hole] = []
    for index, text in enumerate(script.split("@")):
        if index:
            parts.append(Hole("x", BARE, "", AT))
        if text:
            parts.append(text)
    return plain_programs(Template(tuple(parts), AT))


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("", ()),
        ("go build ./...", ("go",)),
        ("go vet && go test | tee log; npm ci", ("go", "npm", "tee")),
        ("CGO_ENABLED=0 GOOS=linux go build", ("go",)),
        ("env A=1 make", ("make",)),
        ("exec ./bin/server", ("./bin/server",)),
        ("! grep x y", ("grep",)),
        ("if test -e x; then make; else tar -x; fi", ("make", "tar")),
        ("for x in a b; do gcc $x; done", ("gcc",)),
        ("x=$(git describe) && echo $x", ("git",)),
        ("(cd sub && make)", ("make",)),
        ("# make\ngo run .", ("go",)),
        ("go \\\n  build", ("go",)),
        ("'go' build", ("go",)),
        ("cd x; export A=1; echo b", ()),
        ("@ build", ()),
        ("bin/@ run", ()),
        ("go run @", ("go",)),
        ("$TOOL x", ()),
        ("b; a; b", ("a", "b")),
    ],
)
def test_a_script_plainly_starts_these_programs(script: str, expected: tuple[str, ...]) -> None:
    assert programs(script) == expected
