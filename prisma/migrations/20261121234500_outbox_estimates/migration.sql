-- How much waits goes from nothing to everything and back within seconds, when the broker is away or a job runs: what
-- ANALYZE last saw of it is wrong when it matters most. Taken for nothing, a backlog was read from its start once for each
-- event. Without statistics the planner reckons with a small part of the table, and looks each subject up by its index.
ALTER TABLE "outbox" ALTER COLUMN "published_at" SET STATISTICS 0;
