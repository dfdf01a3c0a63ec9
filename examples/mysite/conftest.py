pytest_plugins = ["uploads.testing"]
