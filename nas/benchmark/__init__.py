"""Problems in place of training: what strategies are compared on in seconds or minutes."""
