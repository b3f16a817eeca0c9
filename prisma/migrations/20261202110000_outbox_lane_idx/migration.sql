-- The first events of a lane, in order.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "outbox_lane_idx" ON "outbox"("outbox_lane"("type", "subject"), "id")
  WHERE "published_at" IS NULL AND "retry_at" IS NULL;
