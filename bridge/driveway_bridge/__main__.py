"""`python -m driveway_bridge` is `driveway`."""

from driveway_bridge.cli import main

if __name__ == "__main__":
    main()
