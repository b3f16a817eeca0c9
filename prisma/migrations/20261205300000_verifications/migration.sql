-- Verifications of customers who call the help desk. A new table; the version before neither reads nor writes it. It goes with
-- its customer, so that erase_customer needs no change. `code_hmac` is made with a key that Postgres does not hold.
CREATE TABLE "verification" (
    "id" UUID NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "staff" TEXT NOT NULL,
    "method" TEXT NOT NULL,
    "code_hmac" TEXT,
    "failures" SMALLINT NOT NULL DEFAULT 0,
    "reason" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "verified_at" TIMESTAMPTZ(3),

    CONSTRAINT "verification_pkey" PRIMARY KEY ("id")
);

-- Quotas and acts read the last ones of a customer, and of a member of staff.
CREATE INDEX "verification_customer_id_created_at_idx" ON "verification"("customer_id", "created_at");

CREATE INDEX "verification_staff_created_at_idx" ON "verification"("staff", "created_at");

-- The sweeper deletes old ones.
CREATE INDEX "verification_created_at_idx" ON "verification"("created_at");

ALTER TABLE "verification" ADD CONSTRAINT "verification_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE CASCADE ON UPDATE CASCADE;
