-- Events by their place in the stream.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "outbox_stored_idx" ON "outbox"("outbox_lane"("type", "subject"), "stream_seq")
  WHERE "stream_seq" IS NOT NULL;
