"""What a graph holds: its initialisers, and what else there is of values, in nodes and below them.

Source: https://github.com/onnx/onnx/blob/v1.19.0/onnx/onnx.proto3 (`GraphProto`, `NodeProto`,
`FunctionProto`)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from initcli.formats.onnx.protobuf import BYTES, Messages
from initcli.formats.onnx.tensor import Told, read_tensor, text_of
from initcli.formats.storage.stretch import Stretch

_NODE, _INITIALIZER, _SPARSE = 1, 5, 15
_OUTPUT, _ATTRIBUTE = 2, 5
_FUNCTION, _FUNCTION_NODE = 25, 7
_TENSORS, _GRAPHS, _SPARSES = {5, 10}, {6, 11}, {22, 23}
_VALUES = 1
_DEEPEST = 20
_MOST_NAMED = 1000
_CONSTANT = "it is a value of a node, such as Constant"
_BELOW = "it is an initialiser of a subgraph"
_IS_SPARSE = "it is stored as a sparse tensor"


@dataclass(slots=True)
class Graph:
    """A model's graph.

    Attributes:
        file: What holds it.
        unread: What holds values and is no initialiser, and why it is not read, by name.
        beyond: How many more there are.
    """

    file: Messages
    unread: dict[str, str] = field(default_factory=dict)
    beyond: int = 0

    def initialisers(self, graph: Stretch) -> Iterator[Told]:
        """Yields what the graph itself holds, and takes note of all other values.

        Raises:
            MalformedError: It is no such message.
        """
        for each in self.file.fields(graph):
            if each.wire != BYTES:
                continue
            if each.number == _INITIALIZER:
                yield read_tensor(self.file, each.stretch)
            elif each.number == _SPARSE:
                self._note_sparse(each.stretch, "")
            elif each.number == _NODE:
                self._node(each.stretch, 0)
        if self.beyond:
            self.unread[""] = f"{self.beyond:,} more are not listed"

    def look_at_functions(self, model: Stretch) -> None:
        """Takes note of the values in a model's own functions.

        Raises:
            MalformedError: It is no such message.
        """
        for each in self.file.fields(model):
            if each.wire == BYTES and each.number == _FUNCTION:
                for node in self.file.fields(each.stretch):
                    if node.wire == BYTES and node.number == _FUNCTION_NODE:
                        self._node(node.stretch, 0)

    def note(self, name: str, reason: str) -> None:
        """Takes note of what is not read."""
        if len(self.unread) < _MOST_NAMED:
            self.unread.setdefault(name, reason)
        else:
            self.beyond += 1

    def _node(self, node: Stretch, depth: int) -> None:
        output = ""
        for each in self.file.fields(node):
            if each.wire == BYTES and each.number == _OUTPUT and not output:
                output = text_of(self.file, each.stretch)
            elif each.wire == BYTES and each.number == _ATTRIBUTE:
                self._attribute(each.stretch, output, depth)

    def _attribute(self, attribute: Stretch, output: str, depth: int) -> None:
        for each in self.file.fields(attribute):
            if each.wire != BYTES:
                continue
            if each.number in _TENSORS:
                told = read_tensor(self.file, each.stretch)
                # Shapes and axes are no weights, and every exported model is full of them.
                if not told.is_integer:
                    self.note(output or told.name, _CONSTANT)
            elif each.number in _SPARSES:
                self._note_sparse(each.stretch, output)
            elif each.number in _GRAPHS:
                self._subgraph(each.stretch, output, depth + 1)

    def _subgraph(self, graph: Stretch, output: str, depth: int) -> None:
        if depth > _DEEPEST:
            self.note(output, f"it lies below more than {_DEEPEST} subgraphs")
            return
        for each in self.file.fields(graph):
            if each.wire == BYTES and each.number == _INITIALIZER:
                self.note(read_tensor(self.file, each.stretch).name, _BELOW)
            elif each.wire == BYTES and each.number == _SPARSE:
                self._note_sparse(each.stretch, "")
            elif each.wire == BYTES and each.number == _NODE:
                self._node(each.stretch, depth)

    def _note_sparse(self, sparse: Stretch, output: str) -> None:
        values = (each for each in self.file.fields(sparse) if each.number == _VALUES)
        for each in islice(values, 1):
            told = read_tensor(self.file, each.stretch) if each.wire == BYTES else Told()
            self.note(told.name or output, _IS_SPARSE)
