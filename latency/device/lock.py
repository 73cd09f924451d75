"""One benchmark at a time for each phone: a lock on this machine, by the phone's serial number."""

import os
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock, Timeout

from latency.errors import DeviceBusyError, DeviceError


def lock_phone(serial: str) -> FileLock:
    """Take a phone for this process, until the lock is released or the process ends in whatever way.

    Raises:
        DeviceBusyError: another benchmark holds it.
        DeviceError: the lock's file cannot be written.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    file = cache / "paretoparse" / "phones" / f"{quote(serial, safe='')}.lock"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file, thread_local=False)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise DeviceBusyError(
            f"Another benchmark is using the phone {serial}; wait until it has ended, or choose another "
            "phone with device.serial=SERIAL."
        ) from error
    except OSError as error:
        raise DeviceError(
            f"The lock of the phone cannot be written ({error}); set XDG_CACHE_HOME to a folder that can be."
        ) from error
    return lock
