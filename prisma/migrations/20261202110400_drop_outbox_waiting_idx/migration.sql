-- outbox_lane_idx replaces it.
DROP INDEX CONCURRENTLY IF EXISTS "outbox_waiting_idx";
