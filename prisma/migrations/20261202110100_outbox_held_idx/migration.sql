-- Held events of one customer.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "outbox_held_idx" ON "outbox"("outbox_lane"("type", "subject"), "subject", "id")
  WHERE "published_at" IS NULL AND "retry_at" IS NOT NULL;
