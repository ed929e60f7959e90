"""What a template says: its nodes, and the parser that makes them.

The grammar is Nunjucks' with what follows from its making JavaScript of it: `not a == b` compares
`not a` with b, and `*`, `/` and `%` go from left to right while `//` takes what is before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from kickstart.naming import closest
from kickstart.template.dialect import scanner
from kickstart.template.dialect.scanner import Piece, Word
from kickstart.template.dialect.values import RESERVED, number
from kickstart.template.language import EngineError, LimitError

MAX_DEPTH = 60  # of brackets and of blocks; Python itself gives in at some hundred


class Node(Struct, eq=False):
    """Part of a template."""


class Literal(Node):
    """Text, a number, true, false or none."""

    value: Any


class Regex(Node):
    """A regular expression."""

    source: str
    flags: str


class Name(Node):
    """A variable."""

    name: str


class Listing(Node):
    """A list."""

    items: list[Node]


class Group(Node):
    """Expressions in brackets; the last one counts."""

    items: list[Node]


class Pairs(Node):
    """A mapping."""

    pairs: list[tuple[str, Node]]


class Lookup(Node):
    """A property."""

    target: Node
    key: Node


class Slice(Node):
    """A slice, as a key."""

    start: Node
    stop: Node
    step: Node


class Arguments(Node):
    """What a call is given."""

    positional: list[Node]
    keyword: list[tuple[str, Node]]


class Call(Node):
    """A call of a value."""

    target: Node
    arguments: Arguments


class Filter(Node):
    """A filter; its input is the first argument."""

    name: str
    arguments: Arguments


class Unary(Node):
    """not, -, + or floor."""

    sign: str
    operand: Node


class Binary(Node):
    """An operation on two values; or, and and in are such."""

    sign: str
    left: Node
    right: Node


class Compare(Node):
    """Comparisons in a row, each with the result of the one before."""

    first: Node
    rest: list[tuple[str, Node]]


class Test(Node):
    """`is`; the name is "undefined" for whatever is no name."""

    operand: Node
    name: str
    arguments: Arguments | None


class Choice(Node):
    """`a if b else c`."""

    condition: Node
    then: Node
    otherwise: Node | None


class Capture(Node):
    """The text that a body makes."""

    body: Body


class Tag(Node):
    """Something at a line of the template. `shown` is how it is written."""

    line: int
    shown: str


class Text(Tag):
    """Text as it is."""


class Output(Tag):
    """What an expression prints."""

    value: Node


class Branch(Tag):
    """What is made where a condition holds."""

    condition: Node
    body: Body


class If(Tag):
    """Branches in order."""

    branches: list[Branch]
    otherwise: Body | None


class For(Tag):
    """A loop."""

    targets: list[str]
    items: Node
    body: Body
    otherwise: Body | None


class Set(Tag):
    """An assignment, of a value or of the text of a body."""

    targets: list[str]
    value: Node


class Parameters(Node):
    """What a macro takes: names in order, those with defaults last."""

    positional: list[str]
    defaults: list[tuple[str, Node]]


class Macro(Tag):
    """A macro."""

    name: str
    parameters: Parameters
    body: Body


class CallBlock(Tag):
    """A macro's call with a body."""

    call: Call
    parameters: Parameters
    body: Body


class Block(Tag):
    """A named part, printed where it stands."""

    name: str
    body: Body


class Switch(Tag):
    """Cases in order; an empty one goes on to the next."""

    value: Node
    cases: list[tuple[Node, Body]]
    default: Body | None


Body = list[Tag]


def children(node: Node) -> Iterator[Node]:
    """Yield what is directly inside `node`."""
    for value in astuple(node):
        yield from _nodes(value)


def _nodes(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _nodes(item)


_STOPS = frozenset(
    {"else", "elif", "elseif", "endif", "endfor", "endset", "endmacro", "endcall", "endfilter", "endblock"}
    | {"case", "default", "endswitch"}
)
_TAGS = ("if", "for", "set", "macro", "call", "filter", "block", "switch", "raw", "verbatim")
_LOADING = frozenset({"include", "import", "from", "extends"})


def parse(source: str, spelling: scanner.Spelling) -> Body:
    """Return what `source` says. Raises EngineError with line and tag."""
    return _Templates(source, spelling).parse()


class _Templates:
    """Parses the tags of one template."""

    def __init__(self, source: str, spelling: scanner.Spelling) -> None:
        self._pieces = list(scanner.pieces(source, spelling))
        self._at = 0
        self._depth = 0
        self._blocks: set[str] = set()

    def parse(self) -> Body:
        body, _ = self._body(None, frozenset())
        return body

    def _body(self, opening: Piece | None, stops: frozenset[str]) -> tuple[Body, Piece]:
        """Return what comes until one of `stops`, and that tag."""
        self._depth += 1
        if self._depth > MAX_DEPTH and opening:
            raise LimitError(f"blocks nested deeper than {MAX_DEPTH} levels", opening.line, opening.shown)
        found: Body = []
        while self._at < len(self._pieces):
            piece = self._pieces[self._at]
            self._at += 1
            if piece.kind == "text":
                found.append(Text(piece.line, piece.text))
                continue
            try:
                if piece.kind == "variable":
                    found.append(Output(piece.line, piece.shown, expression(piece.text)))
                    continue
                name, rest = scanner.split_tag(piece.text)
                if name in stops:
                    if rest and name not in {"elif", "elseif", "case", "endblock"}:
                        raise EngineError(f"'{name}' takes nothing")  # noqa: TRY301 - placed below
                    self._depth -= 1
                    return found, piece
                found.append(self._tag(name, rest, piece, stops))
            except EngineError as error:
                if error.line:
                    raise
                raise type(error)(error.message, piece.line, piece.shown) from error
        if opening:
            missing = next(iter(sorted(stops, key=lambda stop: not stop.startswith("end"))))
            raise EngineError(f"there is no {{% {missing} %}}", opening.line, opening.shown)
        return found, Piece("end", "", 0)

    def _tag(self, name: str, rest: str, piece: Piece, stops: frozenset[str]) -> Tag:
        parsers: dict[str, Callable[[str, Piece], Tag]] = {
            "if": self._if,
            "for": self._for,
            "set": self._set,
            "macro": self._macro,
            "call": self._call,
            "filter": self._filter,
            "block": self._block,
            "switch": self._switch,
        }
        if name in parsers:
            return parsers[name](rest, piece)
        if name in _STOPS:
            wanted = " or ".join(sorted(stops))
            raise EngineError(f"'{name}' does not belong here" + (f"; {wanted} is awaited" if wanted else ""))
        if name in _LOADING:
            raise EngineError(f"'{name}' is not possible: a portal's templates load no other files")
        raise EngineError(f"there is no tag '{name}'{closest(name, _TAGS)}" if name else "the tag is empty")

    def _if(self, rest: str, piece: Piece) -> Tag:
        branches = []
        name, opening = "if", piece
        while name in {"if", "elif", "elseif"}:
            try:
                condition = expression(rest)
            except EngineError as error:
                raise type(error)(error.message, opening.line, opening.shown) from error
            body, stop = self._body(piece, frozenset({"elif", "elseif", "else", "endif"}))
            branches.append(Branch(opening.line, opening.shown, condition, body))
            name, rest = scanner.split_tag(stop.text)
            opening = stop
        otherwise = self._body(piece, frozenset({"endif"}))[0] if name == "else" else None
        return If(piece.line, piece.shown, branches, otherwise)

    def _for(self, rest: str, piece: Piece) -> Tag:
        found = _split_in(rest)
        if not found:
            raise EngineError("'for' is written {% for NAME in VALUE %}")
        targets = _names(found[0])
        if targets == ["loop"]:
            raise EngineError("a loop's variable may not be called 'loop'")
        items = expression(found[1])
        body, stop = self._body(piece, frozenset({"else", "endfor"}))
        otherwise = None
        if stop.text.startswith("else"):
            otherwise, _ = self._body(piece, frozenset({"endfor"}))
        return For(piece.line, piece.shown, targets, items, body, otherwise)

    def _set(self, rest: str, piece: Piece) -> Tag:
        assignment = _top_level(rest, "=")
        if assignment >= 0:
            targets = _names(rest[:assignment])
            return Set(piece.line, piece.shown, targets, expression(rest[assignment + 1 :]))
        targets = _names(rest)
        body, _ = self._body(piece, frozenset({"endset"}))
        return Set(piece.line, piece.shown, targets, Capture(_without_macros(body)))

    def _macro(self, rest: str, piece: Piece) -> Tag:
        name, signature = scanner.split_tag(rest)
        if not name or not signature.startswith("(") or not signature.endswith(")"):
            raise EngineError("'macro' is written {% macro NAME(PARAMETERS) %}")
        parameters = _parameters(signature[1:])
        body, _ = self._body(piece, frozenset({"endmacro"}))
        return Macro(piece.line, piece.shown, _allowed(name), parameters, body)

    def _call(self, rest: str, piece: Piece) -> Tag:
        parameters = Parameters([], [])
        if rest.startswith("("):
            closing = _matching(rest)
            if closing < 0:
                raise EngineError("'call' has a bracket without its other half")
            parameters = _parameters(rest[1 : closing + 1])
            rest = rest[closing + 1 :]
        call = expression(rest)
        if not isinstance(call, Call) or not _is_static(call.target):
            raise EngineError("'call' is written {% call MACRO(ARGUMENTS) %}")
        body, _ = self._body(piece, frozenset({"endcall"}))
        return CallBlock(piece.line, piece.shown, call, parameters, body)

    def _filter(self, rest: str, piece: Piece) -> Tag:
        body, _ = self._body(piece, frozenset({"endfilter"}))
        words = _Expressions(rest)
        found = words.filter(Capture(_without_macros(body)))
        words.end()
        return Output(piece.line, piece.shown, found)

    def _block(self, rest: str, piece: Piece) -> Tag:
        (name,) = _names(rest)[:1]
        if name in self._blocks:
            raise EngineError(f"the block '{name}' stands twice")
        self._blocks.add(name)
        body, stop = self._body(piece, frozenset({"endblock"}))
        if scanner.split_tag(stop.text)[1] not in {"", name}:
            raise EngineError(f"the block '{name}' ends with another name", stop.line, stop.shown)
        return Block(piece.line, piece.shown, name, body)

    def _switch(self, rest: str, piece: Piece) -> Tag:
        value = expression(rest)
        stops = frozenset({"case", "default", "endswitch"})
        before, stop = self._body(piece, stops)
        if before:
            raise EngineError("something stands before the first 'case'")
        cases: list[tuple[Node, Body]] = []
        default = None
        while (found := scanner.split_tag(stop.text))[0] == "case":
            body, stop = self._body(piece, stops)
            cases.append((expression(found[1]), body))
        if found[0] == "default":
            default, stop = self._body(piece, frozenset({"endswitch"}))
        if not cases and default is None:
            raise EngineError("'switch' has no 'case'")
        return Switch(piece.line, piece.shown, value, cases, default)


def _without_macros(body: Body) -> Body:
    pending: list[Node] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, Macro):
            raise EngineError("a macro cannot be made inside a captured text", node.line, node.shown)
        pending.extend(children(node))
    return body


def _is_static(node: Node) -> bool:
    if isinstance(node, Lookup):
        return isinstance(node.key, Literal) and _is_static(node.target)
    return isinstance(node, Name)


def _split_in(text: str) -> tuple[str, str] | None:
    """Split `a, b in c` at its `in`, outside brackets."""
    depth = 0
    spaced = f" {text} "
    for at, inert in _signs(text):
        is_word = inert == "in" and spaced[at] in scanner.CODE_SPACE and spaced[at + 3] in scanner.CODE_SPACE
        if is_word and not depth:
            return text[:at].strip(scanner.CODE_SPACE), text[at + 2 :]
        depth += (inert in "([{" and len(inert) == 1) - (inert in ")]}" and len(inert) == 1)
    return None


def _signs(text: str) -> Iterator[tuple[int, str]]:
    """Yield every name and every single sign of an expression with its place, quotes skipped."""
    at = 0
    while at < len(text):
        inert = scanner.INERT.match(text, at)
        if inert is None:
            yield at, text[at]
            at += 1
        elif inert[0] == "r" and text.startswith("/", inert.end()):
            at = scanner.pattern(text, at)[2]
        else:
            if inert[0][0] not in "\"'":
                yield at, inert[0]
            at = inert.end()


def _top_level(text: str, wanted: str) -> int:
    depth = 0
    for at, sign in _signs(text):
        if sign == wanted and not depth:
            return at
        depth += (len(sign) == 1 and sign in "([{") - (len(sign) == 1 and sign in ")]}")
    return -1


def _matching(text: str) -> int:
    """Return where the bracket that `text` starts with is closed; -1 when it is not."""
    depth = 0
    for at, sign in _signs(text):
        depth += (len(sign) == 1 and sign in "([{") - (len(sign) == 1 and sign in ")]}")
        if not depth:
            return at
    return -1


def _names(text: str) -> list[str]:
    words = _Expressions(text)
    found = words.names()
    words.end()
    return found


def _parameters(text: str) -> Parameters:
    """Read `a, b=1)`."""
    words = _Expressions(text)
    arguments = words.arguments()
    words.end()
    if not all(isinstance(each, Name) for each in arguments.positional):
        raise EngineError("a parameter is a name")
    names = [each.name for each in arguments.positional if isinstance(each, Name)]
    return Parameters(names, arguments.keyword)


def _allowed(name: str) -> str:
    if name in RESERVED:
        raise EngineError(f"the name '{name}' is not allowed")
    return name


@lru_cache(maxsize=2048)
def expression(text: str) -> Node:
    """Return the one expression in `text`; files share most of theirs. Raises EngineError."""
    words = _Expressions(text)
    found = words.whole()
    words.end()
    return found


_CONSTANTS = {"true": True, "false": False, "none": None, "null": None}


class _Expressions:
    """Parses the words of one expression; each method reads what it is named after."""

    def __init__(self, text: str) -> None:
        self._words = scanner.words(text)
        self._at = 0
        self._depth = 0

    def end(self) -> None:
        word = self._words[self._at]
        if word.kind != "end":
            raise EngineError(f"'{word.text}' is not awaited here")

    def names(self) -> list[str]:
        found = [self._target()]
        while self._takes(","):
            found.append(self._target())
        return found

    def _target(self) -> str:
        name = self._name()
        if name in _CONSTANTS:
            raise EngineError(f"'{name}' is no variable")
        return name

    def whole(self) -> Node:
        then = self._or()
        if not self._takes_name("if"):
            return then
        condition = self._or()
        otherwise = self._deeper(self._or) if self._takes_name("else") else None
        return Choice(condition, then, otherwise)

    def _or(self) -> Node:
        left = self._and()
        while self._takes_name("or"):
            left = Binary("or", left, self._and())
        return left

    def _and(self) -> Node:
        left = self._not()
        while self._takes_name("and"):
            left = Binary("and", left, self._not())
        return left

    def _not(self) -> Node:
        if self._takes_name("not"):
            return _negated(self._deeper(self._not))
        left = self._test()
        while True:
            if self._words[self._at].text == "not" and self._words[self._at + 1].text == "in":
                self._at += 2
                left = Unary("not", Binary("in", left, self._test()))
            elif self._takes_name("in"):
                left = Binary("in", left, self._test())
            else:
                return left

    def _test(self) -> Node:
        left = self._equal()
        if not self._takes_name("is"):
            return left
        negative = self._takes_name("not")
        right = self._equal()
        arguments = right.arguments if isinstance(right, Call | Filter) else None
        named = right.target if isinstance(right, Call) else right
        name = "undefined"
        if isinstance(named, Name | Filter):
            name = named.name
        elif isinstance(named, Literal):
            name = {None: "null", True: "true", False: "false"}.get(named.value, str(named.value))
        found = Test(left, name, arguments)
        return Unary("not", found) if negative else found

    def _equal(self) -> Node:
        return self._comparison(("==", "===", "!=", "!=="), self._relation)

    def _relation(self) -> Node:
        return self._comparison(("<", "<=", ">", ">="), self._sum)

    def _comparison(self, signs: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        first = operand()
        rest = []
        while sign := self._takes(*signs):
            rest.append((sign, operand()))
        return Compare(first, rest) if rest else first

    def _sum(self) -> Node:
        left = self._product()
        while sign := self._takes("+", "-", "~"):
            left = Binary(sign, left, self._product())
        return left

    def _product(self) -> Node:
        return _joined(self._products())

    def _products(self) -> list[tuple[str, Node]]:
        found = self._quotients()
        while self._takes("*"):
            found += _linked("*", self._quotients())
        return found

    def _quotients(self) -> list[tuple[str, Node]]:
        found = self._floors()
        while self._takes("/"):
            found += _linked("/", self._floors())
        return found

    def _floors(self) -> list[tuple[str, Node]]:
        found = self._remainders()
        while self._takes("//"):
            found = [("", Unary("floor", _joined(found + _linked("/", self._remainders()))))]
        return found

    def _remainders(self) -> list[tuple[str, Node]]:
        found = [("", self._power())]
        while self._takes("%"):
            found.append(("%", self._power()))
        return found

    def _power(self) -> Node:
        left = self._filtered()
        while self._takes("**"):
            left = Binary("**", left, self._filtered())
        return left

    def _filtered(self) -> Node:
        found = self._unary()
        while self._takes("|"):
            found = self.filter(found)
        return found

    def filter(self, operand: Node) -> Node:
        """Read a filter's name and arguments, for `operand`."""
        name = _allowed(self._name())
        while self._takes("."):
            name += "." + _allowed(self._name())
        given = self._deeper(self.arguments) if self._takes("(") else Arguments([], [])
        return Filter(name, Arguments([operand, *given.positional], given.keyword))

    def _unary(self) -> Node:
        sign = self._takes("-", "+")
        if not sign:
            return self._postfix()
        operand = self._deeper(self._unary)
        if isinstance(operand, Unary) and operand.sign == sign:
            raise EngineError(f"'{sign}{sign}' is not possible")
        return Unary(sign, operand)

    def _postfix(self) -> Node:
        found = self._primary()
        while sign := self._takes(".", "[", "("):
            if sign == ".":
                found = Lookup(found, Literal(_allowed(self._name())))
            elif sign == "[":
                key = self._deeper(self._subscript)
                self._expect("]")
                if isinstance(key, Literal) and isinstance(key.value, str):
                    _allowed(key.value)
                found = Lookup(found, key)
            else:
                found = Call(found, self._deeper(self.arguments))
        return found

    def _subscript(self) -> Node:
        if self._words[self._at].text == "]" and self._words[self._at].kind == "sign":
            raise EngineError("'[]' has nothing in it")
        start = Literal(None) if self._is(":") else self.whole()
        if not self._takes(":"):
            return start
        stop = Literal(None) if self._is(":") or self._is("]") else self.whole()
        step: Node = Literal(1)
        if self._takes(":") and not self._is("]"):
            step = self.whole()
        return Slice(start, stop, step)

    def _primary(self) -> Node:
        word = self._words[self._at]
        self._at += 1
        match word.kind:
            case "number":
                return Literal(_number(word.text))
            case "text":
                return Literal(word.text)
            case "pattern":
                return Regex(word.text, word.flags)
            case "name":
                if word.text in _CONSTANTS:
                    return Literal(_CONSTANTS[word.text])
                return Name(_allowed(word.text))
        if word.kind == "sign":
            if word.text == "(":
                items = self._deeper(lambda: self._items(")"))
                if not items:
                    raise EngineError("'()' has nothing in it")
                return Group(items)
            if word.text == "[":
                return Listing(self._deeper(lambda: self._items("]")))
            if word.text == "{":
                return Pairs(self._deeper(self._pairs))
            raise EngineError(f"'{word.text}' is not awaited here")
        raise EngineError("the expression ends too early")

    def _items(self, closing: str) -> list[Node]:
        if self._takes(closing):
            return []
        found = [self.whole()]
        while self._takes(","):
            found.append(self.whole())
        self._expect(closing)
        return found

    def _pairs(self) -> list[tuple[str, Node]]:
        found: list[tuple[str, Node]] = []
        if self._takes("}"):
            return found
        while True:
            word = self._words[self._at]
            if word.kind not in {"name", "text"} or (word.kind == "name" and word.text in _CONSTANTS):
                raise EngineError("a mapping's key is a name or a text")
            self._at += 1
            self._expect(":")
            found.append((_allowed(word.text), self.whole()))
            if not self._takes(","):
                self._expect("}")
                return found

    def arguments(self) -> Arguments:
        """Read arguments and the bracket that ends them."""
        found = Arguments([], [])
        if self._takes(")"):
            return found
        while True:
            word, after = self._words[self._at], self._words[min(self._at + 1, len(self._words) - 1)]
            if word.kind == "name" and after == Word("sign", "="):
                self._at += 2
                found.keyword.append((_allowed(word.text), self.whole()))
            else:
                found.positional.append(self.whole())
            if not self._takes(","):
                self._expect(")")
                return found

    def _name(self) -> str:
        word = self._words[self._at]
        if word.kind != "name":
            advice = "; write 'or'" if word.text == "|" else ""  # the second of ||
            raise EngineError(
                f"'{word.text}' stands where a name is awaited{advice}" if word.text else "a name is missing"
            )
        self._at += 1
        return _allowed(word.text)

    def _is(self, sign: str) -> bool:
        word = self._words[self._at]
        return word.kind == "sign" and word.text == sign

    def _takes(self, *signs: str) -> str:
        word = self._words[self._at]
        if word.kind != "sign" or word.text not in signs:
            return ""
        self._at += 1
        return word.text

    def _takes_name(self, name: str) -> bool:
        word = self._words[self._at]
        if word.kind != "name" or word.text != name:
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._takes(sign):
            word = self._words[self._at]
            found = f"'{word.text}' stands" if word.kind != "end" else "the expression ends"
            raise EngineError(f"{found} where '{sign}' is awaited")

    def _deeper(self, read: Callable[[], Any]) -> Any:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise LimitError(f"an expression nested deeper than {MAX_DEPTH} levels")
        found = read()
        self._depth -= 1
        return found


def _number(text: str) -> int | float:
    return number(int(text)) if text.isdigit() and len(text) < 300 else float(text)


def _linked(sign: str, sequence: list[tuple[str, Node]]) -> list[tuple[str, Node]]:
    return [(sign, sequence[0][1]), *sequence[1:]]


def _joined(sequence: list[tuple[str, Node]]) -> Node:
    found = sequence[0][1]
    for sign, operand in sequence[1:]:
        found = Binary(sign, found, operand)
    return found


def _negated(node: Node) -> Node:
    """Put a `not` where JavaScript would read it: before the first operand of what follows."""
    if isinstance(node, Binary) and node.sign in {"+", "~", "-", "*", "/", "%"}:
        return Binary(node.sign, _negated(node.left), node.right)
    if isinstance(node, Compare):
        return Compare(_negated(node.first), node.rest)
    return Unary("not", node)
