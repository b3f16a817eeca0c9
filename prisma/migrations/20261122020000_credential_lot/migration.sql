-- AlterTable
ALTER TABLE "credential" ADD COLUMN     "lot" DOUBLE PRECISION NOT NULL DEFAULT random();

-- CreateIndex
CREATE INDEX "credential_lot_idx" ON "credential"("lot");
