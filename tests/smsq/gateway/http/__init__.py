"""Tests of the gateway client; `raw` has the servers that they talk to."""
