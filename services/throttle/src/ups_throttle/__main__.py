"""`python -m ups_throttle`."""

from ups_throttle.app import main

if __name__ == "__main__":
    main()
