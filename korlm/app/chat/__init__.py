"""The tab that chats."""
