"""What must hold in every run, restated without the production code's own decisions."""
