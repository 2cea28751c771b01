-- The same image is read once, wherever it lies.
CREATE INDEX tagdeck_documents_content ON documents (sha256);
