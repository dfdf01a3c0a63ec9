"""Files that a project's forms and rows refer to: check, claim and describe them."""
