"""Tests of the gateway simulator."""
