"""Every error this package raises, as one tree, split by who is to blame.

::

    LetterlockError
    ├── PeerError                 they are wrong: drop what they sent and go on
    │   ├── MalformedError        bytes or text that do not parse, or pass a limit
    │   ├── BadKeyError           a public key that must not be used
    │   ├── BadSignatureError     a signature that does not hold
    │   ├── WrongAccountError     a true object, offered for another account or device
    │   ├── ExpiredError          a true object, past its time
    │   ├── StaleListError        a device list older than the one we know
    │   ├── ForkedListError       two signed lists that cannot both be true: somebody lies
    │   ├── OpenError             a ciphertext that does not open
    │   │   ├── DuplicateError    it was opened before: success for a reader
    │   │   ├── TooFarError       a counter that jumps past the limit
    │   │   ├── NoSessionError    no session to open it with
    │   │   └── UnknownPrekeyError  it names a prekey we do not hold (any more)
    │   └── FrameError            a frame that is illegal here and now
    └── MisuseError               we are wrong: a bug in the caller

An exception changes nothing: every step that raises leaves its input state as it was.
"""


class LetterlockError(Exception):
    """The root of the tree."""


class PeerError(LetterlockError):
    """What somebody else sent is wrong; drop it and go on."""


class MalformedError(PeerError):
    """Bytes or text that do not parse, or that pass a limit."""


class BadKeyError(PeerError):
    """A public key that must not be used: non-canonical, of low order, or of the wrong length."""


class BadSignatureError(PeerError):
    """A signature that does not hold for these bytes and this purpose."""


class WrongAccountError(PeerError):
    """A true object that belongs to another account or device than the one asked for."""


class ExpiredError(PeerError):
    """A true object whose time is over."""


class StaleListError(PeerError):
    """A device list, or a list key certificate, older than the one already known."""


class ForkedListError(PeerError):
    """Two signed lists that cannot both be true: they share an epoch and version, or a device id."""


class OpenError(PeerError):
    """A ciphertext that does not open."""


class DuplicateError(OpenError):
    """A message that was opened before."""


class TooFarError(OpenError):
    """A counter that jumps further than the limit allows."""


class NoSessionError(OpenError):
    """A message for a session that does not exist here."""


class UnknownPrekeyError(OpenError):
    """A first message that names a prekey this device does not hold (any more)."""


class FrameError(PeerError):
    """A frame that is not legal in the connection's present state."""


class MisuseError(LetterlockError):
    """The caller broke this package's contract: a bug on our side."""
