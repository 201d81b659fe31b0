"""What a member of a zip archive holds, stored or deflated, as addresses to be read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from initcli.core.text import visible
from initcli.formats.storage.extents import Addressed, AddressSpace
from initcli.formats.zip.checksummed import Checksummed
from initcli.formats.zip.crc32 import Crc32
from initcli.formats.zip.directory import DEFLATED, STORED, Member, ZipDirectory
from initcli.formats.zip.inflated import Deflated, Inflated, States


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a member.

    Attributes:
        member: What the directory says of it.
        begin: Where its bytes begin in the file.
        where: What messages name.
        states: How far deflated members of the archive have been inflated.
    """

    member: Member
    begin: int
    where: str
    states: States

    @property
    def is_deflated(self) -> bool:
        """Whether its bytes are not those of its content."""
        return self.member.method == DEFLATED

    def head(self, held: Addressed, most: int) -> bytes:
        """Returns the first bytes of the content."""
        head = bytearray(min(most, self.member.size))
        if self.is_deflated:
            Inflated(self._deflated, States()).read(held, 0, memoryview(head))
        else:
            held.read(self.begin, memoryview(head))
        return bytes(head)

    def address(self, space: AddressSpace) -> int:
        """Returns the address of the content, of which parts will be read."""
        if not self.is_deflated:
            return self.begin
        return space.place(self.member.size, Inflated(self._deflated, self.states))

    def checked(self, space: AddressSpace, passed: bytes) -> int:
        """Returns the address of the rest, whose reader is told if the checksum is wrong.

        Args:
            space: Hands out addresses.
            passed: What has been read of the content, and will not be read again.
        """
        if self.is_deflated:
            return self.address(space) + len(passed)
        told, size = Crc32().updated(memoryview(passed)), self.member.size - len(passed)
        begin = self.begin + len(passed)
        return space.place(size, Checksummed(begin, told, size, self.member.crc, self.where))

    def checked_at_once(self, space: AddressSpace) -> int:
        """Returns the address of the content, all of which is held against its checksum at first.

        It is for content of which only parts are values.
        """
        base, size = self.address(space), self.member.size
        checksummed = Checksummed(base, Crc32(), size, self.member.crc, self.where, is_partial=True)
        return space.place(size, checksummed)

    @property
    def _deflated(self) -> Deflated:
        member = self.member
        return Deflated(self.begin, member.packed, member.size, member.crc, self.where)


def content_of(directory: ZipDirectory, file: BinaryIO, member: Member, states: States) -> Content:
    """Finds the content of a member.

    Args:
        directory: That of the archive.
        file: The archive, open for reading.
        member: Which.
        states: Those of the archive.

    Raises:
        MalformedError: The member is not what the directory says, or is compressed in a way that
            is not read.
    """
    if member.method not in {STORED, DEFLATED}:
        directory.refuse(f"is compressed by method {member.method}, which is not read", member)
    where = f"{directory.where}, member {visible(member.name, 80)}"
    return Content(member, directory.begin(file, member), where, states)
