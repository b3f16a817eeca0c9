-- DropIndex
DROP INDEX "outbox_published_at_subject_id_idx";

-- What waits is found without reading past what left in the last day, however much that was, and the other way round.
CREATE INDEX "outbox_waiting_idx" ON "outbox"("id") WHERE "published_at" IS NULL;
CREATE INDEX "outbox_waiting_of_subject_idx" ON "outbox"("subject", "id") WHERE "published_at" IS NULL;
CREATE INDEX "outbox_published_idx" ON "outbox"("published_at") WHERE "published_at" IS NOT NULL;

-- Each event is an entry in the first two that is dead a moment later: cleaned often, they stay small.
ALTER TABLE "outbox" SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
