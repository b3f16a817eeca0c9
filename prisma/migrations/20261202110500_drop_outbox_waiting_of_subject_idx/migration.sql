-- outbox_held_idx replaces it.
DROP INDEX CONCURRENTLY IF EXISTS "outbox_waiting_of_subject_idx";
