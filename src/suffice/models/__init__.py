"""The rungs as they are served: one file per kind of model, all behind `ports.Model`."""
