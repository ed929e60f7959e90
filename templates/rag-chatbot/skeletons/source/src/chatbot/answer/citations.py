"""Citations are made here, not believed: a number that belongs to no passage never reaches a reader."""

import re

LIST = r"\s*\d{1,3}(?:\s*[,–-]\s*\d{1,3})*\s*"
ONE = rf"\[{LIST}\]|【{LIST}】"
# `items[7]` is code even without backticks. The space before a mark goes with it: it would be left over.
MARK = rf"(?:[ \t]|(?<![A-Za-z0-9_]))(?:{ONE})+"
# Inside of code nothing is a mark; what code is, the page sees in the same way.
TOKEN = re.compile(rf"`+|\n|{MARK}")
WORD_END = re.compile(r"[A-Za-z0-9_]?\Z")
# The end of a text that may mean something else when more of it arrives.
OPEN = re.compile(rf"(?:`+|[ \t]?(?:{ONE})*(?:[\[【][\d\s,–-]{{0,16}})?)\Z")


class CitationFilter:
    """Passes streamed text on, drops marks out of range, and remembers the numbers it let through."""

    def __init__(self, passages: int) -> None:
        self.passages = passages
        self.cited: set[int] = set()
        self.held = ""
        self.before = ""  # the last character, if it is one of a word
        self.code = ""  # the backticks that opened the code we are in

    def feed(self, text: str) -> str:
        """The part of the text so far that is certain."""
        text = self.held + text
        self.held = OPEN.findall(text)[0]
        return self._filtered(text.removesuffix(self.held))

    def finish(self) -> str:
        held, self.held = self.held, ""
        return self._filtered(held)

    def _filtered(self, text: str) -> str:
        text = self.before + text
        filtered = TOKEN.sub(self._token, text).removeprefix(self.before)
        self.before = WORD_END.findall(text)[0]
        return filtered

    def _token(self, token: re.Match[str]) -> str:
        text = token[0]
        if text[0] == "`":
            self.code = "" if text == self.code else self.code or text
        elif text == "\n":
            self.code = self.code if len(self.code) >= 3 else ""
        elif not self.code:
            return self._mark(text)
        return text

    def _mark(self, text: str) -> str:
        found = re.findall(r"(\d+)(?:\s*[–-]\s*(\d+))?", text)
        ranges = [range(max(int(first), 1), min(int(last or first), self.passages) + 1) for first, last in found]
        numbers = [number for each in ranges for number in each]
        self.cited.update(numbers)
        space = " " if text[0] in " \t" else ""
        return space + "".join(f"[{number}]" for number in numbers) if numbers else ""


def uncited(text: str) -> str:
    """A quotation in which nothing looks like a citation of ours."""
    return re.sub(MARK, lambda mark: mark[0].replace("[", "［").replace("]", "］"), text)
