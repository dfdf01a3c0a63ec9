"""Users as filehub sees them: owners of files, and holders of API tokens."""
