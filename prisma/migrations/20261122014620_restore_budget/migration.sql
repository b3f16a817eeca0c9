-- AlterTable
ALTER TABLE "customer" ADD COLUMN     "forgiven_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "restore_send" (
    "challenge_id" UUID NOT NULL,
    "send_number" INTEGER NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "sent_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "restore_send_pkey" PRIMARY KEY ("challenge_id","send_number")
);

-- CreateTable
CREATE TABLE "restore_failure" (
    "challenge_id" UUID NOT NULL,
    "attempt" INTEGER NOT NULL,
    "customer_id" INTEGER,
    "failed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "restore_failure_pkey" PRIMARY KEY ("challenge_id","attempt")
);

-- CreateIndex
CREATE INDEX "restore_send_customer_id_sent_at_idx" ON "restore_send"("customer_id", "sent_at");

-- CreateIndex
CREATE INDEX "restore_send_sent_at_idx" ON "restore_send"("sent_at");

-- CreateIndex
CREATE INDEX "restore_failure_customer_id_failed_at_idx" ON "restore_failure"("customer_id", "failed_at");

-- AddForeignKey
ALTER TABLE "restore_send" ADD CONSTRAINT "restore_send_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "restore_failure" ADD CONSTRAINT "restore_failure_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE SET NULL ON UPDATE CASCADE;
