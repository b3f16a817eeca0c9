-- The history also records blocks, lifted blocks and ended holds, with the second person and the reason. New columns are
-- null in older rows and in those of the version before, so that their digests stay valid.
ALTER TYPE "change_operation" ADD VALUE 'block';
ALTER TYPE "change_operation" ADD VALUE 'lift_block';
ALTER TYPE "change_operation" ADD VALUE 'end_hold';

ALTER TABLE "password_change"
  ADD COLUMN "approved_by" TEXT,
  ADD COLUMN "reason" TEXT;

-- An approval needs another owner than its maker's. Without one (older requests) it can only be rejected.
ALTER TYPE "approval_action" ADD VALUE 'lift_block';
ALTER TYPE "approval_action" ADD VALUE 'end_hold';

ALTER TABLE "approval"
  ADD COLUMN "maker_owner" TEXT,
  ADD COLUMN "decided_by_owner" TEXT,
  ADD COLUMN "reason" TEXT;

ALTER TABLE "job" ADD COLUMN "reason" TEXT;
