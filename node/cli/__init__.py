"""The operator's commands, mounted into ``monazite`` when the extra ``[node]`` is installed."""
