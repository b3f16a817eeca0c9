-- New columns are nullable and have no default: no table is rewritten, and the previous version inserts rows without
-- them. NULL means unknown: such an address counts as old, such a restore as one over no known channel.
ALTER TABLE "customer" ADD COLUMN "password_channel" "identifier_kind";

ALTER TABLE "identifier" ADD COLUMN "young_since" TIMESTAMPTZ(3);

ALTER TABLE "restore_request"
  ADD COLUMN "kind" "identifier_kind",
  ADD COLUMN "young_since" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "former_address" (
    "id" SERIAL NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "kind" "identifier_kind" NOT NULL,
    "value" TEXT NOT NULL,
    "removed_at" TIMESTAMPTZ(3) NOT NULL,
    "replaced_by" TEXT[] NOT NULL,
    "notified_at" TIMESTAMPTZ(3),

    CONSTRAINT "former_address_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "former_address_customer_id_removed_at_idx" ON "former_address"("customer_id", "removed_at");

-- CreateIndex
CREATE INDEX "former_address_removed_at_idx" ON "former_address"("removed_at");

-- Almost always empty: the address is notified within seconds.
CREATE INDEX "former_address_waiting_idx" ON "former_address"("id") WHERE "notified_at" IS NULL;

-- AddForeignKey
ALTER TABLE "former_address" ADD CONSTRAINT "former_address_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
