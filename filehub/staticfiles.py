"""Static files with hashed names, ES modules included."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleManifestStorage(CompressedManifestStaticFilesStorage):
    """Rewrite `import … from "./x.js"` to hashed names, so that modules can be cached forever.

    This applies to filehub's own modules only, because files of dependencies may contain import
    statements that cannot be resolved.
    """

    support_js_module_import_aggregation = True
    #: A name depends on those of all modules that the file imports, so a chain of imports may take
    #: a pass for each of them. Only a cycle never ends.
    max_post_process_passes = 25
    _js_module_import_aggregation_patterns = (
        "uploads/*.js",
        CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
    )
