-- The events of one customer, which an erasure deletes.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "outbox_subject_idx" ON "outbox"("subject");
