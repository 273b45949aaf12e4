"""The stand-in's memory objects: pointers, memory of others, pinned memory and the pool."""

import ctypes

import numpy as np

from .standin_machine import root_of


class Memory:
    """Bytes at an address; owner is kept alive."""

    def __init__(self, ptr, size, owner, device_id=0):
        self.ptr, self.size, self.device_id, self._owner = ptr, size, device_id, owner


class UnownedMemory(Memory):
    """Bytes that somebody else has allocated."""


class MemoryPointer:
    """A place inside a memory object."""

    def __init__(self, mem, offset):
        self.mem, self.ptr, self._offset = mem, mem.ptr + offset, offset
        self.device_id = mem.device_id

    @classmethod
    def _at(cls, cells):
        """The place of a NumPy array's first element."""
        root = root_of(cells)
        is_own = isinstance(root, np.ndarray)
        memory = Memory(root.ctypes.data, root.nbytes, root) if is_own else root.owner
        return cls(memory, cells.ctypes.data - memory.ptr)

    def __add__(self, offset):
        return MemoryPointer(self.mem, self._offset + offset)

    def __int__(self):
        return self.ptr

    def as_array(self, shape, dtype, order):
        """The NumPy array of this shape that begins here."""
        needed = int(np.prod(shape)) * dtype.itemsize
        if self._offset < 0 or self._offset + needed > self.mem.size:
            raise ValueError(
                f"{needed} bytes at offset {self._offset} are not inside {self.mem.size} bytes"
            )
        buffer = _buffer(self.mem.ptr, self.mem.size, self.mem)
        return np.ndarray(shape, dtype, buffer, self._offset, order=order)


def _buffer(ptr, size, owner):
    """The bytes at an address as an object that keeps their owner alive."""
    kind = type("Bytes", (ctypes.c_ubyte * size,), {})  # a class of ctypes itself has no __dict__
    buffer = kind.from_address(ptr)
    buffer.owner = owner
    return buffer


def alloc_pinned_memory(size):
    """Host memory with the buffer protocol and .ptr, as CuPy's PinnedMemoryPointer."""
    kind = type("PinnedMemoryPointer", (ctypes.c_ubyte * size,), {})
    buffer = kind()
    buffer.ptr = ctypes.addressof(buffer)
    return buffer


class PinnedMemory:
    """Host memory that the device can read, without the buffer protocol."""

    def __init__(self, size, flags=0):
        self._bytes = (ctypes.c_ubyte * size)()
        self.ptr, self.size = ctypes.addressof(self._bytes), size


class MemoryPool:
    """The pool of a Machine: what is used, and what was freed but is kept."""

    def __init__(self, machine):
        self._machine = machine

    def used_bytes(self):
        """Bytes of the arrays that live."""
        return self._machine.used

    def free_bytes(self):
        """Bytes that were freed and are kept for the next arrays."""
        return self._machine.cached

    def total_bytes(self):
        """Both together."""
        return self._machine.used + self._machine.cached

    def free_all_blocks(self, stream=None):
        """Give freed bytes back to the device."""
        self._machine.cached = 0

    def set_limit(self, size=None, fraction=None):
        """Allow no more than size bytes, or this share of the device's; 0 is no limit."""
        if fraction is not None:
            size = int(self._machine.total * fraction)
        self._machine.limit = size or 0

    def get_limit(self):
        """The limit in bytes; 0 is none."""
        return self._machine.limit
