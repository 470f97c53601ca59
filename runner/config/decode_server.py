"""What a task says of itself as a server, from nodes to the model."""

from runner.config.duration import decode_time_limit
from runner.config.fields import Faultbook, Scope, is_number, read_map
from runner.config.language import Language
from runner.config.node import Node, Scalar
from runner.location import Position
from runner.model.task import Server
from runner.model.template import Template

_LAST_PORT = 65535


class ServerReader:
    """Reads `ports`, `ready` and `hostname`.

    Args:
        book: Where faults go.
        at: Where the task stands.
    """

    def __init__(self, book: Faultbook, at: Position) -> None:
        self.book = book
        self.at = at
        self.ports: tuple[tuple[int, int], ...] = ()
        self.ready: tuple[tuple[str, Template], ...] = ()
        self.limit = 0
        self.hostname: Template | None = None
        self.said = False

    def server(self) -> Server | None:
        """All that was read; None if nothing was."""
        if not self.said and self.hostname is None:
            return None
        return Server(self.ports, self.ready, self.limit, self.hostname, self.at)

    def take_ports(self, node: Node) -> None:
        """Ports: `8080`, or `"8080:80"` for one of this machine and the server's own."""
        self.said = True
        self.ports = tuple(port for item in self.book.items(node) if (port := self.port(item)) is not None)

    def port(self, node: Node) -> tuple[int, int] | None:
        """One port; None if it is faulty."""
        text = self.book.text(node, "a port")
        if not isinstance(node, Scalar) or node.null:
            return None
        outer, sign, inner = text.partition(":")
        numbers = (outer, inner) if sign else ("0", outer)
        if not all(is_number(number) and int(number) <= _LAST_PORT for number in numbers) or not int(
            numbers[1]
        ):
            self.book.add(
                f"`{text}` is no port", node.position, 'write `8080`, or `"8080:80"` for another one outside'
            )
            return None
        return int(numbers[0]), int(numbers[1])

    def take_ready(self, node: Node, scope: Scope, language: Language) -> None:
        """When it is ready: all that is said must hold."""
        self.said = True
        found: dict[str, Template] = {}

        def port(_: Scalar, value: Node) -> None:
            number = self.port(value)
            if number is not None:
                found["port"] = Template((str(number[1]),), value.position)

        def text(key: Scalar, value: Node) -> None:
            found[key.text] = self.book.template(value, f"`{key.text}`", scope, filled=True)
            if key.text == "http" and isinstance(value, Scalar) and value.text.startswith("https:"):
                self.book.add(
                    "a server is asked by plain HTTP only", value.position, "write `http://…`, or a `command`"
                )

        def command(_: Scalar, value: Node) -> None:
            found["command"] = language.script(self.book, value, "`command`", scope)

        def timeout(_: Scalar, value: Node) -> None:
            self.limit = decode_time_limit(self.book, value, "`timeout`")

        keys = {"port": port, "http": text, "command": command, "log": text, "timeout": timeout}
        before = len(self.book.faults)
        read_map(self.book, node, "`ready`", keys)
        if not found and not self.limit and len(self.book.faults) == before:
            self.book.add("`ready` has `port`, `http`, `command` or `log`", node.position)
        self.ready = tuple(found.items())

    def take_hostname(self, node: Node, scope: Scope) -> None:
        """The server's name on the network of a run."""
        self.hostname = self.book.template(node, "`hostname`", scope, filled=True)
