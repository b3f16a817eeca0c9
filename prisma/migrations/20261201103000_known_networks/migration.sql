-- A column without a default: no row is rewritten, and an older service goes on inserting rows without it.
ALTER TABLE "restore_send" ADD COLUMN "known_network" TEXT;
