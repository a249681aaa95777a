"""Commands about campaigns: send a file, try it dry, list them, and whom they did not reach."""
