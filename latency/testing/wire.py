"""adb's messages and streams, from the device's side.

Sources: adb/protocol.txt and adb/SYNC.TXT in AOSP's platform/system/core, and adb's own code for what they
    leave open.
"""

import asyncio
import struct
from dataclasses import dataclass, field

HEADER = struct.Struct("<6I")
VERSION = 0x01000001
"""From this version on the data checksum may be 0."""
MAX_PAYLOAD = 256 * 1024


def command(name: bytes) -> int:
    """A command word, e.g. `CNXN`, as the number that the header holds."""
    return int.from_bytes(name, "little")


@dataclass(frozen=True)
class Message:
    """One message: a command with two arguments and a payload."""

    name: bytes
    first: int
    second: int
    payload: bytes = b""

    def encode(self) -> bytes:
        """24-byte header and payload."""
        word = command(self.name)
        checksum = sum(self.payload) & 0xFFFFFFFF
        header = HEADER.pack(word, self.first, self.second, len(self.payload), checksum, word ^ 0xFFFFFFFF)
        return header + self.payload


class ProtocolViolation(Exception):
    """What arrived is no adb message."""


async def read_message(reader: asyncio.StreamReader) -> Message:
    """Read one message.

    Raises:
        ProtocolViolation: the header's magic number or length is wrong.
        asyncio.IncompleteReadError: the connection ended.
    """
    word, first, second, length, _, magic = HEADER.unpack(await reader.readexactly(HEADER.size))
    if magic != word ^ 0xFFFFFFFF or length > 1024 * 1024:
        raise ProtocolViolation
    payload = await reader.readexactly(length)
    return Message(word.to_bytes(4, "little"), first, second, payload)


@dataclass
class Stream:
    """One service's stream over a connection; at most one message is under way in each direction."""

    local: int
    remote: int
    writer: asyncio.StreamWriter
    credit: asyncio.Event = field(default_factory=asyncio.Event)
    received: bytearray = field(default_factory=bytearray)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    closed: bool = False

    def send(self, name: bytes, payload: bytes = b"") -> None:
        """Send a message of this stream without waiting."""
        self.writer.write(Message(name, self.local, self.remote, payload).encode())

    async def write(self, data: bytes) -> None:
        """Send data, waiting for the host to have taken what was sent before.

        Raises:
            ConnectionError: the host has closed the stream.
        """
        for start in range(0, len(data), MAX_PAYLOAD):
            await self.credit.wait()
            if self.closed:
                raise ConnectionError("closed by the host")
            self.credit.clear()
            self.send(b"WRTE", data[start : start + MAX_PAYLOAD])

    async def read(self, count: int) -> bytes:
        """Take exactly `count` bytes.

        Raises:
            ConnectionError: the host has closed the stream.
        """
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.received) >= count or self.closed)
            if len(self.received) < count:
                raise ConnectionError("closed by the host")
            data = bytes(self.received[:count])
            del self.received[:count]
            return data

    async def feed(self, data: bytes) -> None:
        """Data from the host."""
        async with self.arrived:
            self.received += data
            self.arrived.notify_all()

    async def shut(self) -> None:
        """The host has closed the stream, or the connection is gone."""
        async with self.arrived:
            self.closed = True
            self.arrived.notify_all()
        self.credit.set()
