-- CreateEnum
CREATE TYPE "job_state" AS ENUM ('running', 'done', 'cancelled');

-- CreateEnum
CREATE TYPE "approval_action" AS ENUM ('set_password', 'reset_password', 'reset_all');

-- CreateEnum
CREATE TYPE "approval_state" AS ENUM ('pending', 'approved', 'rejected');

-- AlterTable
ALTER TABLE "customer" ADD COLUMN     "hold_until" TIMESTAMPTZ(3),
ADD COLUMN     "kept_session" TEXT,
ADD COLUMN     "session_epoch" INTEGER NOT NULL DEFAULT 0,
ADD COLUMN     "sessions_ended_at" TIMESTAMPTZ(3);

-- AlterTable
ALTER TABLE "password_change" ADD COLUMN     "hold_until" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "revoked_session" (
    "sid" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "revoked_session_pkey" PRIMARY KEY ("sid")
);

-- CreateTable
CREATE TABLE "approval" (
    "id" UUID NOT NULL,
    "action" "approval_action" NOT NULL,
    "state" "approval_state" NOT NULL DEFAULT 'pending',
    "customer_id" INTEGER,
    "hash" TEXT,
    "sealed_password" TEXT,
    "mail_event_id" UUID,
    "maker" TEXT NOT NULL,
    "maker_client_id" TEXT NOT NULL,
    "maker_ip" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "decided_by" TEXT,
    "decided_at" TIMESTAMPTZ(3),

    CONSTRAINT "approval_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "job" (
    "id" UUID NOT NULL,
    "state" "job_state" NOT NULL DEFAULT 'running',
    "total" INTEGER NOT NULL,
    "done" INTEGER NOT NULL DEFAULT 0,
    "failed" INTEGER NOT NULL DEFAULT 0,
    "last_customer_id" INTEGER NOT NULL DEFAULT 0,
    "up_to_customer_id" INTEGER NOT NULL,
    "actor_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "ip" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "job_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "customer_import" (
    "fingerprint" TEXT NOT NULL,
    "file_name" TEXT NOT NULL,
    "records" INTEGER NOT NULL DEFAULT 0,
    "imported" INTEGER NOT NULL DEFAULT 0,
    "refused" INTEGER NOT NULL DEFAULT 0,
    "started_at" TIMESTAMPTZ(3) NOT NULL,
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "customer_import_pkey" PRIMARY KEY ("fingerprint")
);

-- CreateIndex
CREATE INDEX "revoked_session_expires_at_idx" ON "revoked_session"("expires_at");

-- CreateIndex
CREATE INDEX "approval_state_created_at_idx" ON "approval"("state", "created_at");

-- CreateIndex
CREATE INDEX "approval_customer_id_idx" ON "approval"("customer_id");

-- CreateIndex
CREATE INDEX "job_state_created_at_idx" ON "job"("state", "created_at");

-- AddForeignKey
ALTER TABLE "approval" ADD CONSTRAINT "approval_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE SET NULL ON UPDATE CASCADE;
