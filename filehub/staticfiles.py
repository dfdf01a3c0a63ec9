"""Static files with hashed names, ES modules included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Rewrites `import … from "./x.js"` to the hashed name, so that modules are cached for ever.

    Only in filehub's own modules: what comes with dependencies may contain import statements that
    were never meant to be resolved.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        "uploads/*.js",
        CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
    )
