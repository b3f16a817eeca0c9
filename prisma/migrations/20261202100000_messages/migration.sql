-- Messages to customers and what became of each (B13). A new table; the version before neither reads nor writes it.

-- CreateEnum
CREATE TYPE "message_kind" AS ENUM ('code', 'notification', 'temporary_password');

-- CreateEnum
CREATE TYPE "message_channel" AS ENUM ('email', 'sms');

-- The order counts: of two reports about one message the later value in this list is kept.
CREATE TYPE "message_status" AS ENUM ('suppressed', 'waiting', 'deferred', 'expired', 'refused', 'handed_over');

-- Each row is updated once or twice after its insert, in columns without an index: room for that on its page.
CREATE TABLE "message" (
    "ref" UUID NOT NULL,
    "send_number" SMALLINT NOT NULL,
    "id" BIGSERIAL NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "kind" "message_kind" NOT NULL,
    "purpose" TEXT NOT NULL,
    "channel" "message_channel" NOT NULL,
    "masked_to" TEXT NOT NULL,
    "asked_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3),
    "status" "message_status" NOT NULL,
    "status_at" TIMESTAMPTZ(3) NOT NULL,
    "reason" TEXT NOT NULL DEFAULT '',
    "attempts" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "message_pkey" PRIMARY KEY ("ref", "send_number")
) WITH (fillfactor = 80);

-- CreateIndex
CREATE INDEX "message_customer_id_asked_at_id_idx" ON "message"("customer_id", "asked_at", "id");

-- CreateIndex
CREATE INDEX "message_asked_at_idx" ON "message"("asked_at");

-- AddForeignKey
ALTER TABLE "message" ADD CONSTRAINT "message_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
