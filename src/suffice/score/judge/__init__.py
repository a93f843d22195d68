"""A model as judge: what it is asked, how its verdicts are read, and what they are worth beside people's."""
