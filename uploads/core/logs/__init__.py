"""Log lines: what each is about, what never appears in one, and its form."""
