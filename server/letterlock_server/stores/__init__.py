"""Where a relay keeps accounts, prekeys, mailboxes and blobs."""
