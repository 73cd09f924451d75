"""The double itself: a server on loopback that speaks adb's device side."""

import asyncio
import contextlib
import secrets
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from latency.testing.profile import PLAIN, Faults, Files, Profile
from latency.testing.services import serve
from latency.testing.wire import MAX_PAYLOAD, VERSION, Message, ProtocolViolation, Stream, read_message

TOKEN, SIGNATURE, PUBLIC_KEY = 1, 2, 3


class PhoneDouble:
    """A phone that listens on a free port of 127.0.0.1 while it is open."""

    def __init__(
        self, profile: Profile = PLAIN, folder: Path = Path("phone"), faults: Faults | None = None
    ) -> None:
        """Describe the phone; it listens from `__enter__` on.

        Args:
            profile: what it says about itself.
            folder: an empty or new folder that stands for its storage.
            faults: how it fails; none by default.
        """
        self.faults = faults or Faults()
        self.files = Files(profile, folder.resolve())
        self.address = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="phone double")
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()

    def __enter__(self) -> Self:
        """Start listening."""
        self.files.create()
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cut all connections, end all commands and stop listening."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def storage(self) -> Path:
        """What the phone calls /data/local/tmp."""
        return self.files.folder / "data/local/tmp"

    def unplug(self) -> None:
        """Cut all connections at once, as a pulled cable does; the host may connect again."""
        for connection in list(self._connections):
            self._loop.call_soon_threadsafe(connection.abort)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, self.files, self.faults)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    async def _stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)


class Connection:
    """One host's connection and its streams."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, files: Files, faults: Faults
    ) -> None:
        self.reader = reader
        self.writer = writer
        self.files = files
        self.faults = faults
        self.streams: dict[int, Stream] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.next_id = 1

    def abort(self) -> None:
        """Cut the connection without goodbye."""
        self.writer.transport.abort()

    async def run(self) -> None:
        """Answer messages until the connection ends, then end what its streams have started."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ProtocolViolation):
            while True:
                message = await read_message(self.reader)
                if not self.faults.silent:
                    await self.answer(message)
        for stream in self.streams.values():
            await stream.shut()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.abort()

    async def answer(self, message: Message) -> None:
        """React to one message."""
        stream = self.streams.get(message.second)
        match message.name:
            case b"CNXN" | b"AUTH":
                self.greet(message)
            case b"OPEN":
                self.open(message)
            case b"OKAY" if stream is not None:
                stream.credit.set()
            case b"WRTE" if stream is not None:
                await stream.feed(message.payload)
                stream.send(b"OKAY")
            case b"CLSE" if stream is not None:
                await stream.shut()
        await self.writer.drain()

    def greet(self, message: Message) -> None:
        """Introduce the phone, after a show of authentication where that is ordered."""
        trusted = self.faults.key == "ignored" and message.name == b"CNXN"
        shown = message.name == b"AUTH" and message.first == PUBLIC_KEY
        if trusted or (shown and self.faults.key == "accepted"):
            features = "cmd,stat_v2,ls_v2,fixed_push_mkdir" + (",shell_v2" if self.faults.shell_v2 else "")
            model = self.files.profile.model.replace(" ", "_")
            names = f"ro.product.name=double;ro.product.model={model};ro.product.device=double;"
            banner = f"device::{names}features={features}"
            self.writer.write(Message(b"CNXN", VERSION, MAX_PAYLOAD, banner.encode()).encode())
        elif not shown:
            self.writer.write(Message(b"AUTH", TOKEN, 0, secrets.token_bytes(20)).encode())

    def open(self, message: Message) -> None:
        """Open a stream and serve it in a task of its own."""
        stream = Stream(self.next_id, message.first, self.writer)
        self.next_id += 1
        self.streams[stream.local] = stream
        stream.credit.set()
        service = message.payload.rstrip(b"\0").decode("utf-8", "surrogateescape")
        task = asyncio.ensure_future(self.serve(service, stream))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def serve(self, service: str, stream: Stream) -> None:
        """Serve a stream, then close it."""
        if service == "sync:" or service.startswith("shell"):
            stream.send(b"OKAY")
        with contextlib.suppress(ConnectionError):
            if not await serve(service, stream, self.files, self.faults, self.abort):
                self.writer.write(Message(b"CLSE", 0, stream.remote).encode())
        if not stream.closed and not self.writer.is_closing():
            # The host must have taken the last data before it hears that there is no more.
            await stream.credit.wait()
            stream.send(b"CLSE")
        self.streams.pop(stream.local, None)
