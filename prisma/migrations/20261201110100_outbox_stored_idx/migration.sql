-- Events by their place in the stream. It is empty at first: building it reads the table once, and blocks only writes.
CREATE INDEX "outbox_stored_idx" ON "outbox"("outbox_lane"("type", "subject"), "stream_seq") WHERE "stream_seq" IS NOT NULL;
