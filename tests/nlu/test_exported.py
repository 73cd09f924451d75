import shutil
from pathlib import Path

import pytest

from latency.export import export
from nas.trial import export_source
from nlu import Parser
from nlu.batches import encode_words
from nlu.errors import ParserFileError
from nlu.parser import load_parser
from tests.fresh_interpreter import run_fresh


@pytest.fixture(scope="module")
def artifact(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(export_source(load_parser(trained)), tmp_path_factory.mktemp("exported")).path


def test_an_artifact_answers_as_its_parser(artifact: Path, trained: Path) -> None:
    exported, parser = Parser.load(artifact), load_parser(trained)
    assert exported.calibration == parser.calibration
    assert exported.model.parameter_count() == parser.model.parameter_count()
    for words in parser.utterances[:20]:
        answers = exported.candidates(" ".join(words), 3), parser.candidates(" ".join(words), 3)
        for one, other in zip(*answers, strict=True):
            assert one.frame == other.frame
            assert one.probability == pytest.approx(other.probability, abs=1e-4)
    examples = [encode_words(words, parser.tokenizer) for words in parser.utterances[:20]]
    first = [[ranked[0][0] for ranked in each.predict(examples, 8)] for each in (exported, parser)]
    assert first[0] == first[1]


def test_an_artifact_parses_without_what_trains(artifact: Path) -> None:
    code = f"from nlu import Parser; print(Parser.load({str(artifact)!r}).parse('wake me up at 7am').frame)"
    frame, loaded = run_fresh(code, "pytorch_lightning", "datasets", "latency")
    assert frame.startswith("[IN:")
    assert not loaded


def test_an_artifact_is_not_a_parser_to_train_or_save(artifact: Path, tmp_path: Path) -> None:
    with pytest.raises(ParserFileError, match=r"give the parser\.pt"):
        load_parser(artifact)
    with pytest.raises(ParserFileError, match="no weights to save"):
        Parser.load(artifact).save(tmp_path / "parser.pt")


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        (None, "without its manifest"),
        ("{", "damaged"),
        ('{"description": {}, "parameters": 1}', "does not hold"),
        ('{"description": {"tokenizer": "x"}, "parameters": 1}', "damaged"),
    ],
)
def test_an_artifact_without_its_manifest_is_refused(
    artifact: Path, tmp_path: Path, manifest: str | None, message: str
) -> None:
    copy = tmp_path / "copy.pt"
    shutil.copy(artifact, copy)
    if manifest is not None:
        copy.with_suffix(".json").write_text(manifest)
    with pytest.raises(ParserFileError, match=message):
        Parser.load(copy)


def test_the_lite_file_is_not_one_to_load(artifact: Path) -> None:
    with pytest.raises(ParserFileError, match=r"latency\.export"):
        Parser.load(artifact.with_suffix(".ptl"))
