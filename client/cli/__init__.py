"""The commands of ``monazite``: one program, mounted from files by what people do."""
