"""The gateway: an OpenAI-compatible server over certified cascades."""
