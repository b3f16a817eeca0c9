-- The links "it was not me" of notifications. The previous version writes none and reads none: its links have their
-- content in a sealed token, which the new version still reads. Without a foreign key: its check would lock the customer,
-- whom the loop that notifies removed addresses does not lock.
CREATE TABLE "report_link" (
    "handle_hmac" TEXT NOT NULL,
    "event_id" UUID NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "change_id" INTEGER NOT NULL,
    "channel" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "report_link_pkey" PRIMARY KEY ("handle_hmac")
);

-- CreateIndex
CREATE INDEX "report_link_expires_at_idx" ON "report_link"("expires_at");
