"""Check files for malware: the protocol of the scanner, its verdicts, and the queue of checks."""
