-- The restore whose wait an approval ends. Without a foreign key: restores are deleted a month after their end, and decided
-- approvals stay.
ALTER TABLE "approval" ADD COLUMN "waiting_restore_id" UUID;
