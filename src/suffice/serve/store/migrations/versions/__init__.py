"""The steps, oldest first by name; a step that was released is never changed."""
