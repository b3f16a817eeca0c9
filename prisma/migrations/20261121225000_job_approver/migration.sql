-- AlterTable
ALTER TABLE "job" ADD COLUMN     "approved_by" TEXT;

-- CreateIndex
CREATE INDEX "restore_request_customer_id_idx" ON "restore_request"("customer_id");
