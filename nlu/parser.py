"""A trained parser in one file: model, ontology and tokenizer; text in, frame out."""

import base64
import math
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch

from nlu.batches import Batch, Example, collate, encode_words, make_loader
from nlu.calibration import Calibration
from nlu.errors import FrameError, ParserFileError, UtteranceError
from nlu.exported import Exported, is_exported, read_exported
from nlu.frame import Frame
from nlu.model.base import Hypothesis, ParserModel, Sizes
from nlu.model.config import ModelConfig, build_model
from nlu.ontology import Ontology
from nlu.span import SpanToken
from nlu.tokenizer import Tokenizer
from nlu.words import split_words

FILE_NAME = "parser.pt"
# The parser that comes with the project; a link to models/ that a wheel gets as files.
SHIPPED = Path(__file__).resolve().parent / "models" / "topv2"
_FORMAT = "paretoparse parser"
_VERSION = 2
# Longest utterance to accept, in words, where nothing else is asked for.
MAX_WORDS = 128


class Prediction(NamedTuple):
    """What a parser says of an utterance.

    Attributes:
        words: the utterance, split.
        span: span form.
        frame: decoupled frame.
        probability: that this answer is right, as the parser sees it, 0 to 1.
    """

    words: list[str]
    span: list[SpanToken]
    frame: Frame
    probability: float


@dataclass
class Parser:
    """A model with what turns words into its input and its output into frames.

    Attributes:
        model: the module, in evaluation mode.
        config: its shape.
        tokenizer: words to pieces.
        ontology: target ids to frames.
        sizes: of the data that the model was built for.
        utterances: held-out utterances, as words, of mixed length and in a fixed order: what an export is
            checked and timed with.
        calibration: of the frames' probabilities.
        training: how it came about: data, metrics, seed (JSON-able; informative only).
    """

    model: ParserModel
    config: ModelConfig
    tokenizer: Tokenizer
    ontology: Ontology
    sizes: Sizes
    utterances: list[list[str]] = field(default_factory=list)
    training: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)

    @classmethod
    def load(cls, path: str | Path) -> "Parser":
        """Read a parser as `load_parser` does, or an exported artifact with its manifest beside it.

        Raises:
            ParserFileError: there is no such file, or it is neither.
        """
        file = Path(path).expanduser()
        return _load_exported(file) if is_exported(file) else load_parser(path)

    def parse(self, text: str, max_words: int = MAX_WORDS) -> Prediction:
        """Parse raw text.

        Args:
            text: an utterance.
            max_words: longest utterance to accept.

        Raises:
            UtteranceError: the text has no words, or more than `max_words`.
        """
        return self.candidates(text, 1, max_words)[0]

    def read(self, text: str, max_words: int = MAX_WORDS) -> tuple[list[str], Batch]:
        """Split raw text into words, and make a batch of them for the model.

        Raises:
            UtteranceError: see `parse`.
        """
        if any("\ud800" <= letter <= "\udfff" for letter in text):
            raise UtteranceError("the utterance is not valid UTF-8; convert it.")
        words = split_words(text)
        if not words:
            raise UtteranceError("the utterance is empty; give it at least one word.")
        if len(words) > max_words:
            raise UtteranceError(f"the utterance has {len(words)} words; max_words={max_words} are the most.")
        return words, collate([(0, encode_words(words, self.tokenizer))])

    def candidates(self, text: str, count: int, max_words: int = MAX_WORDS) -> list[Prediction]:
        """Parse raw text into at most `count` different frames, most likely first.

        Raises:
            UtteranceError: see `parse`.
        """
        words, batch = self.read(text, max_words)
        with torch.inference_mode():
            ranked = self.calibration.apply(self.model.predict(batch, count)[0])
        return [
            Prediction(words, self.ontology.decode(ids), self.ontology.frame(ids, words), math.exp(score))
            for ids, score in ranked
        ]

    def predict(self, examples: list[Example], batch_size: int, count: int = 1) -> list[list[Hypothesis]]:
        """Return the `count` best hypotheses for each example, in order of the examples, calibrated."""
        predictions: list[list[Hypothesis]] = [[] for _ in examples]
        with torch.inference_mode():
            for batch in make_loader(examples, batch_size, seed=None):
                ranked = self.model.predict(batch, count)
                for place, hypotheses in zip(batch.places.tolist(), ranked, strict=True):
                    predictions[place] = self.calibration.apply(hypotheses)
        return predictions

    def save(self, path: Path, *, half: bool = False) -> None:
        """Write the parser to a file that `load_parser` reads without running any code from it.

        Args:
            path: file to write.
            half: store the weights in half precision, and compress the file, in less than half of the space.

        Raises:
            ParserFileError: the parser is an exported artifact.
        """
        if isinstance(self.model, Exported):
            raise ParserFileError("an exported artifact has no weights to save; copy its files.")
        weights = self.model.state_dict()
        content = {
            "format": _FORMAT,
            "version": _VERSION,
            "model": self.config.as_dict(),
            "sizes": asdict(self.sizes),
            "ontology": list(self.ontology.tokens),
            "tokenizer": torch.frombuffer(bytearray(self.tokenizer.model), dtype=torch.uint8),
            "utterances": self.utterances,
            "training": self.training,
            "calibration": [self.calibration.slope, self.calibration.intercept],
            "weights": {name: tensor.half() for name, tensor in weights.items()} if half else weights,
        }
        partial = path.with_suffix(".partial")
        torch.save(content, partial)
        if half:
            _compress(partial)
        partial.replace(path)


def _compress(file: Path) -> None:
    """Compress what torch.save has written; torch.load reads it all the same."""
    with zipfile.ZipFile(file) as stored:
        content = {name: stored.read(name) for name in stored.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, entry in content.items():
            archive.writestr(name, entry)


def _load_exported(file: Path) -> Parser:
    model, description = read_exported(file)
    try:
        return Parser(
            model.eval(),
            ModelConfig.of(description["model"]),
            Tokenizer(base64.b64decode(description["tokenizer"])),
            Ontology(tuple(description["ontology"])),
            _sizes(description["sizes"]),
            training=description["training"],
            calibration=Calibration(*description["calibration"]),
        )
    except (KeyError, TypeError, ValueError, FrameError) as error:
        raise ParserFileError(
            f"{file} is a damaged artifact ({error!r}); export the parser again."
        ) from error


def _sizes(content: dict[str, Any]) -> Sizes:
    return Sizes(**{**content, "templates": tuple(map(tuple, content["templates"]))})


def load_parser(path: str | Path) -> Parser:
    """Read a parser from its file, or from the folder of the run that trained it.

    Raises:
        ParserFileError: there is no such file, or it is not a parser of this version.
    """
    path = Path(path).expanduser()
    file = path / FILE_NAME if path.is_dir() else path
    if not file.is_file():
        raise ParserFileError(
            f"there is no parser at {file}; give the folder or the {FILE_NAME} that nlu.train has written."
        )
    content = _read(file)
    if content.get("format") != _FORMAT:
        raise ParserFileError(f"{file} is not a parser; give the {FILE_NAME} that nlu.train has written.")
    if content.get("version") != _VERSION:
        raise ParserFileError(
            f"{file} has format {content.get('version')}, this version reads {_VERSION}; train it again."
        )
    try:
        config = ModelConfig.of(content["model"])
        tokenizer = Tokenizer(bytes(content["tokenizer"].numpy()))
        ontology = Ontology(tuple(content["ontology"]))
        sizes = _sizes(content["sizes"])
        model = build_model(config, sizes)
        model.load_state_dict(content["weights"])
        parser = Parser(
            model.eval(),
            config,
            tokenizer,
            ontology,
            sizes,
            content["utterances"],
            content["training"],
            Calibration(*content.get("calibration", ())),
        )
    except (KeyError, TypeError, AttributeError, RuntimeError, FrameError) as error:
        raise ParserFileError(f"{file} is a damaged parser ({error!r}); train it again.") from error
    return parser


def _read(file: Path) -> dict[str, Any]:
    problem = f"{file} is not a parser; give the {FILE_NAME} that nlu.train has written."
    if not zipfile.is_zipfile(file):
        raise ParserFileError(problem)
    if is_exported(file):
        raise ParserFileError(
            f"{file} is an exported artifact, not a parser; give the {FILE_NAME} of its training."
        )
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, ValueError, EOFError, OSError, KeyError) as error:
        raise ParserFileError(problem) from error
    if not isinstance(content, dict):
        raise ParserFileError(problem)
    return content


def check_ontology(parser: Parser, targets: Sequence[Sequence[SpanToken]], tolerated: float = 0.05) -> int:
    """Count the frames that a parser cannot express because a label is missing from its ontology.

    A rare label that the train split happens to lack is normal; those frames count as wrong.

    Args:
        parser: to be evaluated on the targets.
        targets: span forms.
        tolerated: largest share of such frames.

    Raises:
        ParserFileError: there are more of them, so the parser was trained on other data.
    """
    unknown = [labels for target in targets if (labels := parser.ontology.unknown(target))]
    if len(unknown) > tolerated * len(targets):
        names = sorted({label[1:] for labels in unknown for label in labels})
        shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
        raise ParserFileError(
            f"the parser's ontology lacks {len(names)} labels of this data ({shown}), needed in "
            f"{len(unknown)} of {len(targets)} utterances; evaluate it on the domains that it was trained on."
        )
    return len(unknown)
