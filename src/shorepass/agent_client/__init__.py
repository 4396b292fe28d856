"""The agent's protocol from the client's side, and the forwarder's file."""
