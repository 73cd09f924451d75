import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from latency.artifact import Artifact, fnv1a, load_artifact, output_checksum
from latency.errors import (
    ArtifactError,
    ChecksumError,
    ExportError,
    InputsError,
    ManifestError,
    MissingArtifactError,
    NotTorchScriptError,
    ParityError,
)
from latency.export import ExportSource, check_parity, export
from latency.runner.python import load
from tests.latency.conftest import Command
from tests.latency.modules import Modal, Tagger, real_inputs, source


def test_both_files_answer_as_the_module_does(artifact: Artifact) -> None:
    module = source().module
    for file in (artifact.path, artifact.lite_path):
        call = load(file)
        for arguments in artifact.inputs():
            tensors = [torch.tensor(argument) for argument in arguments]
            assert torch.equal(call(*tensors), module(*tensors))


def test_manifest_describes_the_files(artifact: Artifact) -> None:
    loaded = load_artifact(artifact.lite_path)
    manifest = loaded.manifest
    assert manifest == artifact.manifest
    assert loaded.inputs() == real_inputs()
    assert manifest["parameters"] == sum(p.numel() for p in Tagger().parameters())
    assert manifest["torch"] == torch.__version__
    assert "aten::embedding" in manifest["operators"]
    assert manifest["bytecode"] >= 8
    assert manifest["description"] == {"parser": "tagger"}
    for name, record in manifest["files"].items():
        assert record["bytes"] == (artifact.path.parent / name).stat().st_size
    module = source().module
    outputs = [module(*(torch.tensor(x) for x in call)).tolist() for call in real_inputs()]
    assert loaded.parity_outputs == [output_checksum(output) for output in outputs]


def test_export_twice_gives_the_same_inputs_and_outputs(artifact: Artifact, tmp_path: Path) -> None:
    again = export(source(), tmp_path, parity_inputs=3)
    assert again.inputs_path.read_bytes() == artifact.inputs_path.read_bytes()
    assert again.parity_outputs == artifact.parity_outputs[:3]


def test_bundled_inputs_are_the_first_and_change_no_output(artifact: Artifact, tmp_path: Path) -> None:
    assert artifact.bundled_count == 0
    # Twice, since scripted modules of one class share their type.
    export(source(), tmp_path, bundled_inputs=1)
    bundled = export(source(), tmp_path, bundled_inputs=4)
    assert load_artifact(bundled.lite_path).bundled_count == 4
    assert bundled.parity_outputs == artifact.parity_outputs
    lite = torch.jit.mobile._load_for_lite_interpreter(str(bundled.lite_path))
    carried = lite.run_method("get_all_bundled_inputs")
    assert [[argument.tolist() for argument in call] for call in carried] == real_inputs()[:4]
    assert [output_checksum(lite(*call).tolist()) for call in carried] == artifact.parity_outputs[:4]


@pytest.mark.parametrize("count", [-1, 21])
def test_only_inputs_that_exist_can_be_bundled(count: int, tmp_path: Path) -> None:
    refusal = rf"^bundled_inputs={count} is out of range: it must be an integer from 0 to 20\.$"
    with pytest.raises(ExportError, match=refusal):
        export(source(), tmp_path, bundled_inputs=count)


def test_fnv1a_gives_the_published_values() -> None:
    assert fnv1a(b"") == 0xCBF29CE484222325
    assert fnv1a(b"foobar") == 0x85944171F73967E8


def test_module_that_scripting_changes_is_refused_and_leaves_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ParityError, match=r"artifact.pt.* 2 of 2 inputs"):
        export(ExportSource(Modal().eval(), [[[1, 2]], [[3]]], {}), tmp_path)
    assert not (tmp_path / "artifact.json").exists()


def test_parity_names_the_file_and_the_first_difference() -> None:
    expected = [torch.tensor([1]), torch.tensor([2]), torch.tensor([4])]
    with pytest.raises(ParityError, match=r"x\.ptl.* 1 of 3 inputs, first for input 2"):
        check_parity(lambda x: x, Path("x.ptl"), [[[1]], [[2]], [[3]]], expected)


class Unscriptable(torch.nn.Module):
    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        return torch.tensor(eval("[1]"))


class Floats(torch.nn.Module):
    def forward(self, pieces: torch.Tensor) -> torch.Tensor:
        return pieces.float()


@pytest.mark.parametrize(
    ("module", "inputs", "message"),
    [
        (Tagger().train(), [[[1], [0]]], "training mode"),
        (Tagger().eval(), [], "at least one input"),
        (Unscriptable().eval(), [[[1]]], "cannot be exported as TorchScript"),
        (Floats().eval(), [[[1]]], "one 1-D int64 tensor"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    module: torch.nn.Module, inputs: list[list[list[int]]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match=message):
        export(ExportSource(module, inputs, {}), tmp_path)


def _remove(suffix: str) -> Callable[[Path], None]:
    return lambda file: file.with_suffix(suffix).unlink()


def _write(suffix: str, text: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        file.with_suffix(suffix).write_text(text)

    return change


def _save_weights(file: Path) -> None:
    torch.save(Tagger().state_dict(), file)


def _swap(file: Path) -> None:
    torch.jit.script(Modal()).save(str(file))


def _forget(key: str) -> Callable[[Path], None]:
    def change(file: Path) -> None:
        manifest = json.loads(file.with_suffix(".json").read_text())
        del manifest[key]
        file.with_suffix(".json").write_text(json.dumps(manifest))

    return change


@pytest.mark.parametrize(
    ("damage", "error", "message"),
    [
        (_remove(".pt"), MissingArtifactError, "no artifact at"),
        (_write(".pt", "no zip"), NotTorchScriptError, "not a TorchScript file"),
        (_save_weights, NotTorchScriptError, "not a TorchScript file"),
        (_swap, ChecksumError, "SHA-256 differs"),
        (_remove(".json"), ManifestError, "is missing"),
        (_write(".json", "{"), ManifestError, "is not JSON"),
        (_write(".json", "[]"), ManifestError, "unknown format"),
        (_forget("parity"), ManifestError, "lacks parity"),
        (_remove(".inputs.jsonl"), InputsError, "are missing"),
        (_write(".inputs.jsonl", "[[1]]\n"), ChecksumError, "SHA-256 differs"),
    ],
)
def test_damaged_artifacts_are_refused_by_name(
    artifact: Artifact,
    damage: Callable[[Path], None],
    error: type[ArtifactError],
    message: str,
    tmp_path: Path,
) -> None:
    folder = shutil.copytree(artifact.path.parent, tmp_path / "copy")
    damage(folder / artifact.path.name)
    with pytest.raises(error, match=message):
        load_artifact(folder / artifact.path.name)


@pytest.mark.parametrize("line", ["", "3", "[]", "[3]", "[[1.5]]", "[[true]]", "[[1]", '[["1"]]'])
def test_malformed_input_lines_are_named(line: str, artifact: Artifact, tmp_path: Path) -> None:
    broken = Artifact(tmp_path / "artifact.pt", artifact.manifest)
    broken.inputs_path.write_text(f"[[1]]\n{line}\n")
    with pytest.raises(InputsError, match="Line 2"):
        broken.inputs()


def test_command_exports_what_the_configuration_names(command: Command, tmp_path: Path) -> None:
    done = command(
        "latency.export",
        "parser=best",
        "source._target_=tests.latency.modules.source",
        f"out={tmp_path}/out",
        "name=model",
    )
    assert done.returncode == 0, done.stderr
    assert load_artifact(tmp_path / "out" / "model.ptl").manifest["description"] == {"parser": "best"}
    metrics = json.loads(next(tmp_path.glob("export/*/metrics.json")).read_text())
    assert metrics["parameters"] == source().module.embedding.weight.numel() + 1124


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("builtins.str", "must return a latency.export.ExportSource"),
        ("tests.latency.modules.failing", "no such parser"),
    ],
)
def test_command_refuses_a_bad_source_in_one_line(target: str, message: str, command: Command) -> None:
    source_override = f"source={{_target_: {target}}}"
    done = command("latency.export", "parser=best", "~source", f"+{source_override}")
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
