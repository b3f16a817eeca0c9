-- Who cancelled a job, and why approvals were decided. Nullable columns without a default: no table is rewritten, and the
-- version before inserts rows without them.
ALTER TABLE "approval" ADD COLUMN "decision_reason" TEXT;

ALTER TABLE "job"
  ADD COLUMN "cancelled_by" TEXT,
  ADD COLUMN "cancel_reason" TEXT;
