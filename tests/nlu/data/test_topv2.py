from pathlib import Path
from typing import Any

import datasets
import pytest

from nlu.data.topv2 import DOMAINS, SPLITS, load_topv2, read_tsv
from nlu.errors import DataError
from nlu.frame import decouple, parse_frame
from nlu.span import from_span, to_span

HEADER = "domain\tutterance\tsemantic_parse\n"
GOOD = 'weather\tis it "cold"\t[IN:GET_WEATHER is it [SL:WEATHER_ATTRIBUTE " cold " ] ]\n'


def write(root: Path, **files: str) -> Path:
    root.mkdir(exist_ok=True)
    for name, text in files.items():
        (root / f"{name}.tsv").write_text(text, encoding="utf-8")
    return root


def test_quotes_are_plain_text_and_test_is_optional(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "data", weather_train=HEADER + GOOD * 3, weather_eval=HEADER + GOOD)
    splits = load_topv2(root, ["weather"], cache)
    assert {split: len(data) for split, data in splits.items()} == {"train": 3, "eval": 1}
    assert splits["train"][0]["words"] == ["is", "it", '"', "cold", '"']
    write(root, weather_test=HEADER + GOOD)
    assert set(load_topv2(root, ["weather"], cache)) == {"train", "eval", "test"}


@pytest.mark.parametrize(
    "content",
    [
        (GOOD * 2).encode(),
        (HEADER.replace("semantic_parse", "seqlogical") + GOOD * 2).encode(),
        (HEADER + GOOD * 2 + "\n\n").encode(),
        (HEADER + GOOD * 2).encode("utf-8-sig"),
        (HEADER + GOOD * 2).replace("\n", "\r\n").encode(),
        (HEADER + GOOD * 2).rstrip("\n").encode(),
    ],
    ids=["no header", "other header", "blank end", "byte order mark", "crlf", "no end"],
)
def test_quirks_of_files_lose_no_row(tmp_path: Path, cache: Path, content: bytes) -> None:
    root = write(tmp_path / "data", weather_train=HEADER + GOOD)
    (root / "weather_eval.tsv").write_bytes(content)
    rows = load_topv2(root, ["weather"], cache)["eval"]
    assert [row["words"] for row in rows] == [["is", "it", '"', "cold", '"']] * 2
    assert {row["domain"] for row in rows} == {"weather"}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused(tmp_path: Path, cache: Path, encoding: str) -> None:
    root = write(tmp_path / "data", weather_train=HEADER + GOOD)
    text = HEADER + GOOD + "weather\tsão\t[IN:GET_WEATHER são ]\n"
    (root / "weather_eval.tsv").write_bytes(text.encode(encoding))
    with pytest.raises(DataError, match=r"weather_eval\.tsv, line \d.*not UTF-8"):
        load_topv2(root, ["weather"], cache)


@pytest.mark.parametrize("empty", ["train", "eval"])
@pytest.mark.parametrize("content", ["", HEADER, "\n\n"])
def test_a_split_without_rows_is_named(tmp_path: Path, cache: Path, empty: str, content: str) -> None:
    root = write(tmp_path / "data", weather_train=HEADER + GOOD, weather_eval=HEADER + GOOD)
    write(root, **{f"weather_{empty}": content})
    with pytest.raises(DataError, match=rf"weather_{empty}\.tsv: there are no rows"):
        load_topv2(root, ["weather"], cache)


def test_a_row_that_is_much_too_long_is_malformed(tmp_path: Path, cache: Path) -> None:
    row = f"weather\tx\t[IN:GET_WEATHER {'word ' * 1500}]\n"
    root = write(tmp_path / "data", weather_train=HEADER + GOOD + row, weather_eval=HEADER + GOOD)
    with pytest.raises(DataError, match=r"line 3: the frame holds 1500 words"):
        load_topv2(root, ["weather"], cache)


def test_only_malformed_rows_are_refused_even_when_they_may_be_skipped(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "data", weather_train="weather\thi\thi\n", weather_eval=HEADER + GOOD)
    with pytest.raises(DataError, match="every row is malformed"):
        load_topv2(root, ["weather"], cache, skip_malformed=True)


def test_a_changed_file_is_read_again(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "data", weather_train=HEADER + GOOD, weather_eval=HEADER + GOOD)
    assert len(load_topv2(root, ["weather"], cache)["train"]) == 1
    write(root, weather_train=HEADER + GOOD * 2)
    assert len(load_topv2(root, ["weather"], cache)["train"]) == 2


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("weather\tonly two\n", "2 columns"),
        ("weather\thi\t[IN:GET_WEATHER hi\n", "never close"),
        ("weather\thi\t[IN:GET_WEATHER ]\n", "no word"),
        ("weather\thi\thi\n", "before the first intent"),
    ],
)
def test_a_malformed_row_is_named_and_can_be_skipped(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture, row: str, problem: str
) -> None:
    root = write(tmp_path / "data", weather_train=HEADER + GOOD + row, weather_eval=HEADER + GOOD)
    with pytest.raises(DataError, match=r"weather_train\.tsv, line 3.*skip_malformed") as error:
        load_topv2(root, ["weather"], cache)
    assert problem in str(error.value)
    assert len(load_topv2(root, ["weather"], cache, skip_malformed=True)["train"]) == 1
    assert "1 of 2 rows" in caplog.text


def test_a_domain_by_itself_or_named_twice_is_one(tmp_path: Path, cache: Path) -> None:
    root = write(tmp_path / "data", weather_train=HEADER + GOOD, weather_eval=HEADER + GOOD)
    for domains in ("weather", ["weather", "weather"]):
        assert len(load_topv2(root, domains, cache)["train"]) == 1


@pytest.mark.parametrize("domains", [None, [], "", 5, [5]])
def test_what_is_no_domain_is_refused(tmp_path: Path, cache: Path, domains: Any) -> None:
    with pytest.raises(DataError, match=r"^TOPv2 has no.* takes any of alarm, event"):
        load_topv2(tmp_path, domains, cache)


@pytest.mark.parametrize("samples", [5, 500.0, "many", True])
def test_low_resource_splits_are_those_that_there_are(tmp_path: Path, cache: Path, samples: Any) -> None:
    with pytest.raises(DataError, match=f"samples_per_label={samples}: .* 10, 25, 50,.* 1000 only"):
        load_topv2(tmp_path, ["weather"], cache, samples_per_label=samples)


def test_missing_data_says_which_and_where_from(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(DataError, match=r"no data folder.*fb\.me/TOPv2Dataset"):
        load_topv2(tmp_path / "nowhere", ["weather"], cache)
    root = write(tmp_path / "data", weather_train=HEADER + GOOD, weather_eval=HEADER + GOOD)
    with pytest.raises(DataError, match=r"lacks alarm_train\.tsv, alarm_eval\.tsv"):
        load_topv2(root, ["weather", "alarm"], cache)
    with pytest.raises(DataError, match="no domain wetter"):
        load_topv2(root, ["wetter"], cache)
    with pytest.raises(DataError, match="reminder, weather"):
        load_topv2(root, ["alarm"], cache, samples_per_label=25)


@pytest.mark.topv2
def test_every_row_of_every_domain_round_trips(topv2_root: Path) -> None:
    rows = 0
    for domain in DOMAINS:
        for split in ("train", "eval"):
            for line in read_tsv(topv2_root / f"{domain}_{split}.tsv"):
                frame = parse_frame(line.parse)
                assert str(frame) == " ".join(line.parse.split())
                assert from_span(to_span(frame), frame.words()) == decouple(frame)
                rows += 1
    assert rows == 124_597 + 17_160


@pytest.mark.topv2
def test_low_resource_splits_have_their_published_sizes(topv2_root: Path, cache: Path) -> None:
    splits = load_topv2(topv2_root, ["weather"], cache, samples_per_label=500)
    assert (len(splits["train"]), len(splits["eval"])) == (2372, 1202)


def test_the_hub_s_layout_gives_the_same_rows(tmp_path: Path, cache: Path) -> None:
    names = ["domain", "utterance", "semantic_parse"]
    weather, other = GOOD.strip().split("\t"), ["alarm", "stop", "[IN:SILENCE_ALARM stop ]"]
    for split in SPLITS:
        table = datasets.Dataset.from_list([dict(zip(names, row, strict=True)) for row in (weather, other)])
        table.to_parquet(str(tmp_path / "copy" / "data" / f"{split}-00000-of-00001.parquet"))
    splits = load_topv2("hub", ["weather"], cache, hub=str(tmp_path / "copy"))
    root = write(tmp_path / "files", **{f"weather_{split}": HEADER + GOOD for split in SPLITS})
    files = load_topv2(root, ["weather"], cache)
    assert {split: list(data) for split, data in splits.items()} == {
        split: list(data) for split, data in files.items()
    }


def test_a_hub_that_cannot_be_had_is_one_sentence(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="cannot be had"):
        load_topv2("hub", ["weather"], cache, hub=str(tmp_path / "empty"))
    with pytest.raises(DataError, match="no low-resource splits"):
        load_topv2("hub", ["weather"], cache, samples_per_label=25)
