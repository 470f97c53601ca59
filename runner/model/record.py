"""The base of the model's frozen values.

Plain classes with `__slots__`: `dataclasses` would cost every start more than reading the model does.
"""


class Record:
    """A value with named fields, equal to another with equal fields.

    A subclass lists its constructor's arguments in `FIELDS`, in their order, and keeps each under its name.
    """

    __slots__ = ()
    FIELDS: tuple[str, ...] = ()

    def fields(self) -> tuple[object, ...]:
        """The values of the fields, in the order of `FIELDS`."""
        return tuple([getattr(self, name) for name in self.FIELDS])

    def plain(self) -> tuple[object, ...]:
        """The kind and the fields, records within them too, as tuples: what `digest.canonical` takes."""
        return (type(self).__name__, *map(plain, self.fields()))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Record) and self.fields() == other.fields()

    def __hash__(self) -> int:
        return hash(self.fields())

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.FIELDS if name != "position")
        return f"{type(self).__name__}({shown})"


def plain(value: object) -> object:
    """The same with tuples instead of all records in it."""
    if isinstance(value, Record):
        return value.plain()
    return tuple(map(plain, value)) if isinstance(value, tuple) else value
