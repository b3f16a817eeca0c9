-- When the staff ended the wait of a restore. The version before leaves it null.
ALTER TABLE "waiting_restore" ADD COLUMN "ended_early_at" TIMESTAMPTZ(3);
