-- Why approvals were decided. A nullable column without a default: the table is not rewritten, and the version before
-- inserts rows without it.
ALTER TABLE "approval" ADD COLUMN "decision_reason" TEXT;
