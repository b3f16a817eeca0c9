-- Restores of customers who could give one proof of two: each sets a password after a wait, unless it is vetoed. A new
-- table; the version before neither reads nor writes it. Its rows go with their customer.
CREATE TYPE "waiting_restore_state" AS ENUM ('waiting', 'completed', 'vetoed', 'expired');

CREATE TYPE "waiting_restore_veto" AS ENUM ('link', 'sign_in', 'block', 'new_password');

CREATE TABLE "waiting_restore" (
    "id" UUID NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "state" "waiting_restore_state" NOT NULL DEFAULT 'waiting',
    "kind" "identifier_kind" NOT NULL,
    "challenge_id" UUID NOT NULL,
    "client_id" TEXT NOT NULL,
    "ip" TEXT NOT NULL,
    "change_id" INTEGER NOT NULL,
    "opened_at" TIMESTAMPTZ(3) NOT NULL,
    "ends_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "notices_sent" SMALLINT NOT NULL DEFAULT 1,
    "act_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),
    "vetoed_by" "waiting_restore_veto",

    CONSTRAINT "waiting_restore_pkey" PRIMARY KEY ("id")
);

-- At most one of a customer waits.
CREATE UNIQUE INDEX "waiting_restore_one_waits_key" ON "waiting_restore"("customer_id") WHERE "state" = 'waiting';

-- A loop finds those that are due.
CREATE INDEX "waiting_restore_act_at_idx" ON "waiting_restore"("act_at") WHERE "state" = 'waiting';

CREATE INDEX "waiting_restore_customer_id_opened_at_idx" ON "waiting_restore"("customer_id", "opened_at");

-- The sweeper deletes those that ended a month ago.
CREATE INDEX "waiting_restore_finished_at_idx" ON "waiting_restore"("finished_at");

ALTER TABLE "waiting_restore" ADD CONSTRAINT "waiting_restore_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE CASCADE ON UPDATE CASCADE;
