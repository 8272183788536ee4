"""davlock: a document server over an ordinary folder, with one lock manager behind every door."""
