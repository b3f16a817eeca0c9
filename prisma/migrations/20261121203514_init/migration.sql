-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "public";

-- CreateEnum
CREATE TYPE "customer_status" AS ENUM ('active', 'blocked');

-- CreateEnum
CREATE TYPE "identifier_kind" AS ENUM ('email', 'phone');

-- CreateEnum
CREATE TYPE "change_type" AS ENUM ('changed', 'restored');

-- CreateEnum
CREATE TYPE "change_operation" AS ENUM ('change', 'restore', 'reset', 'set');

-- CreateEnum
CREATE TYPE "change_actor" AS ENUM ('client', 'back_office');

-- CreateTable
CREATE TABLE "customer" (
    "id" SERIAL NOT NULL,
    "code" TEXT NOT NULL,
    "locale" TEXT NOT NULL DEFAULT 'en-GB',
    "timezone" TEXT NOT NULL DEFAULT 'UTC',
    "status" "customer_status" NOT NULL DEFAULT 'active',
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "customer_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "identifier" (
    "id" SERIAL NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "kind" "identifier_kind" NOT NULL,
    "value" TEXT NOT NULL,
    "verified_at" TIMESTAMPTZ(3),

    CONSTRAINT "identifier_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "credential" (
    "customer_id" INTEGER NOT NULL,
    "hash" TEXT NOT NULL,
    "must_change" BOOLEAN NOT NULL DEFAULT false,
    "temporary_until" TIMESTAMPTZ(3),
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "credential_pkey" PRIMARY KEY ("customer_id")
);

-- CreateTable
CREATE TABLE "password_change" (
    "id" SERIAL NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "type" "change_type" NOT NULL,
    "operation" "change_operation" NOT NULL,
    "actor" "change_actor" NOT NULL,
    "actor_id" TEXT NOT NULL,
    "client_id" TEXT NOT NULL,
    "channel" TEXT NOT NULL,
    "ip" TEXT NOT NULL,
    "create_time" TIMESTAMPTZ(3) NOT NULL,
    "previous_digest" TEXT NOT NULL,
    "digest" TEXT NOT NULL,

    CONSTRAINT "password_change_pkey" PRIMARY KEY ("id")
);

-- CreateTable
CREATE TABLE "restore_request" (
    "challenge_id" UUID NOT NULL,
    "customer_id" INTEGER NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "restore_request_pkey" PRIMARY KEY ("challenge_id")
);

-- CreateTable
CREATE TABLE "spent_token" (
    "jti" UUID NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "spent_token_pkey" PRIMARY KEY ("jti")
);

-- CreateTable
CREATE TABLE "outbox" (
    "id" BIGSERIAL NOT NULL,
    "event_id" UUID NOT NULL,
    "type" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "data" JSONB NOT NULL,
    "traceparent" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "published_at" TIMESTAMPTZ(3),

    CONSTRAINT "outbox_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "customer_code_key" ON "customer"("code");

-- CreateIndex
CREATE UNIQUE INDEX "identifier_value_key" ON "identifier"("value");

-- CreateIndex
CREATE INDEX "identifier_customer_id_idx" ON "identifier"("customer_id");

-- CreateIndex
CREATE INDEX "password_change_customer_id_create_time_id_idx" ON "password_change"("customer_id", "create_time", "id");

-- CreateIndex
CREATE INDEX "restore_request_expires_at_idx" ON "restore_request"("expires_at");

-- CreateIndex
CREATE INDEX "spent_token_expires_at_idx" ON "spent_token"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "outbox_event_id_key" ON "outbox"("event_id");

-- CreateIndex
CREATE INDEX "outbox_published_at_subject_id_idx" ON "outbox"("published_at", "subject", "id");

-- AddForeignKey
ALTER TABLE "identifier" ADD CONSTRAINT "identifier_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "credential" ADD CONSTRAINT "credential_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "password_change" ADD CONSTRAINT "password_change_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "restore_request" ADD CONSTRAINT "restore_request_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- The history is append-only: not even the service that writes it can rewrite it.
CREATE FUNCTION "password_change_is_append_only"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'password_change is append-only: % refused', TG_OP;
END
$$;

CREATE TRIGGER "password_change_append_only"
  BEFORE UPDATE OR DELETE OR TRUNCATE ON "password_change"
  FOR EACH STATEMENT EXECUTE FUNCTION "password_change_is_append_only"();

-- Wakes the relay as soon as an event has committed. Postgres sends one notification however many rows there are.
CREATE FUNCTION "outbox_has_news"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('outbox', '');
  RETURN NULL;
END
$$;

CREATE TRIGGER "outbox_notify"
  AFTER INSERT ON "outbox"
  FOR EACH STATEMENT EXECUTE FUNCTION "outbox_has_news"();
