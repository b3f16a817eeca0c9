-- Held events that are due.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "outbox_due_idx" ON "outbox"("outbox_lane"("type", "subject"), "retry_at")
  WHERE "published_at" IS NULL AND "retry_at" IS NOT NULL;
