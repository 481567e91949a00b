"""The invoice as a PDF: what it says, with which letters, on which pages."""
