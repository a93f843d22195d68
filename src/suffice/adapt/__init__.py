"""Methods: how a candidate's artefact is made from rows. One file per method."""
