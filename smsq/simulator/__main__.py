"""`python -m smsq.simulator`: the same as `smsq simulator`."""

from smsq.simulator.command import simulator

if __name__ == "__main__":
    simulator()
