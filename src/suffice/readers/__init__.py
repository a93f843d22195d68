"""From files to frozen samples: every format the project reads, and the task file."""
