"""What a backup is, byte for byte: records, segments, media, manifests, and when which of them is written."""
