"""What only a backup has, as those who take it to another place hear of it. Must not know how that is found out."""

from dataclasses import dataclass

from letterlock_client.shapes import many


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Files and chats that only the backup has: where it cannot be carried over, they stay where it is."""

    files: int
    bytes: int
    chats: bool = False
    """Whether a restore left chats out."""
    conversations: int = 0
    """How many it left out, where that is known."""
    messages: int = 0
    """How many they hold at most, where that is known."""
    waiting: int = 0
    """How many messages, at most, a restore that is not complete has still to bring."""

    @property
    def words(self) -> str:
        """What chats, messages and files those are; empty where there are none."""
        parts = []
        if self.chats:
            parts.append(
                many(self.conversations, "chat") if self.conversations else "chats that were not restored"
            )
        if self.messages:
            parts[-1] += f" with at most {many(self.messages, 'message')}"
        if self.files:
            parts.append(f"{many(self.files, 'file')}, {self.bytes:,} bytes")
        return " and ".join(parts)

    @property
    def facts(self) -> dict[str, int | bool]:
        """The same in numbers; of what a restore has still to bring as well."""
        return {
            "files": self.files,
            "bytes": self.bytes,
            "chats_left_out": self.chats,
            "chats": self.conversations,
            "messages": self.messages,
            "waiting": self.waiting,
        }
