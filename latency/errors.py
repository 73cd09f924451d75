"""Everything that can go wrong while exporting or measuring, each under its own name.

Every message is one sentence or two that say what was found and what to do about it. Entry points print it
and exit with code 1; a search stores it as the reason why a trial has no latency.
"""

from paretoparse.errors import ParetoParseError


class LatencyError(ParetoParseError):
    """Base of all errors of this package."""


class ExportError(LatencyError):
    """A module cannot be turned into an artifact."""


class ParityError(ExportError):
    """An exported file answers differently from the module that it was exported from."""


class ArtifactError(LatencyError):
    """An artifact on disk is not what it should be."""


class MissingArtifactError(ArtifactError):
    """No artifact was named, or there is no file where one was expected."""


class NotTorchScriptError(ArtifactError):
    """A file is not a TorchScript program."""


class ManifestError(ArtifactError):
    """The manifest beside an artifact is missing or cannot be read."""


class ChecksumError(ArtifactError):
    """A file's contents differ from what the manifest recorded at export."""


class InputsError(ArtifactError):
    """The file of recorded inputs is missing or malformed."""


class ProtocolError(LatencyError):
    """A measurement protocol that could not give a trustworthy number."""


class ResultError(LatencyError):
    """A measured result cannot be used as asked."""


class OutputMismatchError(ResultError):
    """A device's outputs differ from those that were recorded at export."""


class DeviceError(LatencyError):
    """A device, or the program that runs on it, failed."""


class DeviceConfigError(DeviceError):
    """A device was configured with values that it cannot have."""


class RunnerBuildError(DeviceError):
    """The C++ runner cannot be built or fetched."""


class RunnerCrashError(DeviceError):
    """The runner ended with an error or was killed."""


class RunnerTimeoutError(DeviceError):
    """The runner did not finish within its time."""


class StreamError(DeviceError):
    """The runner's answer is truncated or damaged, so none of its numbers are used."""


class AdbMissingError(DeviceError):
    """There is no adb program."""


class AdbError(DeviceError):
    """adb failed in a way that has no name of its own."""


class NoDeviceError(DeviceError):
    """No phone is attached, or not the one that was asked for."""


class SeveralDevicesError(DeviceError):
    """Several phones are attached and none was chosen."""


class UnauthorizedError(DeviceError):
    """The phone does not trust this machine."""


class OfflineError(DeviceError):
    """The phone is attached but does not answer."""


class DeviceBusyError(DeviceError):
    """Another benchmark on this machine is using the phone."""


class DeviceLostError(DeviceError):
    """The connection to the phone broke off in the middle of a command."""


class AdbTimeoutError(DeviceError):
    """The phone did not finish a command in time."""


class StorageFullError(DeviceError):
    """The phone has no room for the files."""


class TransferError(DeviceError):
    """A file did not arrive on the phone as it was sent."""


class BundleError(DeviceError):
    """The runner's bundle for phones is missing or damaged, or cannot be made."""


class WrongAbiError(DeviceError):
    """The bundle was made for another processor architecture."""


class PreconditionError(DeviceError):
    """The phone is in a state in which its latencies would not be trustworthy."""


class ThrottledError(DeviceError):
    """The phone did not cool down within the limit."""


class MixedDevicesError(DeviceError):
    """Phones of different models would end up in one objective."""
