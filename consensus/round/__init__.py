"""One view after another: entering, proposing, voting, deciding, committing."""
