"""``python -m client``: the same as ``monazite``."""

from client.cli.main import main

if __name__ == "__main__":
    main()
