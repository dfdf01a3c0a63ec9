"""Static files with hashed names, ES modules included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Rewrite `import … from "./x.js"` to hashed names, so that modules can be cached forever.

    This applies to filehub's own modules only, because files of dependencies may contain import
    statements that cannot be resolved.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        "uploads/*.js",
        CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
    )
