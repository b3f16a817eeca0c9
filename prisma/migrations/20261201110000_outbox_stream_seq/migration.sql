-- Where the broker stored an event. After a reconnect, rows beyond the end of the stream are published again: the broker
-- lost them (services/password-service/src/outbox/lost-events.ts). Null for events that an older version published.
ALTER TABLE "outbox" ADD COLUMN "stream_seq" BIGINT;
