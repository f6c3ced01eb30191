"""The program that tries to break cnnkit and counts: `make torture`; docs/reliability.md has its figures."""
