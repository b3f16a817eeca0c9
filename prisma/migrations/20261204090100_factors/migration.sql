-- Factors of customers, and their recovery codes. New tables; the version before neither reads nor writes them. A factor's
-- secret is sealed under a key that Postgres does not hold.

-- Each use updates a row, in columns without an index: room for that on its page.
CREATE TABLE "factor" (
    "id" UUID NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "kind" "factor_kind" NOT NULL,
    "label" TEXT NOT NULL,
    "sealed_secret" TEXT NOT NULL,
    "seal_key_id" TEXT NOT NULL,
    "period_seconds" SMALLINT NOT NULL DEFAULT 30,
    "last_step" BIGINT NOT NULL DEFAULT 0,
    "clock_offset" SMALLINT NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "confirmed_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "factor_pkey" PRIMARY KEY ("id")
) WITH (fillfactor = 80);

CREATE INDEX "factor_customer_id_idx" ON "factor"("customer_id");

-- In its order a loop seals the secrets of an older key again.
CREATE INDEX "factor_seal_key_id_id_idx" ON "factor"("seal_key_id", "id");

-- The sweeper deletes enrolments that were not confirmed.
CREATE INDEX "factor_unconfirmed_idx" ON "factor"("created_at") WHERE "confirmed_at" IS NULL;

-- At most one enrolment of a customer waits for its confirmation, and at most one set of recovery codes is in force.
CREATE UNIQUE INDEX "factor_one_unconfirmed_key" ON "factor"("customer_id") WHERE "confirmed_at" IS NULL;

CREATE UNIQUE INDEX "factor_one_set_of_codes_key" ON "factor"("customer_id") WHERE "kind" = 'recovery_codes';

ALTER TABLE "factor" ADD CONSTRAINT "factor_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

CREATE TABLE "recovery_code" (
    "factor_id" UUID NOT NULL,
    "code_hmac" TEXT NOT NULL,
    "used_at" TIMESTAMPTZ(3),

    CONSTRAINT "recovery_code_pkey" PRIMARY KEY ("factor_id", "code_hmac")
);

ALTER TABLE "recovery_code" ADD CONSTRAINT "recovery_code_factor_id_fkey" FOREIGN KEY ("factor_id") REFERENCES "factor"("id") ON DELETE CASCADE ON UPDATE CASCADE;
