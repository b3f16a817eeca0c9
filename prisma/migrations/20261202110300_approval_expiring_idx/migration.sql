-- Approvals that expire are found in the order of their expiry.
CREATE INDEX CONCURRENTLY IF NOT EXISTS "approval_expiring_idx" ON "approval"("expires_at") WHERE "state" = 'pending';
