"""Files of messages: sealed as they rest, sent and fetched with patience, plain only where a person said."""
