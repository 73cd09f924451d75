"""Natural-language understanding: text in, semantic frame out."""
