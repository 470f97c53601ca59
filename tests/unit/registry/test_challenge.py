import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.registry.challenge import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        (
            [
                'Bearer realm="https://auth.example.org/token",service="registry",scope="repository:a/b:pull,push"'
            ],
            [
                (
                    "bearer",
                    {
                        "realm": "https://auth.example.org/token",
                        "service": "registry",
                        "scope": "repository:a/b:pull,push",
                    },
                )
            ],
        ),
        (["Basic realm=tests"], [("basic", {"realm": "tests"})]),
        (
            ['BASIC Realm = "a \\"b\\" c" , charset=UTF-8'],
            [("basic", {"realm": 'a "b" c', "charset": "UTF-8"})],
        ),
        (['Negotiate, Basic realm="x"'], [("negotiate", {}), ("basic", {"realm": "x"})]),
        (['Bearer realm="a"', 'Basic realm="b"'], [("bearer", {"realm": "a"}), ("basic", {"realm": "b"})]),
        (['Bearer realm="a", Basic realm="b"'], [("bearer", {"realm": "a"}), ("basic", {"realm": "b"})]),
        (['Bearer realm="a",realm="b"'], [("bearer", {"realm": "a"})]),
        (['Bearer realm="never ends'], [("bearer", {})]),
        (["", " ,,, ", "=", '"'], []),
    ],
)
def test_challenges_are_read(headers: list[str], found: list[tuple[str, dict[str, str]]]) -> None:
    assert parse_challenges(headers) == tuple(Challenge(scheme, parameters) for scheme, parameters in found)


@given(st.lists(st.text(max_size=200), max_size=3))
def test_any_text_gives_some_challenges_or_none(headers: list[str]) -> None:
    for challenge in parse_challenges(headers):
        assert challenge.scheme


_NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=8)


@given(
    st.dictionaries(
        _NAMES, st.text(st.characters(codec="latin-1", categories=["L", "N", "P", "Zs"]), max_size=20)
    )
)
def test_what_is_written_is_read_again(parameters: dict[str, str]) -> None:
    def quoted(text: str) -> str:
        return text.replace("\\", "\\\\").replace('"', '\\"')

    header = "Bearer " + ", ".join(f'{name}="{quoted(text)}"' for name, text in parameters.items())
    assert parse_challenges([header]) == (Challenge("bearer", parameters),)
