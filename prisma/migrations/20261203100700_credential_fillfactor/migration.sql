-- A new password updates the credential in place: room on the page keeps the update out of the indexes. For new pages
-- only; nothing is rewritten.
ALTER TABLE "credential" SET (fillfactor = 85);
