-- Sessions, holds and lockouts update a customer in place: room on the page keeps the update out of the indexes. For new
-- pages only; nothing is rewritten.
ALTER TABLE "customer" SET (fillfactor = 90);
