-- Who cancelled a job, and why. Nullable columns without a default: the table is not rewritten, and the version before
-- inserts rows without them.
ALTER TABLE "job"
  ADD COLUMN "cancelled_by" TEXT,
  ADD COLUMN "cancel_reason" TEXT;
