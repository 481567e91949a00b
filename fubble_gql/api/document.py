"""What a GraphQL document asks for, known before it is validated or run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    ListValueNode,
    Node,
    ObjectFieldNode,
    OperationDefinitionNode,
    SelectionSetNode,
    Source,
    Token,
    TokenKind,
    VariableDefinitionNode,
    parse,
)
from strawberry.types.graphql import OperationType

from fubble_gql.api.wire import CANNOT_STORE
from fubble_gql.checks import is_storable

_INTROSPECTION = frozenset({"__schema", "__type"})
_ABOUT_TYPES = _INTROSPECTION | {"__typename"}
_TEXTS = (TokenKind.STRING, TokenKind.BLOCK_STRING)


def invalid(
    message: str,
    code: str = "INVALID",
    positions: Collection[int] | None = None,
    source: Source | None = None,
    **facts: object,
) -> GraphQLError:
    """An error about a document, found before it runs."""
    return GraphQLError(
        message, source=source, positions=positions, extensions={"code": code, **facts}
    )


def read_document(query: str, tokens_max: int) -> Document:
    """The document's outline; one that does not parse has a `problem` and nothing else."""
    try:
        return _described(
            parse(
                query,
                allow_empty_selection_sets=False,
                max_lexical_tokens=tokens_max,
                max_comments=tokens_max,
            )
        )
    except GraphQLSyntaxError as error:
        code = "LIMIT_EXCEEDED" if "Parsing aborted" in error.message else "INVALID"
        return Document(problem=invalid(error.message, code, error.positions, error.source))


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document: what it is called, does, and selects at its root."""

    name: str | None
    kind: OperationType
    roots: frozenset[str]


@dataclass(frozen=True, slots=True)
class Document:
    """What must be known of a document before it runs; small enough to keep many."""

    operations: tuple[Operation, ...] = ()
    introspects: bool = False
    bare: bool = False  # one operation, of nothing but names at its root
    problem: GraphQLError | None = None

    def is_open(self, name: str | None, *, introspection: bool) -> bool:
        """Whether a caller without a key may send this: it asks about types, never about records.

        Without introspection only `{ __typename }` is left, on its own: fragments or other
        operations beside it would be validated, and so would tell of the schema.
        """
        operation = self.chosen(name)
        if isinstance(operation, GraphQLError) or not operation.roots:
            return False
        return operation.roots <= _ABOUT_TYPES and (introspection or self.introspects or self.bare)

    def chosen(self, name: str | None) -> Operation | GraphQLError:
        """The operation to run, or why there is none."""
        if self.problem is not None:
            return self.problem
        fitting = [one for one in self.operations if name is None or one.name == name]
        if len(fitting) == 1:
            return fitting[0]
        if name is not None:
            return invalid(f"The document has no operation named {name!r}.")
        return invalid(
            "Say in operationName which operation to run."
            if fitting
            else "The document has no operation to run."
        )


def _described(document: DocumentNode) -> Document:
    parts = document.definitions
    fragments = {
        part.name.value: part.selection_set
        for part in parts
        if isinstance(part, FragmentDefinitionNode)
    }
    operations = [part for part in parts if isinstance(part, OperationDefinitionNode)]
    tokens = list(_tokens(document))
    return Document(
        operations=tuple(
            Operation(
                name=operation.name.value if operation.name else None,
                kind=OperationType(operation.operation.value),
                roots=frozenset(_roots(operation.selection_set, fragments)),
            )
            for operation in operations
        ),
        introspects=any(
            token.kind is TokenKind.NAME and token.value in _INTROSPECTION for token in tokens
        ),
        bare=len(parts) == len(operations) == 1 and _is_bare(operations[0]),
        problem=_unstorable_text(document, tokens),
    )


def _is_bare(operation: OperationDefinitionNode) -> bool:
    """Whether nothing of it could be refused but names at its root, and nothing of it is work."""
    return not (operation.variable_definitions or operation.directives) and all(
        isinstance(one, FieldNode) and not (one.arguments or one.directives or one.selection_set)
        for one in operation.selection_set.selections
    )


def _roots(selected: SelectionSetNode, fragments: dict[str, SelectionSetNode]) -> Iterator[str]:
    """The names of the fields at the root, those inside fragments too."""
    waiting, spread = [selected], set[str]()
    while waiting:
        for selection in waiting.pop().selections:
            if isinstance(selection, FieldNode):
                yield selection.name.value
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name in fragments and name not in spread:
                    waiting.append(fragments[name])
                spread.add(name)
            elif isinstance(selection, InlineFragmentNode):
                waiting.append(selection.selection_set)


def _tokens(document: DocumentNode) -> Iterator[Token]:
    token = document.loc.start_token if document.loc else None
    while token is not None:
        yield token
        token = token.next


def _unstorable_text(document: DocumentNode, tokens: Collection[Token]) -> GraphQLError | None:
    """An escape such as \\u0000 in a text of the document, which the text itself does not show."""
    for token in tokens:
        if token.kind in _TEXTS and not is_storable(token.value or ""):
            source = document.loc.source if document.loc else None
            return invalid(CANNOT_STORE, "INVALID", [token.start], source, path=["query"])
    return None


def argument_path(document: DocumentNode, node: Node) -> list[str]:
    """Where in its field's arguments a part of the document stands; empty outside of arguments.

    In the words in which a resolver refuses the same value; a variable's default is the variable's.
    """
    path: list[str] = []
    within: Node = document
    while within is not node:
        found = next((one for one in _parts(within) if _contains(one[1], node)), None)
        if found is None:
            return []
        step, within = found
        if isinstance(within, VariableDefinitionNode):
            path = ["variables", within.variable.name.value]
        elif isinstance(within, ArgumentNode):
            path = [within.name.value]
        elif isinstance(within, ObjectFieldNode):
            path.append(within.name.value)
        elif step is not None:
            path.append(step)
    return path


def _parts(node: Node) -> Iterator[tuple[str | None, Node]]:
    """What a node is made of, in order; the values of a list with their places."""
    for key in node.keys:
        value = getattr(node, key)
        if isinstance(value, Node):
            yield None, value
        elif isinstance(value, tuple | list):
            is_list = isinstance(node, ListValueNode)
            for index, one in enumerate(value):
                yield (str(index) if is_list else None), one


def _contains(outer: Node, inner: Node) -> bool:
    if outer.loc is None or inner.loc is None:
        return False
    return outer.loc.start <= inner.loc.start and inner.loc.end <= outer.loc.end
