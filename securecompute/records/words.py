"""The words and signs of a cohort text: the first door, which knows a construct by its look and can name it.

Only the language's own words and signs, literals, and names of the dictionary's columns pass; everything else, comments
included, is named in the error. Names come out quoted, so the grammar behind cannot mistake a column for a keyword.
"""

from typing import TYPE_CHECKING, Final

from securecompute.errors import InvalidRequest
from securecompute.records.columns import near
from securecompute.records.dictionary import Dictionary
from securecompute.records.expressions import WORDS

if TYPE_CHECKING:
    from sqlglot import Token

ALLOWED: Final = "A cohort is made of: column = <> < <= > >= value, in, between, is null, and, or, not, parentheses"
SIGNS: Final = frozenset({"=", "<>", "!=", "<", "<=", ">", ">=", "(", ")", ","})
BEFORE_A_VALUE: Final = frozenset({"=", "<>", "!=", "<", "<=", ">", ">=", "(", ",", "between", "and", ""})
COMPARISONS: Final = frozenset({"=", "<>", "!=", "<", "<=", ">", ">="})
CURLY: Final = "‘’‚“”„«»‹›"
NUMBER: Final = "0"
QUOTED: Final = "''"
CONSTRUCTS: Final = {
    ";": "a semicolon",
    "*": "a star or a product",
    "+": "arithmetic",
    "-": "arithmetic",
    "/": "arithmetic",
    "//": "arithmetic",
    "%": "arithmetic",
    "^": "arithmetic",
    "**": "arithmetic",
    "||": "joining of texts (between conditions, write or)",
    "|": "the sign | (write or)",
    "&": "the sign & (write and)",
    "&&": "the sign && (write and)",
    "≥": "the sign ≥ (write >=)",
    "≤": "the sign ≤ (write <=)",
    "≠": "the sign ≠ (write <>)",
    "=>": "the sign => (write >=)",
    "like": "a pattern (like)",
    "ilike": "a pattern (ilike)",
    "glob": "a pattern (glob)",
    "~": "a pattern (~)",
    "rlike": "a pattern (rlike)",
    "similar to": "a pattern (similar to)",
    "select": "a subquery",
    "with": "a subquery",
    "from": "a subquery",
    "exists": "a subquery",
    "values": "a subquery",
    "table": "a subquery",
    "union": "a subquery",
    "cast": "a cast",
    "try_cast": "a cast",
    "::": "a cast",
    "case": "a case",
    ".": "a dot (a name has no table; a number starts with a digit)",
    "?": "a parameter",
    "$": "a parameter",
    ":": "a parameter",
    "@": "a parameter",
    "==": "the sign == (write =)",
    "/*+": "a comment",
    "[": "a bracket",
    "{": "a bracket",
    "isnull": "isnull (write is null)",
    "notnull": "notnull (write is not null)",
}


def read_words(text: str, dictionary: Dictionary, deepest: int) -> "list[Token]":
    """The tokens of a text that holds nothing foreign, column names as quoted identifiers.

    deepest  how many parentheses and `not` may enclose anything
    raises   InvalidRequest  naming the construct, or the unknown column and the near one
    """
    from sqlglot.dialects.dialect import Dialect
    from sqlglot.errors import TokenError

    try:
        tokens = Dialect.get_or_raise("duckdb").tokenize(text)
    except TokenError:
        raise refuse("a quote that is not closed") from None
    if any(token.comments for token in tokens) or (not tokens and text.strip()):
        raise refuse("a comment")
    if not tokens:
        raise InvalidRequest("the cohort is empty; leave it out to mean all records")
    words = [_word(token, text) for token in tokens]
    _check_nesting(words, deepest)
    return [
        _checked(tokens[i], words[i - 1 : i + 2] if i else ["", *words[:2]], dictionary) for i in range(len(tokens))
    ]


def refuse(construct: str) -> InvalidRequest:
    """The error for a construct that a cohort cannot have."""
    return InvalidRequest(f"a cohort cannot hold {construct}. {ALLOWED}")


def _word(token: "Token", text: str) -> str:
    """The token in small letters as it stands in the text; NUMBER and QUOTED for literals and quoted names."""
    from sqlglot import TokenType

    if token.token_type == TokenType.NUMBER:
        return NUMBER
    if token.token_type in (TokenType.STRING, TokenType.IDENTIFIER):
        return QUOTED
    if text[token.start : token.end + 1].lower().split() != token.text.lower().split():
        raise refuse("a text in other quotes than '...'")
    return token.text.lower()


def _checked(token: "Token", words: list[str], dictionary: Dictionary) -> "Token":
    """The token itself, or as a quoted identifier where it names a column. words: the one before, its own, the next."""
    from sqlglot import Token, TokenType

    before, word, after = (*words, "")[:3]
    if word == NUMBER or token.token_type == TokenType.STRING or word in WORDS or word in SIGNS:
        return token
    if word == "-" and after == NUMBER and before in BEFORE_A_VALUE:
        return token
    if token.text in dictionary and after != "(":
        return Token(TokenType.IDENTIFIER, token.text, line=token.line, col=token.col, start=token.start, end=token.end)
    if word == "-" and before == after == NUMBER:
        raise refuse("arithmetic (a date stands in quotes, as '2024-01-31')")
    if word in CONSTRUCTS:
        raise refuse(CONSTRUCTS[word])
    if token.text[0] in CURLY:
        raise refuse(f"the quote {token.text[0]} (write the straight one, ')")
    if word != QUOTED and not token.text.isidentifier():
        raise refuse(f"the sign {token.text[:40]}")
    if after == "(":
        raise refuse(f"a function ({token.text[:40]})")
    if after == ".":
        raise refuse(CONSTRUCTS["."])
    lacking = f"there is no column '{token.text[:40]}'{near(token.text, dictionary, 'columns')}"
    if word == QUOTED or before in COMPARISONS:
        lacking += f"{'' if lacking.endswith('?') else '.'} Values stand in single quotes, names in double ones"
    raise InvalidRequest(lacking)


def _check_nesting(words: list[str], deepest: int) -> None:
    """Count open parentheses, and the `not` before what they enclose: the grammar recurses over both."""
    enclosing, nots = [0], 0
    for word in words:
        if word == "not":
            nots += 1
        elif word == "(":
            enclosing.append(enclosing[-1] + nots + 1)
            nots = 0
        else:
            nots = 0
        if word == ")" and len(enclosing) > 1:
            enclosing.pop()
        if enclosing[-1] + nots > deepest:
            raise InvalidRequest(f"the cohort is nested deeper than {deepest} parentheses and nots; split the question")
