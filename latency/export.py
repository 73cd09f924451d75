"""Turn a module into an artifact: TorchScript, a lite-interpreter file, recorded inputs and a manifest.

    python -m latency.export parser=DIR_OR_FILE out=DIR

What to export is named in the configuration (`source`), so this package needs no knowledge of the module's
project.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.jit.mobile
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch.utils.bundled_inputs import InflatableArg, bundle_inputs

from latency.artifact import FORMAT, Artifact, ArtifactFiles, Inputs, output_checksum, sha256, write_inputs
from latency.errors import ExportError, ParityError
from latency.runner.python import load
from latency.source import ExportSource
from paretoparse.checks import COUNT, Range
from paretoparse.cli import hydra_main, run_folder
from paretoparse.errors import describe_error
from paretoparse.files import write_json
from paretoparse.metrics import Metrics, print_metrics, write_metrics

__all__ = ["ExportSource", "check_parity", "export"]

Call = Callable[..., torch.Tensor]


def export(
    source: ExportSource,
    folder: Path,
    *,
    name: str = "artifact",
    parity_inputs: int = 50,
    bundled_inputs: int = 0,
) -> Artifact:
    """Write `NAME.pt`, `NAME.ptl`, `NAME.inputs.jsonl` and, when all is well, the manifest `NAME.json`.

    Both files are loaded again and must give, for the first `parity_inputs` inputs, exactly the module's own
    outputs. The manifest records those outputs' checksums, so that any device can be compared later.

    Args:
        source: the module, its inputs and its description.
        folder: where to write; made if it does not exist.
        name: stem of the files' names.
        parity_inputs: number of inputs to compare, at least 1; all of them when there are fewer.
        bundled_inputs: number of first inputs to write into the `.ptl` as PyTorch's bundled inputs, which
            `speed_benchmark_torch` needs; from 0 to the number of inputs.

    Raises:
        ExportError: the module is in training mode, cannot be scripted, there is nothing to compare, or
            more inputs are to be bundled than there are.
        ParityError: a written file answers differently from the module.
    """
    if source.module.training:
        raise ExportError("The module is in training mode; call eval() on it before exporting.")
    if not source.inputs:
        raise ExportError("An export needs at least one input to compare the files with the module.")
    COUNT.check("parity_inputs", parity_inputs, ExportError)
    Range(high=len(source.inputs), whole=True).check("bundled_inputs", bundled_inputs, ExportError)
    files = ArtifactFiles(folder / f"{name}.pt")
    folder.mkdir(parents=True, exist_ok=True)
    # An artifact without a manifest is refused by readers, so an export that stops half-way is never
    # measured.
    files.manifest_path.unlink(missing_ok=True)
    write_inputs(files.inputs_path, source.inputs)
    with _deprecation_silenced(), torch.inference_mode():
        _save(source, files, source.inputs[:bundled_inputs])
        checked = source.inputs[:parity_inputs]
        expected = [_call(source.module, call) for call in checked]
        check_parity(load(files.path), files.path, checked, expected)
        lite = torch.jit.mobile._load_for_lite_interpreter(str(files.lite_path))  # type: ignore[no-untyped-call]
        check_parity(lite, files.lite_path, checked, expected)
        operators = sorted(torch.jit.mobile._export_operator_list(lite))
        bytecode = torch.jit.mobile._get_model_bytecode_version(str(files.lite_path))
    lengths = [len(call[0]) for call in source.inputs]
    manifest = {
        "format": FORMAT,
        "torch": torch.__version__,
        "bytecode": bytecode,
        "operators": operators,
        "parameters": sum(parameter.numel() for parameter in source.module.parameters()),
        "files": {
            file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)}
            for file in (files.path, files.lite_path, files.inputs_path)
        },
        "inputs": {"count": len(lengths), "shortest": min(lengths), "longest": max(lengths)},
        "bundled_inputs": bundled_inputs,
        "parity": {"outputs": [output_checksum(output.tolist()) for output in expected]},
        "description": source.description,
    }
    write_json(files.manifest_path, manifest)
    return Artifact(files.path, manifest)


def _save(source: ExportSource, files: ArtifactFiles, bundled: Inputs) -> None:
    try:
        scripted = torch.jit.script(source.module)
        frozen = torch.jit.freeze(scripted)
        whole = torch.jit.freeze(scripted, preserved_attrs=list(source.methods)) if source.methods else frozen
        whole.save(str(files.path))
        if bundled:
            # Wrapped, since a real utterance is more than the few bytes that are allowed otherwise.
            calls = [tuple(InflatableArg(tensor, "{}") for tensor in _tensors(call)) for call in bundled]
            # A copy of the type too, which all modules of one class share otherwise.
            frozen = torch.jit.freeze(
                bundle_inputs(scripted, calls), preserved_attrs=["get_all_bundled_inputs"]
            )
        frozen._save_for_lite_interpreter(str(files.lite_path))
    except (RuntimeError, TypeError, ValueError, OSError) as error:
        raise ExportError(f"The module cannot be exported as TorchScript: {describe_error(error)}") from error


def check_parity(call: Call, file: Path, inputs: Inputs, expected: list[torch.Tensor]) -> None:
    """Compare a reloaded file's outputs with the expected ones, which must be equal in every token.

    Raises:
        ParityError: an output differs; the message names the file, how many differ and the first of them.
    """
    differing = [
        i for i, (x, y) in enumerate(zip(inputs, expected, strict=True)) if not torch.equal(_call(call, x), y)
    ]
    if differing:
        raise ParityError(
            f"'{file}' answers differently from the module for {len(differing)} of {len(inputs)} inputs, "
            f"first for "
            f"input {differing[0]}; do not use it: the module does something that scripting changes."
        )


def _call(call: Call, arguments: Sequence[Sequence[int]]) -> torch.Tensor:
    output = call(*_tensors(arguments))
    if not isinstance(output, torch.Tensor) or output.dtype != torch.int64 or output.dim() != 1:
        raise ExportError("The module must return one 1-D int64 tensor; change what its forward returns.")
    return output


def _tensors(arguments: Sequence[Sequence[int]]) -> list[torch.Tensor]:
    return [torch.tensor(list(argument), dtype=torch.int64) for argument in arguments]


@contextmanager
def _deprecation_silenced() -> Iterator[None]:
    """Silence the one warning that TorchScript's whole interface gives since torch 2.10."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit", DeprecationWarning)
        warnings.filterwarnings("ignore", "Lite Interpreter is deprecated", DeprecationWarning)
        yield


@hydra_main("export", __doc__)
def main(config: DictConfig) -> None:
    """Export what the configuration's `source` names and report the artifact's size."""
    source = instantiate(config.source)
    if not isinstance(source, ExportSource):
        raise ExportError(
            f"source._target_ made a {type(source).__name__}; it must return a latency.export.ExportSource."
        )
    folder = run_folder()
    artifact = export(
        source,
        folder if config.out is None else Path(str(config.out)),
        name=str(config.name),
        parity_inputs=config.parity_inputs,
        bundled_inputs=config.bundled_inputs,
    )
    files = artifact.manifest["files"]
    metrics: Metrics = {
        "artifact": str(artifact.path),
        "parameters": artifact.manifest["parameters"],
        "bytes": files[artifact.path.name]["bytes"],
        "bytes_lite": files[artifact.lite_path.name]["bytes"],
    }
    write_metrics(metrics, folder)
    print_metrics(metrics, folder)


if __name__ == "__main__":
    main()
