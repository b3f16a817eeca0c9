-- A column without a default: no row is rewritten, and an older service goes on inserting rows without it.
SET lock_timeout = '5s';
ALTER TABLE "restore_send" ADD COLUMN "known_network" TEXT;
