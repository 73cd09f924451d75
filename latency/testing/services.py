"""The services that a phone offers over a stream: a shell and file transfer."""

import asyncio
import contextlib
import os
import re
import signal
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from latency.testing.profile import Faults, Files
from latency.testing.wire import Stream

Abort = Callable[[], None]
STDOUT, STDERR, EXIT = 1, 2, 3


async def serve(service: str, stream: Stream, files: Files, faults: Faults, abort: Abort) -> bool:
    """Serve one stream until it ends.

    Args:
        service: what the host asked for, e.g. `shell,v2,raw:ls`.
        stream: the stream.
        files: the phone's folder.
        faults: how to fail.
        abort: cuts the whole connection.

    Returns:
        Whether the service exists.
    """
    if service == "sync:":
        await serve_sync(stream, files, faults)
        return True
    shell = re.fullmatch(r"shell(,[^:]*)?:(.*)", service, re.DOTALL)
    if shell is None:
        return False
    packets = faults.shell_v2 and ",v2" in (shell[1] or "")
    await serve_shell(shell[2], stream, files, faults, abort if _is_runner(shell[2]) else None, packets)
    return True


def _is_runner(command: str) -> bool:
    return "--runs=" in command or "--report_pep=true" in command


async def serve_shell(
    command: str, stream: Stream, files: Files, faults: Faults, abort: Abort | None, packets: bool
) -> None:
    """Run a shell command; with `packets` its output is in shell_v2 packets, else plain and without exit
    code.
    """
    await asyncio.sleep(faults.delay)
    files.update()
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        files.translate(command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE if packets else asyncio.subprocess.STDOUT,
        cwd=files.folder,
        env=files.environment(),
        start_new_session=True,
    )
    left = faults.drop_after if abort is not None and faults.drops > 0 else None
    lock = asyncio.Lock()

    async def copy(source: asyncio.StreamReader, kind: int) -> None:
        nonlocal left
        while data := await source.read(32 * 1024):
            async with lock:
                cut = left is not None and len(data) >= left
                sent = data[:left] if cut else data
                await stream.write(struct.pack("<BI", kind, len(sent)) + sent if packets else sent)
                if cut and abort is not None:
                    faults.drops -= 1
                    # The bytes above must reach the host first.
                    await stream.writer.drain()
                    await asyncio.sleep(0.1)
                    abort()
                    raise ConnectionError("dropped on order")
                if left is not None:
                    left -= len(data)

    try:
        assert process.stdout is not None
        copies = [copy(process.stdout, STDOUT)]
        if process.stderr is not None:
            copies.append(copy(process.stderr, STDERR))
        watch: asyncio.Future[None] = asyncio.ensure_future(_closed(stream))
        work: asyncio.Future[list[None]] = asyncio.gather(*copies)
        racing: list[asyncio.Future[Any]] = [watch, work]
        await asyncio.wait(racing, return_when=asyncio.FIRST_COMPLETED)
        watch.cancel()
        if not work.done():
            work.cancel()
            raise ConnectionError("closed by the host")
        await work
        code = await process.wait()
        if packets:
            await stream.write(struct.pack("<BIB", EXIT, 1, code & 0xFF))
    finally:
        # As on a phone, a command ends with its connection.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if _is_runner(command):
            files.note_run()


async def _closed(stream: Stream) -> None:
    async with stream.arrived:
        await stream.arrived.wait_for(lambda: stream.closed)


async def serve_sync(stream: Stream, files: Files, faults: Faults) -> None:
    """Answer file requests until QUIT."""
    handlers: dict[bytes, Callable[[str], Awaitable[None]]] = {
        b"STAT": lambda path: _stat(stream, files, path),
        b"STA2": lambda path: _stat2(stream, files, path, b"STA2"),
        b"LST2": lambda path: _stat2(stream, files, path, b"LST2"),
        b"SEND": lambda path: _receive(stream, files, faults, path),
        b"RECV": lambda path: _transmit(stream, files, path),
    }
    while True:
        name, length = struct.unpack("<4sI", await stream.read(8))
        if name == b"QUIT":
            return
        path = (await stream.read(length)).decode("utf-8", "surrogateescape")
        handler = handlers.get(name)
        if handler is None:
            await _fail(stream, f"unknown request {name!r}")
            return
        await handler(path)


async def _fail(stream: Stream, text: str) -> None:
    await stream.write(struct.pack("<4sI", b"FAIL", len(text)) + text.encode())


async def _stat(stream: Stream, files: Files, path: str) -> None:
    try:
        found = files.local(path).stat()
        values = (found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime) & 0xFFFFFFFF)
    except OSError:
        values = (0, 0, 0)
    await stream.write(struct.pack("<4s3I", b"STAT", *values))


async def _stat2(stream: Stream, files: Files, path: str, name: bytes) -> None:
    layout = struct.Struct("<4sI2Q4IQ3q")
    try:
        found = files.local(path).stat()
    except OSError as error:
        await stream.write(layout.pack(name, error.errno or 2, *([0] * 10)))
        return
    times = (int(found.st_atime), int(found.st_mtime), int(found.st_ctime))
    ids = (found.st_dev, found.st_ino, found.st_mode, found.st_nlink, 2000, 2000, found.st_size)
    await stream.write(layout.pack(name, 0, *ids, *times))


async def _receive(stream: Stream, files: Files, faults: Faults, request: str) -> None:
    path, _, mode = request.rpartition(",")
    content = bytearray()
    while True:
        name, length = struct.unpack("<4sI", await stream.read(8))
        if name == b"DONE":
            break
        if name != b"DATA":
            await _fail(stream, f"unexpected {name!r} in a transfer")
            return
        content += await stream.read(length)
    if faults.disk_bytes is not None and files.used_bytes() + len(content) > faults.disk_bytes:
        await _fail(stream, "couldn't write: No space left on device")
        return
    try:
        local = files.local(path)
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(content)
        _set_mode(local, int(mode))
    except OSError as error:
        await _fail(stream, f"couldn't create file: {error.strerror or error}")
        return
    await stream.write(struct.pack("<4sI", b"OKAY", 0))


def _set_mode(file: Path, mode: int) -> None:
    # adbd copies the user's bits to group and other.
    user = (mode >> 6) & 0o7
    file.chmod((user << 6 | user << 3 | user) & 0o777)


async def _transmit(stream: Stream, files: Files, path: str) -> None:
    try:
        content = files.local(path).read_bytes()
    except OSError as error:
        await _fail(stream, f"{error.strerror or error}")
        return
    for start in range(0, len(content), 65536):
        part = content[start : start + 65536]
        await stream.write(struct.pack("<4sI", b"DATA", len(part)) + part)
    await stream.write(struct.pack("<4sI", b"DONE", 0))
