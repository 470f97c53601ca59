import base64
import itertools
import json
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.image.needles import SHORTEST, Needles

VALUE = b"s3cr+t/Val ue\xc3\xbc%4"


def needles(value: bytes = VALUE, *, is_file: bool = False) -> Needles:
    return Needles([("TOKEN", value, is_file)])


@pytest.mark.parametrize(
    "form",
    [
        VALUE,
        urllib.parse.quote(VALUE).encode(),
        urllib.parse.quote(VALUE, safe="").encode(),
        urllib.parse.quote_plus(VALUE).encode(),
        urllib.parse.quote(VALUE, safe="").lower().replace("s3cr", "s3cr").encode().replace(b"val", b"Val"),
        json.dumps(VALUE.decode())[1:-1].encode(),
        json.dumps(VALUE.decode(), ensure_ascii=False)[1:-1].encode(),
        VALUE.hex().encode(),
        VALUE.hex().upper().encode(),
    ],
)
def test_a_value_is_found_as_programs_write_it(form: bytes) -> None:
    assert needles().find(b"before " + form + b" behind") == (7, "TOKEN")


@given(st.binary(min_size=SHORTEST, max_size=40).filter(lambda v: v.strip() == v), st.binary(), st.binary())
def test_a_value_is_found_in_base64_wherever_it_stands_in_it(
    value: bytes, before: bytes, behind: bytes
) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert needles(value).find(encode(before + value + behind)) is not None


@given(
    st.binary(min_size=SHORTEST, max_size=40).filter(lambda v: v.strip() == v),
    st.binary(max_size=100),
    st.lists(st.integers(0, 200)),
)
def test_a_value_is_found_wherever_its_bytes_are_cut(value: bytes, before: bytes, cuts: list[int]) -> None:
    data = before + value + b"tail"
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    found = needles(value).search(data[a:b] for a, b in itertools.pairwise(edges))
    assert found is not None
    assert found[1] == "TOKEN"
    assert found[0] <= data.index(value)


def test_other_bytes_are_no_secret() -> None:
    assert needles().search([b"s3cr+t", b"/Val", b"ue", VALUE[:-1]]) is None


@pytest.mark.parametrize(
    ("content", "inside"),
    [
        (b"//registry.example.org/:_authToken=npm_abcDEF0123456789xyz\n", b"npm_abcDEF0123456789xyz"),
        (
            b"machine registry.example.org password 0f8fad5b-d9cb-469f-a165-70867728950e\n",
            b"0f8fad5b-d9cb-469f-a165-70867728950e",
        ),
        (b'{"auths": {"x": {"auth": "dXNlcjpwYXNzd29yZDEyMzQ1"}}}', b"dXNlcjpwYXNzd29yZDEyMzQ1"),
    ],
)
def test_of_a_file_the_token_alone_is_found(content: bytes, inside: bytes) -> None:
    assert needles(content, is_file=True).find(b"x=" + inside) == (2, "TOKEN")
    assert needles(content).find(b"x=" + inside) is None


def test_plain_lines_of_a_file_are_no_secret() -> None:
    content = b"# this is a comment on what stands here\nregistry=https://registry.example.org/npm/\ncluster: one-of-project-1234-in-region-1\n"
    found = needles(content, is_file=True)
    assert found.find(content.split(b"\n")[0]) is None
    assert found.find(content.split(b"\n")[1]) is None
    assert found.find(content.split(b"\n")[2]) is None


def test_blanks_around_a_value_are_not_part_of_it() -> None:
    assert needles(b"  longvalue1\n").find(b"<longvalue1>") == (1, "TOKEN")


def test_what_is_too_short_is_named_and_not_looked_for() -> None:
    found = Needles([("PIN", b"1234567", False), ("EMPTY", b" \n", False)])
    assert (found.short, found.longest, found.search([b"1234567"])) == (("PIN",), 0, None)


def test_needles_are_told_apart_by_name_and_value() -> None:
    several = [
        Needles([(name, value, False)]) for name in ("A", "B") for value in (b"longvalue1", b"longvalue2")
    ]
    assert len({one.material() for one in several}) == 4
    assert several[0].material() == Needles([("A", b"longvalue1", False)]).material()
