"""The state: typed tables over one ordered, authenticated map."""
