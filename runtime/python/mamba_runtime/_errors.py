"""One exception for each mamba_status."""


class Error(Exception):
    """A failure of the runtime; the message is one line: what, where, what to do."""


class InvalidArgument(Error, ValueError):
    """The caller's value is wrong."""


class InvalidData(Error):
    """A file's content is wrong."""


class NotFound(Error, LookupError):
    """A file, tensor, entry or token is missing."""


class IoError(Error, OSError):
    """The operating system refused."""


class OutOfMemory(Error, MemoryError):
    """There is not enough memory."""


class Unavailable(Error):
    """This machine or build lacks what is needed."""


class Internal(Error):
    """A defect of the runtime."""


ERRORS = {
    1: InvalidArgument,
    2: InvalidData,
    3: NotFound,
    4: IoError,
    5: OutOfMemory,
    6: Unavailable,
    7: Internal,
}
