import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.data.topv2 import DOMAINS, read_tsv
from nlu.frame import parse_frame
from nlu.words import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("message I'll be there at 6pm", "message I'll be there at 6 pm"),
        ("What's on?", "What 's on ?"),
        ("the 80's at 7:30 a.m.", "the 80 ' s at 7 : 30 a.m ."),
        ("set it for 6.30am", "set it for 6.30am"),
        ("[odd] brackets", "( odd ) brackets"),
        ("  ", ""),
        # Combining marks: NFD, Hindi; joined emoji, a skin tone, two flags, a variation selector.
        ("cafe\u0301 s\u0061\u0303o", "café são"),
        ("मुझे क्षत्रिय।", "मुझे क्षत्रिय ।"),
        ("👨\u200d👩\u200d👧👍🏽 🇩🇪🇫🇷 ❄\ufe0f", "👨\u200d👩\u200d👧 👍🏽 🇩🇪 🇫🇷 ❄\ufe0f"),
    ],
)
def test_words_split_as_the_trees_split_them(text: str, words: str) -> None:
    assert split_words(text) == words.split()


@given(st.text())
def test_no_character_but_white_space_is_lost(text: str) -> None:
    plain = unicodedata.normalize("NFC", text).replace("[", "(").replace("]", ")")
    assert "".join(split_words(text)) == "".join(plain.split())


@pytest.mark.topv2
def test_raw_text_splits_into_the_leaves_of_its_tree(topv2_root: Path) -> None:
    lines = [line for domain in DOMAINS for line in read_tsv(topv2_root / f"{domain}_eval.tsv")]
    agreeing = sum(split_words(line.utterance) == parse_frame(line.parse).words() for line in lines)
    assert agreeing / len(lines) > 0.998
