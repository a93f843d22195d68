"""OpenAI's Responses API: the same chats in other words, so every tier that answers chats answers it."""
