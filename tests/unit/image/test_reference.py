import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import PlanError
from runner.image.reference import Reference, Source, parse_reference, parse_source


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


HEX = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("written", "source", "host"),
    [
        ("alpine", Source("docker.io", "library/alpine", "latest"), "registry-1.docker.io"),
        ("alpine:3.22", Source("docker.io", "library/alpine", "3.22"), "registry-1.docker.io"),
        ("team/app", Source("docker.io", "team/app", "latest"), "registry-1.docker.io"),
        ("index.docker.io/alpine", Source("docker.io", "library/alpine", "latest"), "registry-1.docker.io"),
        (
            f"alpine@sha256:{HEX}",
            Source("docker.io", "library/alpine", "", f"sha256:{HEX}"),
            "registry-1.docker.io",
        ),
        (
            f"localhost:5000/a:1@sha256:{HEX}",
            Source("localhost:5000", "a", "1", f"sha256:{HEX}"),
            "localhost:5000",
        ),
        ("[::1]:5000/a/b", Source("[::1]:5000", "a/b", "latest"), "[::1]:5000"),
    ],
)
def test_a_source_is_read_as_docker_reads_it(written: str, source: Source, host: str) -> None:
    assert parse_source(written) == source
    assert source.host == host
    assert parse_source(str(source)) == source
    assert source.wanted == (source.digest or source.tag)


def test_the_source_of_a_name_is_where_it_is_pushed_to() -> None:
    assert parse_reference("gmicro:1").source == Source("docker.io", "library/gmicro", "1")


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("alpine@", "`sha256:` and 64 digits"),
        (f"alpine@sha256:{HEX[1:]}", "`sha256:` and 64 digits"),
        (f"alpine@sha256:{HEX.upper()}", "`sha256:` and 64 digits"),
        (f"alpine@sha512:{HEX}", "`sha256:` and 64 digits"),
        (f"alpine@sha256:{HEX}@sha256:{HEX}", "`sha256:` and 64 digits"),
        (f"@sha256:{HEX}", "lower-case"),
        (f"alpine:@sha256:{HEX}", "letters, digits"),
        ("Alpine", "`alpine`"),
        ("https://registry.example.org/a", "registry.example.org"),
    ],
)
def test_what_is_no_source_is_an_error_that_says_what_is_right(written: str, hint: str) -> None:
    with pytest.raises(PlanError) as caught:
        parse_source(written)
    assert hint in caught.value.hint


_WORDS = st.from_regex(r"[a-z0-9]+(?:[._-][a-z0-9]+)?", fullmatch=True).filter(lambda word: len(word) < 20)


@given(
    st.sampled_from(
        ["", "docker.io/", "registry.example.org/", "localhost/", "localhost:5000/", "[::1]:80/"]
    ),
    st.lists(_WORDS, min_size=1, max_size=3),
    st.sampled_from(["", ":latest", ":1.2_x-Y"]),
    st.sampled_from(["", f"@sha256:{HEX}"]),
)
def test_what_is_put_together_is_taken_apart(registry: str, words: list[str], tag: str, digest: str) -> None:
    # A first part with a dot would be a registry.
    first = words[0].replace(".", "-") if len(words) > 1 and not registry else words[0]
    source = parse_source(registry + "/".join([first, *words[1:]]) + tag + digest)
    assert source.registry == (registry.strip("/") or "docker.io")
    assert source.path.endswith("/".join([first, *words[1:]]))
    assert source.digest == digest.removeprefix("@")
    assert source.tag == (tag.removeprefix(":") or ("" if digest else "latest"))
    assert parse_source(str(source)) == source


@given(st.text(max_size=40))
def test_any_text_is_a_source_or_an_error_of_ours(written: str) -> None:
    try:
        source = parse_source(written)
    except PlanError:
        return
    assert parse_source(str(source)) == source
