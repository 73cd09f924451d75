import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoparse.files import valid_json, write_json, write_text

CONTENT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(CONTENT)
def test_any_content_is_json_that_every_reader_accepts(content: object) -> None:
    text = json.dumps(valid_json(content), allow_nan=False)
    again = json.loads(text)
    assert json.dumps(valid_json(again)) == text


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), 1.5], "é": 10**400})
    assert json.loads((tmp_path / "x.json").read_text("utf-8")) == {"a": None, "b": [None, 1.5], "é": 10**400}


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "\ud800")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
