"""Thumbnails of images and PDFs: make them in a confined child process, store and rebuild them."""
