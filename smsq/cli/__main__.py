"""`python -m smsq.cli`: the same as `smsq`."""

from smsq.cli import main

if __name__ == "__main__":
    main(prog_name="smsq")
