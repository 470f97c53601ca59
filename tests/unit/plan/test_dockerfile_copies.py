"""Which files a Dockerfile copies: all that it names, and everything where that can't be told."""

import pytest

from runner.plan.dockerfile_copies import copied_patterns


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("FROM a\nRUN make", ()),
        ("COPY a b /to/\nadd ./c/ /d", ("a", "b", "c")),
        ("COPY --chown=1:1 \\\n  # why\n  a \\\n  /b", ("a",)),
        ('COPY ["a", "b", "/to/"]', ("a", "b")),
        ("COPY --from=build /a /b", ()),
        ("ADD https://example.org/x /x", ()),
        ("COPY *.txt /a/\nCOPY *.txt /b/", ("*.txt",)),
        ("COPY . /all\nCOPY a /a", ("**",)),
        ("COPY / /all", ("**",)),
        ("ARG name\nCOPY ${name} /a", ("**",)),
        ("RUN --mount=type=bind,target=/x make", ("**",)),
        ("RUN --mount=target=/x make", ("**",)),
        ("RUN --mount=type=cache,target=/x make", ()),
    ],
)
def test_what_is_copied(text: str, found: tuple[str, ...]) -> None:
    assert copied_patterns(text) == found
