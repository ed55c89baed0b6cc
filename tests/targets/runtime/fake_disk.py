"""A disk that forgets: content lasts after `sync`, names after `sync_names`, and the power goes when a test says so."""

import io
import random


class PowerCut(BaseException):
    """Not an Exception, so that nothing on the board can survive it by catching."""


class FakeDisk:
    """The interface of Storage over two dictionaries: what the board sees, and what a power cut is sure to leave."""

    def __init__(self, names=None, contents=None):
        self._names = dict(names or {})  # name → inode, as the board sees it
        self._kept_names = dict(self._names)
        self._journal = []  # changes of names not yet on the card, oldest first
        self._contents = dict(contents or {})  # inode → bytes, as the board sees it
        self._kept_contents = dict(self._contents)
        self.operations, self.cut_at = 0, None

    def _step(self):
        self.operations += 1
        if self.cut_at is not None and self.operations >= self.cut_at:
            raise PowerCut

    def _point(self, name, inode):
        self._journal.append((name, inode))
        self._names = {**self._names, name: inode}
        if inode is None:
            del self._names[name]

    def read(self, name):
        return self._contents[self._names[name]] if name in self._names else None

    def open(self, name):
        data = self.read(name)
        return None if data is None else io.BytesIO(data)

    def read_piece(self, name, offset, count):
        return self._contents[self._names[name]][offset : offset + count]

    def names(self):
        return list(self._names)

    def size(self, name):
        data = self.read(name)
        return None if data is None else len(data)

    def write(self, name, data):
        self._step()
        if name not in self._names:
            self._point(name, max([0, *self._contents]) + 1)
            self._kept_contents[self._names[name]] = b""
        self._contents[self._names[name]] = bytes(data)

    def append(self, name, data):
        self.write(name, (self.read(name) or b"") + bytes(data))

    def sync(self, name):
        self._step()
        self._kept_contents[self._names[name]] = self._contents[self._names[name]]

    def rename(self, old, new):
        self._step()
        inode = self._names[old]
        self._point(new, inode)
        self._point(old, None)

    def remove(self, name):
        self._step()
        if name in self._names:
            self._point(name, None)

    def sync_names(self):
        self._step()
        self._kept_names, self._journal = dict(self._names), []

    def after_the_cut(self, chance: random.Random) -> "FakeDisk":
        """What the next power-on finds: some of what was not yet on the card, in the order it was done, and torn."""
        names = dict(self._kept_names)
        for name, inode in self._journal[: chance.randint(0, len(self._journal))]:
            if inode is None:
                names.pop(name, None)
            else:
                names[name] = inode
        contents = {}
        for inode, kept in self._kept_contents.items():
            fresh = self._contents.get(inode, kept)
            torn = fresh[: chance.randint(0, len(fresh))]
            contents[inode] = kept if fresh == kept else chance.choice([kept, fresh, torn])
        return FakeDisk({n: i for n, i in names.items() if i in contents}, contents)
