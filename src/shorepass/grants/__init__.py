"""Grants: which logins are lent to whom, and until when. ``agent`` answers by them."""
