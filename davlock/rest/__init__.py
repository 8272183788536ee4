"""The REST door: the document part of SuperOffice's web API, in both of its flavours, and what davlock adds in the same spelling."""
