import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import PlanError
from runner.image.reference import Reference, parse_reference


@pytest.mark.parametrize(
    ("written", "repository", "tag", "full"),
    [
        ("gmicro", "gmicro", "latest", "docker.io/library/gmicro:latest"),
        ("gmicro:1.2", "gmicro", "1.2", "docker.io/library/gmicro:1.2"),
        ("team/gmicro", "team/gmicro", "latest", "docker.io/team/gmicro:latest"),
        ("docker.io/gmicro", "docker.io/gmicro", "latest", "docker.io/library/gmicro:latest"),
        ("index.docker.io/a/b", "index.docker.io/a/b", "latest", "docker.io/a/b:latest"),
        ("localhost/a:b", "localhost/a", "b", "localhost/a:b"),
        ("127.0.0.1:5000/a", "127.0.0.1:5000/a", "latest", "127.0.0.1:5000/a:latest"),
        ("[::1]:5000/a", "[::1]:5000/a", "latest", "[::1]:5000/a:latest"),
        (
            "registry.example.org/payments/gmicro:tag",
            "registry.example.org/payments/gmicro",
            "tag",
            "registry.example.org/payments/gmicro:tag",
        ),
        ("a__b/c---d.e", "a__b/c---d.e", "latest", "docker.io/a__b/c---d.e:latest"),
    ],
)
def test_a_name_is_read_as_engines_read_it(written: str, repository: str, tag: str, full: str) -> None:
    reference = parse_reference(written)
    assert reference == Reference(repository, tag)
    assert reference.full == full
    assert parse_reference(str(reference)) == reference
    assert parse_reference(reference.full).full == full


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("Gmicro", "`gmicro`"),
        ("a/B/c:1", "`a/b/c:1`"),
        ("", "lower-case"),
        ("a:", "letters, digits"),
        ("a:-x", "letters, digits"),
        ("a:" + "x" * 129, "letters, digits"),
        ("a//b", "lower-case"),
        ("a/", "lower-case"),
        ("a b", "lower-case"),
        ("a..b", "lower-case"),
        ("ex_ample.org/a", "registry.example.org"),
        ("a@sha256:" + "0" * 64, "a name and a tag"),
        ("/".join("abcdefgh" for _ in range(40)), "255"),
    ],
)
def test_another_text_is_an_error_that_says_what_is_right(written: str, hint: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_reference(written)
    assert hint in caught.value.hint


@given(st.text(max_size=40))
def test_any_text_is_a_reference_or_an_error_of_ours(written: str) -> None:
    try:
        reference = parse_reference(written)
    except PlanError:
        return
    assert parse_reference(str(reference)) == reference
