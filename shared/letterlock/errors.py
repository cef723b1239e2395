"""Every error this package raises, as one tree, split by who is to blame.

::

    LetterlockError
    ├── PeerError                 they are wrong: drop what they sent and go on
    │   ├── MalformedError        bytes or text that do not parse, or pass a limit
    │   ├── BadKeyError           a public key that must not be used
    │   ├── BadSignatureError     a signature that does not hold
    │   ├── BadProofError         a proof that another key evaluated than the one that was promised
    │   ├── StaleRequestError     a true request, made for another realm or another time
    │   ├── RevokedDeviceError    a true object of a device that is not in its account's list
    │   ├── LyingRealmError       a realm that answered what no honest one answers; it is named
    │   ├── WrongAccountError     a true object, offered for another account or device
    │   ├── ExpiredError          a true object, past its time
    │   ├── StaleListError        a device list older than the one we know
    │   ├── ForkedListError       two signed lists that cannot both be true: somebody lies
    │   ├── OpenError             a ciphertext that does not open
    │   │   ├── DuplicateError    it was opened before: success for a reader
    │   │   ├── TooFarError       a counter that jumps past the limit
    │   │   ├── NoSessionError    no session to open it with
    │   │   └── UnknownPrekeyError  it names a prekey we do not hold (any more)
    │   ├── BackupError           what a provider gave is not the backup that was made
    │   │   ├── WrongSecretError  nothing lies there for this secret
    │   │   ├── DamagedChunkError  a chunk of an object does not open (`name`, `index`)
    │   │   ├── TruncatedError    an object is cut off (`name`)
    │   │   ├── MissingObjectError  an object is not there (`name`)
    │   │   ├── ManifestMismatchError  an object is not what its manifest says (`name`)
    │   │   ├── StaleGenerationError  only an older backup is there than the vault knows of
    │   │   ├── OtherAccountError  the backup of another account
    │   │   └── NewerFormatError  made by a newer version
    │   └── FrameError            a frame that is illegal here and now
    ├── WrongPasswordError        the person who typed is wrong: nobody lied, and nothing is damaged
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


class BadProofError(PeerError):
    """A proof that does not hold: whoever evaluated did not use the key it is bound to."""


class StaleRequestError(PeerError):
    """A true request that was made for another realm, or on another connection: a replay."""


class RevokedDeviceError(PeerError):
    """A true object, signed by a device that does not stand in its account's newest device list."""


class LyingRealmError(PeerError):
    """One realm of a vault answered what no honest realm answers: `realm` is its name."""

    def __init__(self, realm: str, what: str) -> None:
        super().__init__(f"{realm}: {what}")
        self.realm = realm


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


class BackupError(PeerError):
    """What a provider gave is not the backup that was made there. The text is a sentence for people."""


class WrongSecretError(BackupError):
    """Nothing lies at this provider for this secret: the wrong secret, or the wrong provider."""

    def __init__(self) -> None:
        super().__init__(
            "There is no backup for this key here. Check the key, and that this is the right provider and folder."
        )


class _ObjectError(BackupError):
    """Something is wrong with one object, which `name` names."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


class DamagedChunkError(_ObjectError):
    """Chunk `index` (from 0) of an object does not open: its bytes were changed."""

    def __init__(self, name: str, index: int) -> None:
        super().__init__(
            name,
            f"Part {index + 1} of {name} is damaged. Nothing was taken from it;"
            " bring back the provider's own copy, or restore the rest without it.",
        )
        self.index = index


class TruncatedError(_ObjectError):
    """An object is shorter than it was made."""

    def __init__(self, name: str) -> None:
        super().__init__(
            name,
            f"{name} is cut off. Wait until the provider has finished copying it, or bring back its own copy.",
        )


class MissingObjectError(_ObjectError):
    """An object that the manifest names is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(
            name,
            f"{name} is missing at the provider. Wait until it has finished copying, or restore the rest"
            " without it.",
        )


class ManifestMismatchError(_ObjectError):
    """An object is whole, or nearly, but not the one that the manifest describes."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            name,
            f"{name} is not what the backup says it is: {what}. Nothing was taken from it; bring back the provider's"
            " own copy, or restore the rest without it.",
        )


class StaleGenerationError(BackupError):
    """The newest backup that opens is older than one the vault has confirmed; `at` says from when it is (ms)."""

    def __init__(self, generation: int, at: int, known: int) -> None:
        super().__init__(
            f"The newest backup here is number {generation}, but the vault knows of number {known}."
            " Look for the newer one at the provider, or say that the older one will do."
        )
        self.generation = generation
        self.at = at
        self.known = known


class OtherAccountError(BackupError):
    """A backup that opens, but of another account than the one wanted."""

    def __init__(self) -> None:
        super().__init__(
            "This backup belongs to another account. Use the key and the provider of this account."
        )


class NewerFormatError(BackupError):
    """Made by a newer version of this program."""

    def __init__(self) -> None:
        super().__init__("This backup was made by a newer version. Update this program, then try again.")


class FrameError(PeerError):
    """A frame that is not legal in the connection's present state."""


class WrongPasswordError(LetterlockError):
    """A password that is not the one that was registered."""


class MisuseError(LetterlockError):
    """The caller broke this package's contract: a bug on our side."""
