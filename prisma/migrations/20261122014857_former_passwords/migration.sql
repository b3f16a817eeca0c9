-- CreateTable
CREATE TABLE "former_password" (
    "id" SERIAL NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "hash" TEXT NOT NULL,
    "replaced_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "former_password_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE INDEX "former_password_customer_id_id_idx" ON "former_password"("customer_id", "id");

-- AddForeignKey
ALTER TABLE "former_password" ADD CONSTRAINT "former_password_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
