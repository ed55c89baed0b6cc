"""Every number of SMP that we use, and its one place: operations, groups, commands, codes.

Zephyr, "SMP Protocol Specification" and the pages of the groups; 65 is ours (64 and up are for users, 64 itself is
taken by another product).
"""

from enum import IntEnum


class Op(IntEnum):
    """What a frame is; the answer to a request has the next number."""

    READ = 0
    READ_ANSWER = 1
    WRITE = 2
    WRITE_ANSWER = 3


class Group(IntEnum):
    """Groups of commands."""

    OS = 0
    IMAGE = 1
    STAT = 2
    SETTINGS = 3
    FS = 8
    SHELL = 9
    ENUM = 10
    LIMONAIRE = 65


class OsCommand(IntEnum):
    """Commands of group 0."""

    ECHO = 0
    DATETIME = 4
    RESET = 5
    PARAMS = 6  # sizes of the server's buffers
    INFO = 7
    BOOTLOADER = 8


class ImageCommand(IntEnum):
    """Commands of group 1."""

    STATE = 0
    UPLOAD = 1
    ERASE = 5
    SLOTS = 6  # how large an image may be


class StatCommand(IntEnum):
    """Commands of group 2."""

    GROUP = 0
    LIST = 1


class SettingsCommand(IntEnum):
    """Commands of group 3."""

    READ_WRITE = 0
    DELETE = 1
    COMMIT = 2
    LOAD_SAVE = 3  # read loads, write saves


class FsCommand(IntEnum):
    """Commands of group 8."""

    FILE = 0  # read downloads, write uploads
    STATUS = 1
    HASH = 2
    HASH_TYPES = 3
    CLOSE = 4


class ShellCommand(IntEnum):
    """Commands of group 9."""

    EXECUTE = 0


class EnumCommand(IntEnum):
    """Commands of group 10."""

    COUNT = 0
    LIST = 1
    SINGLE = 2
    DETAILS = 3


class LimonaireCommand(IntEnum):
    """Commands of group 65."""

    PARAMS = 0  # {"off": n} → {"total", "off", "params": declarations with "value"}, as many as fit
    STATUS = 1  # {} → what plays and how it is doing
    HEALTH = 2  # {} → {"ok", "reasons", counters}
    SEED = 3  # read {} → {"seed"}; write {"seed": n} → {}
    COPY = 4  # {"off", "size", "sha"} → {"off": next byte wanted}: take a piece of an upload from a book that is here
    TOKEN = 5  # {"token": text} → {}: let this address write


class ReturnCode(IntEnum):
    """`rc`: what any group may answer."""

    EOK = 0
    EUNKNOWN = 1
    ENOMEM = 2
    EINVAL = 3
    ETIMEOUT = 4
    ENOENT = 5
    EBADSTATE = 6
    EMSGSIZE = 7
    ENOTSUP = 8
    ECORRUPT = 9
    EBUSY = 10
    EACCESSDENIED = 11


class OsError(IntEnum):
    """`err.rc` of group 0."""

    OK = 0
    UNKNOWN = 1
    INVALID_FORMAT = 2
    QUERY_YIELDS_NO_ANSWER = 3
    RTC_NOT_SET = 4
    RTC_COMMAND_FAILED = 5


class ImageError(IntEnum):
    """`err.rc` of group 1."""

    OK = 0
    UNKNOWN = 1
    NO_IMAGE = 3
    HASH_NOT_FOUND = 8
    NO_FREE_SLOT = 9
    FLASH_WRITE_FAILED = 12
    INVALID_SLOT = 14
    INVALID_OFFSET = 20
    INVALID_LENGTH = 21
    INVALID_HEADER = 22
    INVALID_MAGIC = 23
    INVALID_HASH = 24
    NEWER_IS_PLAYING = 27
    ALREADY_PENDING = 28
    TOO_LARGE = 30
    DATA_OVERRUN = 31
    CONFIRMATION_DENIED = 32
    TEST_OF_ACTIVE_DENIED = 33


class StatError(IntEnum):
    """`err.rc` of group 2."""

    OK = 0
    UNKNOWN = 1
    INVALID_GROUP = 2
    INVALID_STAT_NAME = 3


class SettingsError(IntEnum):
    """`err.rc` of group 3."""

    OK = 0
    UNKNOWN = 1
    KEY_TOO_LONG = 2
    KEY_NOT_FOUND = 3
    READ_NOT_SUPPORTED = 4
    ROOT_KEY_NOT_FOUND = 5
    WRITE_NOT_SUPPORTED = 6
    DELETE_NOT_SUPPORTED = 7


class FsError(IntEnum):
    """`err.rc` of group 8."""

    OK = 0
    UNKNOWN = 1
    FILE_INVALID_NAME = 2
    FILE_NOT_FOUND = 3
    FILE_IS_DIRECTORY = 4
    FILE_OPEN_FAILED = 5
    FILE_SEEK_FAILED = 6
    FILE_READ_FAILED = 7
    FILE_TRUNCATE_FAILED = 8
    FILE_DELETE_FAILED = 9
    FILE_WRITE_FAILED = 10
    FILE_OFFSET_NOT_VALID = 11
    FILE_OFFSET_LARGER_THAN_FILE = 12
    CHECKSUM_HASH_NOT_FOUND = 13
    MOUNT_POINT_NOT_FOUND = 14
    READ_ONLY_FILESYSTEM = 15
    FILE_EMPTY = 16


class ShellError(IntEnum):
    """`err.rc` of group 9."""

    OK = 0
    UNKNOWN = 1
    COMMAND_TOO_LONG = 2
    EMPTY_COMMAND = 3


class EnumError(IntEnum):
    """`err.rc` of group 10."""

    OK = 0
    UNKNOWN = 1
    TOO_MANY_GROUP_ENTRIES = 2
    INSUFFICIENT_HEAP = 3
    INDEX_TOO_LARGE = 4


ERRORS: dict[int, type[IntEnum]] = {
    Group.OS: OsError,
    Group.IMAGE: ImageError,
    Group.STAT: StatError,
    Group.SETTINGS: SettingsError,
    Group.FS: FsError,
    Group.SHELL: ShellError,
    Group.ENUM: EnumError,
}

GENERAL: dict[tuple[int, int], ReturnCode] = {  # (group, `err.rc`) → what the first edition of SMP can say of it
    (Group.OS, OsError.QUERY_YIELDS_NO_ANSWER): ReturnCode.ENOENT,
    (Group.OS, OsError.RTC_NOT_SET): ReturnCode.ENOENT,
    (Group.IMAGE, ImageError.NO_IMAGE): ReturnCode.ENOENT,
    (Group.IMAGE, ImageError.NO_FREE_SLOT): ReturnCode.EBADSTATE,
    (Group.IMAGE, ImageError.FLASH_WRITE_FAILED): ReturnCode.EUNKNOWN,
    (Group.IMAGE, ImageError.ALREADY_PENDING): ReturnCode.EBADSTATE,
    (Group.IMAGE, ImageError.NEWER_IS_PLAYING): ReturnCode.EBADSTATE,
    (Group.IMAGE, ImageError.CONFIRMATION_DENIED): ReturnCode.EBADSTATE,
    (Group.IMAGE, ImageError.TEST_OF_ACTIVE_DENIED): ReturnCode.EBADSTATE,
    (Group.STAT, StatError.INVALID_GROUP): ReturnCode.ENOENT,
    (Group.SETTINGS, SettingsError.KEY_NOT_FOUND): ReturnCode.ENOENT,
    (Group.FS, FsError.FILE_NOT_FOUND): ReturnCode.ENOENT,
    (Group.FS, FsError.MOUNT_POINT_NOT_FOUND): ReturnCode.ENOENT,
    (Group.FS, FsError.READ_ONLY_FILESYSTEM): ReturnCode.EACCESSDENIED,
    (Group.FS, FsError.FILE_WRITE_FAILED): ReturnCode.EUNKNOWN,
    (Group.FS, FsError.FILE_READ_FAILED): ReturnCode.EUNKNOWN,
}
"""All others are EINVAL."""
