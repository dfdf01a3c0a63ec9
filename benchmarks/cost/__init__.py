"""`make cost`: what filehub costs on AWS, from counted requests and prices (docs/cost.md).

`measure` counts what each piece of work requests from a local AWS, and stores that in counts.json.
Everything else is computed from counts.json and prices.toml, and needs no service.
"""
